/**
 * Makes a version of a model directory: the probe that whoever loads it must reproduce, and the manifest
 * that lists its files.
 * @module
 */
import { answerArrays, classify } from "../../src/engine/classify.ts";
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { MANIFEST_FILE } from "../../src/format/manifest.ts";
import {
  float32Tolerance,
  type Probe,
  PROBE_FILE,
  PROBE_IMAGES,
  writeProbe,
} from "../../src/format/probe.ts";
import { describeVersion } from "../../src/repository/describe_version.ts";
import { type StoredModel, writeModelFile } from "../../src/repository/model_directory.ts";
import type { Examples } from "../data/examples.ts";

/** Writes a model's probe: images of every class with what the reference engine says of them. */
export async function writeModelProbe(model: StoredModel, test: Examples): Promise<void> {
  const indices = probeIndices(test.labels, PROBE_IMAGES);
  const images = new Float32Array(indices.length * test.size);
  test.read(images, indices);
  const probe = await makeProbe(model, images);
  await writeModelFile(model.url, PROBE_FILE, writeProbe(probe, test.size));
}

/** Writes the manifest of the files that a model directory has now: the last thing that is written of it. */
export async function writeModelManifest({ url }: Pick<StoredModel, "url">): Promise<void> {
  const { bytes } = await describeVersion(url);
  await writeModelFile(url, MANIFEST_FILE, bytes);
}

/** What the reference engine says of images. */
export async function makeProbe(
  model: Parameters<typeof createReferenceEngine>[0],
  images: Float32Array,
): Promise<Probe> {
  const answers = await classify(createReferenceEngine(model), images);
  return { images, ...answerArrays(answers), tolerance: float32Tolerance };
}

/** Indices of the first examples of each class, the classes by turns; all where there are fewer. */
export function probeIndices(labels: Uint8Array, count: number): number[] {
  const seen = new Map<number, number>();
  const rounds = Array.from(labels, (label) => {
    const round = seen.get(label) ?? 0;
    seen.set(label, round + 1);
    return round;
  });
  return Array.from(labels.keys())
    .sort((a, b) => rounds[a] - rounds[b] || labels[a] - labels[b])
    .slice(0, count);
}
