/**
 * What the service answers: JSON bodies, and the data of server-sent events.
 * @module
 */
import type { Classification, ThreadStatus } from "../engine/answers.ts";
import type { ModelConfig } from "../format/config.ts";

export type { Classification, ModelConfig, ThreadStatus };
export type { HiddenActivation } from "../model/dbn.ts";

/** The version of a model that answered. */
export interface ModelVersion {
  /** The model's name. */
  name: string;
  /** Its version, from 1. */
  version: number;
}

/** Of `POST /classify`. */
export interface ClassifyAnswer {
  /** The version that answered. */
  model: ModelVersion;
  /** What computed it. */
  engine: string;
  /** One an image, in order. */
  images: Classification[];
}

/** Of `GET /generate?format=json`. */
export interface GenerateAnswer {
  /** The version that answered. */
  model: ModelVersion;
  /** What computed it. */
  engine: string;
  /** With it the answer is made again. */
  seed: number;
  /** Gibbs steps of each chain. */
  step: number;
  /** The most probable label of each chain, (N). */
  labels: number[];
  /** Intensities 0 … 255 of each image, (N)(H·W). */
  pixels: number[][];
}

/** Data of an event `frame` of `GET /generate?format=sse`. */
export interface FrameEvent {
  /** Gibbs steps until now. */
  step: number;
  /** Gibbs steps in all. */
  steps: number;
  /** The most probable label of each chain, (N). */
  labels: number[];
  /** The images as a PNG grid, in base64. */
  png: string;
}

/** Data of the event `done`, the last of a whole stream. */
export interface DoneEvent {
  /** Gibbs steps of each chain. */
  steps: number;
  /** With it the stream is made again. */
  seed: number;
}

/** Data of the event `error`, the last of a stream that could not go on. */
export interface ErrorEventData {
  /** Why it could not. */
  detail: string;
  /** `stopping` where the server stops. */
  reason?: string;
}

/** Of `GET /model`. */
export interface ModelAnswer {
  /** What computes. */
  engine: string;
  /** How many threads share the work. */
  threads: ThreadStatus;
  /** What config.json holds. */
  config: ModelConfig;
  /** The model card, Markdown. */
  card: string | null;
}

/** Of `GET /health/live`. */
export interface LiveAnswer {
  /** Always the same. */
  status: "live";
}

/** Of `GET /health/ready`. */
export interface ReadyAnswer {
  /** Always the same; a problem where it is not. */
  status: "ready";
  /** Name of the model that is served. */
  model: string;
  /** The version that answers requests that name none. */
  version: number;
  /** Why that is not the one that the alias names. */
  fallback?: string;
}
