/**
 * What every engine can do. Engines are compared on probabilities, never on sampled bits.
 * @module
 */
import type { Conditionals } from "../sampling/gibbs.ts";
import type { JointPosterior } from "../model/dbn.ts";

// B batch, V image pixels, L labels

/** The engines that {@linkcode openEngine} knows. */
export const engineNames = ["simd", "tfjs", "onnx", "reference"] as const;

/** Name of an engine. */
export type EngineName = typeof engineNames[number];

/** Runs one model's arithmetic: the conditionals of Gibbs sampling, and both ways to classify. */
export interface Engine extends Conditionals {
  readonly name: EngineName;
  /** Class probabilities of the fine-tuned classifier: images (B, V) in [0, 1] → (B, L). */
  classifierProbabilities(images: Float32Array): Promise<Float32Array>;
  /** Class posterior and free energies (nats) of the joint model: images (B, V) → (B, L) each. */
  jointPosterior(images: Float32Array): Promise<JointPosterior>;
  /** Frees the engine's memory. Calling anything afterwards is an error. */
  dispose(): void;
}
