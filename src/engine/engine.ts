/**
 * What engines compute, one interface a purpose: an image classifier, a joint model of images and labels,
 * and the conditionals of Gibbs sampling. Engines are compared on probabilities, never on sampled bits.
 * @module
 */
import type { Conditionals } from "../sampling/options.ts";
import type { JointPosterior } from "../model/dbn.ts";
import type { ThreadStatus } from "./answers.ts";

export type { ThreadStatus };

// B batch, V image pixels, L labels

/** The engines that {@linkcode openEngine} knows. */
export const engineNames = ["simd", "tfjs", "onnx", "reference"] as const;

/** Name of an engine. */
export type EngineName = typeof engineNames[number];

/** The sizes of a model that reads images. */
export interface ImageModel {
  /** Pixels of an image, V. */
  readonly imageSize: number;
  /** Labels, L. */
  readonly labelSize: number;
}

/** The fine-tuned network. */
export interface ImageClassifier extends ImageModel {
  /** Class probabilities of images (B, V) in [0, 1], (B, L). */
  classifierProbabilities(images: Float32Array): Promise<Float32Array>;
}

/** The joint model of images and labels. */
export interface JointModel extends ImageModel {
  /** Class posterior and free energies (nats) of images (B, V) in [0, 1], (B, L) each. */
  jointPosterior(images: Float32Array): Promise<JointPosterior>;
}

/** Something that holds memory or threads. */
export interface Resource {
  /** Frees them. Calling anything afterwards is an error. */
  dispose(): void;
}

/** All that serving needs of a model. */
export interface Engine extends ImageClassifier, JointModel, Conditionals, Resource {
  /** Which engine it is. */
  readonly name: EngineName;
  /** How many threads share its work; one of its own if left out. */
  threads?(): ThreadStatus;
  /** Copies the weights of a file into memory of its own, after which the file's bytes may be freed. */
  settle?(file: "dbn" | "classifier"): void;
}

/** What an engine is opened with. */
export interface EngineOptions {
  /** Hears why an engine computes on fewer threads than it asked for. */
  onProblem?: (status: ThreadStatus) => void;
  /**
   * The kernels of `simd`, compiled: `kernels.wasm` of this package, for platforms that compile no bytes, such
   * as workerd. One thread computes.
   * @default compiled from bytes
   */
  kernels?: WebAssembly.Module;
}
