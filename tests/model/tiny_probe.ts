/** The probe of a small model. */
import { classify } from "../../src/engine/classify.ts";
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { float32Tolerance, writeProbe } from "../../src/format/probe.ts";
import type { Model } from "../../src/format/weights.ts";

/** Bytes of `probe.safetensors`: two grey images and the reference engine's answers. */
export async function tinyProbe(model: Model): Promise<Uint8Array> {
  const { height, width } = model.config.architecture, imageSize = height * width;
  const images = Float32Array.from({ length: 2 * imageSize }, (_, i) => (i % 97) / 97);
  const answers = await classify(createReferenceEngine(model), images);
  const rows = (of: (answer: typeof answers[number]) => Iterable<number>) =>
    Float32Array.from(answers.flatMap((answer) => [...of(answer)]));
  return writeProbe({
    images,
    classifier: rows(({ classifier }) => classifier.probabilities),
    joint: rows(({ joint }) => joint.probabilities),
    freeEnergies: rows(({ joint }) => joint.freeEnergies),
    tolerance: float32Tolerance,
  }, imageSize);
}
