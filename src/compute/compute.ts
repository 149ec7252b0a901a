/**
 * What the service computes, apart from sockets: classification, Gibbs chains with their pictures, and
 * decoding of pictures that clients send.
 * @module
 */
import type { Classification } from "../engine/classify.ts";
import type { EngineName, ThreadStatus } from "../engine/engine.ts";
import type { GibbsOptions } from "../sampling/gibbs.ts";

// N chains, V image pixels

/** How a frame of a chain is drawn: a PNG grid, or the bytes of every image. */
export type FrameFormat = { kind: "png"; scale: number } | { kind: "pixels" };

/** A request for chains. */
export interface FramesRequest {
  /** What is asked of the chains. */
  chain:
    & Pick<GibbsOptions, "n" | "steps" | "seed" | "label" | "burnIn" | "thin" | "temperature">
    & { start?: "noise" | "mean" | "label" };
  /** How frames are drawn. */
  format: FrameFormat;
  /** Only the last frame, drawn once. */
  lastOnly: boolean;
}

/** A kept step of all chains, drawn. */
export interface DrawnFrame {
  /** Counted from 1. */
  step: number;
  /** The most probable label of each chain, (N). */
  labels: number[];
  /** The PNG grid, where it was asked for. */
  png?: Uint8Array;
  /** Intensities 0 … 255 of every image, (N, V), where they were asked for. */
  pixels?: Uint8Array;
}

/** Runs a model away from the sockets, or in pieces between them. */
export interface Compute {
  /** The engine that computes. */
  readonly engineName: EngineName;
  /** Pixels of an image, V. */
  readonly imageSize: number;
  /** Labels of the model. */
  readonly labelSize: number;
  /** How many threads share the work, as last heard. */
  threads(): ThreadStatus;
  /** Classifies images (B, V) in [0, 1] by both models. */
  classify(images: Float32Array): Promise<Classification[]>;
  /** Runs chains and yields the frames that are kept; ends early, quietly, when `signal` is aborted. */
  frames(request: FramesRequest, signal: AbortSignal): AsyncGenerator<DrawnFrame, void, void>;
  /**
   * A PNG of one digit as the bytes (V) of the model's input.
   * @throws {PngFormatError} if it is broken or too large
   * @throws {RangeError} if there is no digit in it
   */
  readPicture(png: Uint8Array, options: { maxPixels: number }): Promise<Uint8Array>;
  /** Chains end one after the other from now on, instead of all of them late: time is short. */
  drain?(): void;
  /** Ends its threads and frees its memory. */
  dispose(): void;
}
