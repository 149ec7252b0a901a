/**
 * A version's `probe.safetensors`: images with the answers of the reference engine, which whoever loads
 * the version must reproduce. It finds weights that are whole and wrong: of another model, of another
 * layout, or an engine that computes something else.
 * @module
 */
import { readSafetensors, takeTensor, type Tensor, writeSafetensors } from "./safetensors.ts";

// N images, V pixels, L labels

/** Name of the file in a version. */
export const PROBE_FILE = "probe.safetensors";

/** Images of a probe that a training writes, some of every class. */
export const PROBE_IMAGES = 64;

/** Largest differences of what is right, for float32 weights: sums in another order differ by less. */
export const float32Tolerance: ProbeTolerance = { probability: 1e-3, freeEnergy: 0.05 };

/** Largest differences from the reference engine. */
export interface ProbeTolerance {
  probability: number;
  freeEnergy: number; // nats
}

/** What both models say of images. */
export interface ProbeAnswers {
  classifier: Float32Array; // class probabilities, (N, L)
  joint: Float32Array; // class probabilities, (N, L)
  freeEnergies: Float32Array; // nats, (N, L)
}

/** Images and the right answers. */
export interface Probe extends ProbeAnswers {
  images: Float32Array; // (N, V) in [0, 1]
  tolerance: ProbeTolerance;
}

/** A version does not answer as its probe says. */
export class ProbeError extends Error {
  override name = "ProbeError";
}

/** Names of the tensors. */
const names = {
  images: "images",
  classifier: "classifier_probabilities",
  joint: "joint_probabilities",
  freeEnergies: "free_energies",
} as const;

/** The bytes of a probe. */
export function writeProbe(probe: Probe, imageSize: number): Uint8Array {
  const count = probe.images.length / imageSize;
  const tensors = new Map<string, Tensor>();
  for (const [key, name] of Object.entries(names)) {
    const data = probe[key as keyof typeof names];
    tensors.set(name, { shape: [count, data.length / count], data });
  }
  const { probability, freeEnergy } = probe.tolerance;
  return writeSafetensors(tensors, {
    format: "dbn-edge/probe/1",
    probability_tolerance: String(probability),
    free_energy_tolerance: String(freeEnergy),
  });
}

/** The most bytes that a probe of so many images, pixels and labels may hold. */
export function maxProbeBytes({ imageSize, labelSize }: ProbeShape): number {
  return 65536 + 4 * MAX_IMAGES * (imageSize + 3 * labelSize);
}

const MAX_IMAGES = 1000;

/** Sizes of the model that a probe is for. */
export interface ProbeShape {
  imageSize: number;
  labelSize: number;
}

/**
 * What a probe's bytes hold.
 * @throws {WeightsFormatError} naming the tensor and both shapes where they do not fit the model
 * @throws {ProbeError} if it has no images or no tolerance
 */
export function readProbe(bytes: Uint8Array, { imageSize, labelSize }: ProbeShape): Probe {
  const file = readSafetensors(bytes, PROBE_FILE);
  const count = file.tensors.get(names.images)?.shape[0] ?? 0;
  if (!(count >= 1 && count <= MAX_IMAGES)) {
    throw new ProbeError(
      `Cannot read ${PROBE_FILE}: it must hold 1 to ${MAX_IMAGES} images, got ${count}`,
    );
  }
  const take = (name: string, width: number) => takeTensor(file, name, [count, width], PROBE_FILE);
  const tolerance = (name: string) => {
    const text = file.metadata[name], value = Number(text);
    if (value > 0 && value <= 1) return value;
    throw new ProbeError(`Cannot read ${PROBE_FILE}: ${name} must be in (0, 1], got ${text}`);
  };
  return {
    images: take(names.images, imageSize),
    classifier: take(names.classifier, labelSize),
    joint: take(names.joint, labelSize),
    freeEnergies: take(names.freeEnergies, labelSize),
    tolerance: {
      probability: tolerance("probability_tolerance"),
      freeEnergy: tolerance("free_energy_tolerance"),
    },
  };
}

/** @throws {ProbeError} naming the image and both numbers where an answer is another one. */
export function checkAnswers(probe: Probe, answers: ProbeAnswers): void {
  const { probability, freeEnergy } = probe.tolerance;
  compare(names.classifier, probe.classifier, answers.classifier, probability);
  compare(names.joint, probe.joint, answers.joint, probability);
  compare(names.freeEnergies, probe.freeEnergies, answers.freeEnergies, freeEnergy);
}

function compare(name: string, right: Float32Array, got: Float32Array, tolerance: number): void {
  for (let i = 0; i < right.length; i++) {
    if (Math.abs(got[i] - right[i]) <= tolerance) continue; // false of NaN
    throw new ProbeError(
      `The model does not answer as ${PROBE_FILE} says: ${name}[${i}] must be ${
        right[i]
      } ± ${tolerance}, got ${got[i]}`,
    );
  }
}
