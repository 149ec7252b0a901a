/**
 * What the serving thread and its compute worker say to each other. Jobs go through a port that the worker
 * reads between two pieces of work, without a turn of its event loop.
 * @module
 */
import type { Classification } from "../engine/classify.ts";
import type { ModelConfig } from "../format/config.ts";
import type { EngineName, ThreadStatus } from "../engine/engine.ts";
import type { DrawnFrame, FramesRequest } from "./compute.ts";

/** The first message: what to compute with. */
export interface Opening {
  port: MessagePort;
  engine: EngineName;
  /** Directory of the model, for engines that read more files. */
  url: string;
  /** What config.json holds. */
  config: ModelConfig;
  files: WeightBytes;
}

/** The bytes of the two weight files. */
export interface WeightBytes {
  dbn: Uint8Array;
  classifier: Uint8Array;
}

/** Gives the bytes back at once, not at the next garbage collection, which an idle server never has. */
export function freeBytes(files: readonly Uint8Array[]): void {
  const buffers = new Set(files.map(({ buffer }) => buffer)) as Set<ArrayBuffer>;
  for (const buffer of buffers) buffer.transfer?.(0);
}

/** What a worker is opened with, but for its port. */
export type WorkerModel = Omit<Opening, "port" | "engine">;

/** To the worker. */
export type ToWorker =
  | { kind: "classify"; id: number; images: Float32Array }
  | { kind: "frames"; id: number; request: FramesRequest }
  | { kind: "picture"; id: number; png: Uint8Array; maxPixels: number }
  /** The reader of a stream took a frame, and wants another. */
  | { kind: "more"; id: number }
  | { kind: "cancel"; id: number }
  /** See `Compute.drain`. */
  | { kind: "drain" }
  /** Ends the engine's threads, which would outlive the worker; it can be ended after it said so. */
  | { kind: "dispose" };

/** From the worker. */
export type FromWorker =
  | { kind: "ready"; imageSize: number; labelSize: number; threads: ThreadStatus }
  | { kind: "threads"; status: ThreadStatus; isProblem: boolean }
  | { kind: "classified"; id: number; results: Classification[] }
  | { kind: "frame"; id: number; frame: DrawnFrame }
  | { kind: "pixels"; id: number; pixels: Uint8Array }
  | { kind: "ended"; id: number }
  | { kind: "disposed" }
  | { kind: "failed"; id: number; error: SentError };

/** An error as it crosses threads: classes do not. */
export interface SentError {
  name: string;
  message: string;
  stack?: string;
}

/** An error, ready to be sent. */
export function toSent(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  return { name: error.name, message: error.message, stack: error.stack };
}
