import { assertEquals } from "@std/assert";
import {
  createSimdClassifier,
  createSimdEngine,
  createSimdJointModel,
} from "../../src/engine/simd/simd.ts";
import { readModel, writeWeights } from "../../src/format/weights.ts";
import { fillUniform } from "../../src/math/random.ts";
import { tinyModel } from "../model/tiny_model.ts";
import { freeBytes } from "../../src/compute/messages.ts";
import { conformance } from "./conformance.ts";

conformance("simd", (model) => Promise.resolve(createSimdEngine(model)));
conformance("simd without its model's bytes", (model) => {
  const files = writeWeights(model), engine = createSimdEngine(readModel(model.config, files));
  engine.settle!("dbn");
  engine.settle!("classifier");
  freeBytes([files.dbn, files.classifier]);
  assertEquals([files.dbn.length, files.classifier.length], [0, 0]);
  return Promise.resolve(engine);
});

Deno.test("a classifier and a joint model alone give the bits of the whole engine", async () => {
  const model = tinyModel({ height: 6, width: 5, hidden: [33, 31], top: 40 });
  const whole = createSimdEngine(model);
  const classifier = createSimdClassifier(model.classifier);
  const joint = createSimdJointModel(model.dbn);
  assertEquals([classifier.imageSize, classifier.labelSize], [whole.imageSize, whole.labelSize]);
  assertEquals([joint.imageSize, joint.labelSize], [whole.imageSize, whole.labelSize]);
  for (const batch of [1, 3, 100]) {
    const images = new Float32Array(batch * whole.imageSize);
    fillUniform(images, { seed: 77, chain: 0, step: 0, layer: batch });
    assertEquals(
      await classifier.classifierProbabilities(images),
      await whole.classifierProbabilities(images),
    );
    assertEquals(await joint.jointPosterior(images), await whole.jointPosterior(images));
  }
  for (const engine of [whole, classifier, joint]) engine.dispose();
});
