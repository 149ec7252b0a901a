import { assert, assertEquals } from "@std/assert";
import { argmaxRows } from "../../src/math/activations.ts";
import { mnist } from "../../src/data/mnist.ts";
import { type Engine, engineNames } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import { loadModel } from "../../src/repository/model_directory.ts";
import { generateFrame } from "../../src/sampling/gibbs.ts";
import { evaluate } from "../../train/measure/evaluation.ts";
import { loadExamples } from "../../train/cli/data_flags.ts";
import { largestDifference, TOLERANCE } from "./conformance.ts";

const model = await loadModel();

async function answers(engine: Engine, images: Float32Array) {
  const joint = await engine.jointPosterior(images);
  return { classifier: await engine.classifierProbabilities(images), joint: joint.probabilities };
}

Deno.test("all engines agree on 1,000 test images to 1e-4 and on every label", async () => {
  const { images: bytes } = await mnist().load({ split: "test[:1000]" });
  const images = Float32Array.from(bytes, (pixel) => pixel / 255);
  const reference = await answers(await openEngine(model, { engine: "reference" }), images);
  for (const name of engineNames.filter((name) => name !== "reference")) {
    const engine = await openEngine(model, { engine: name });
    const given = await answers(engine, images);
    for (const what of ["classifier", "joint"] as const) {
      const largest = largestDifference(given[what], reference[what]);
      console.log(`${name}, ${what}: largest difference ${largest.toExponential(1)}`);
      assert(largest <= TOLERANCE, `${name}, ${what}: ${largest}`);
      assertEquals(
        argmaxRows(given[what], 10),
        argmaxRows(reference[what], 10),
        `${name}, ${what}`,
      );
    }
    engine.dispose();
  }
});

Deno.test("the released model's test errors are those of its config, and within the targets", async () => {
  const engine = await openEngine(model);
  const result = await evaluate(engine, await loadExamples(mnist(), "test", 255));
  // The weights of before up-down are not in the model.
  const { split, greedy: _, ...stated } = model.config.evaluation as Record<string, unknown>;
  assertEquals(split, "test");
  assertEquals(JSON.parse(JSON.stringify(result)), stated);
  console.log(`classifier ${result.classifier.percent} %, joint model ${result.joint.percent} %`);
  assert(result.classifier.percent <= 0.48); // 0.46 before the weights were rounded
  assert(result.joint.percent <= 0.86); // 0.84
  engine.dispose();
});

Deno.test("labels are those of the weights before they were rounded, on 99.9 % of the test images", async () => {
  const trained = await loadModel(new URL("../../models/mnist-dbn/2/", import.meta.url));
  assertEquals(model.config.origin, { version: 2, dtype: "F32" });
  const { images: bytes } = await mnist().load({ split: "test" });
  const engines = await Promise.all([model, trained].map((model) => openEngine(model)));
  const agreed = { classifier: 0, joint: 0 }, rows = 500, count = bytes.length / 784;
  for (let first = 0; first < count; first += rows) {
    const some = bytes.subarray(784 * first, 784 * (first + rows));
    const images = Float32Array.from(some, (pixel) => pixel / 255);
    const [ours, theirs] = await Promise.all(engines.map((engine) => answers(engine, images)));
    for (const what of ["classifier", "joint"] as const) {
      const labels = argmaxRows(theirs[what], 10);
      agreed[what] += argmaxRows(ours[what], 10).filter((label, i) => label === labels[i]).length;
    }
  }
  console.log(`of ${count} labels agree ${agreed.classifier} and ${agreed.joint}`);
  assert(Math.min(agreed.classifier, agreed.joint) >= 0.999 * count);
  for (const engine of engines) engine.dispose();
});

for (const name of ["simd", "tfjs", "onnx"] as const) {
  Deno.test(`${name}: the released model's digits do not depend on how many are made at once`, async () => {
    const engine = await openEngine(model, { engine: name });
    const options = { label: 3, steps: 6, seed: 1 };
    const { images } = await generateFrame(engine, { ...options, n: 7 });
    for (const batchSize of [1, 2, 5]) {
      assertEquals((await generateFrame(engine, { ...options, n: 7, batchSize })).images, images);
    }
    assertEquals((await generateFrame(engine, { ...options, n: 1 })).images, images.slice(0, 784));
    engine.dispose();
  });
}

Deno.test("most class-clamped samples are read as the class that was asked for", async () => {
  const engine = await openEngine(model);
  const label = Array.from({ length: 100 }, (_, i) => i % 10);
  const { images } = await generateFrame(engine, { n: 100, label, seed: 1 });
  const read = argmaxRows(await engine.classifierProbabilities(images), 10);
  const right = read.filter((digit, i) => digit === label[i]).length;
  console.log(`${right} of 100 samples are read as their label by the model's own classifier`);
  assert(right >= 85);
  engine.dispose();
});
