/**
 * What calls of the typed client take, and how the service's URLs say it.
 * @module
 */
import type { ChainStartName } from "../api/requests.ts";

/** A `fetch`: the platform's, or one that stands for it, such as `app.request` or a service binding's. */
export type Fetch = (url: string, init: RequestInit) => Response | Promise<Response>;

/** What every call takes. */
export interface CallOptions {
  /** Ends the call, which then throws the signal's reason. */
  signal?: AbortSignal;
  /**
   * Milliseconds until the answer must begin, and again until it must be whole; of a stream, until each frame.
   * @default 60000
   */
  timeoutMs?: number;
  /**
   * Further tries where the service has no place (503) and says by `Retry-After` when to come again.
   * @default 2
   */
  maxRetries?: number;
  /** The version that answers; the one that production names if left out. */
  version?: number;
}

/** Of all calls of a client; those of a call come before them. */
export interface ClientOptions extends CallOptions {
  /** Sent as `Authorization: Bearer …`, where the service or what stands before it asks for one. */
  token?: string;
  /** What sends requests. @default the platform's */
  fetch?: Fetch;
}

/** How images are classified. */
export interface ClassifyOptions extends CallOptions {
  /**
   * The intensity of full ink. Numbers are in [0, 1] unless it is given, bytes in [0, 255].
   * @default 1 of numbers, the model's own of bytes
   */
  divisor?: number;
}

/** Which images are generated. */
export interface GenerateOptions extends CallOptions {
  /** Index of the clamped label; free if left out. */
  label?: number;
  /** Images, each by a Gibbs chain of its own. @default 1 */
  n?: number;
  /** Gibbs steps of each chain. @default 200 */
  steps?: number;
  /** An integer in [0, 2⁵³). The same one gives the same images. @default random */
  seed?: number;
  /** Of the conditionals; 1 is the model. @default 1 */
  temperature?: number;
  /** How the chains start. @default "label", without a label "mean" */
  start?: ChainStartName;
}

/** Which images are generated, as one picture. */
export interface GeneratePictureOptions extends GenerateOptions {
  /** As a picture; without it, as pixels. */
  format: "png";
  /** Pixels of the picture a pixel of the model. @default 2 */
  scale?: number;
}

/** Which chains are watched. */
export interface StreamOptions extends GenerateOptions {
  /** Steps before the first frame. @default 0 */
  burnIn?: number;
  /** Steps between frames. @default 1/50 of `steps` */
  thin?: number;
  /** Pixels of a frame's picture a pixel of the model. @default 2 */
  scale?: number;
}

/** Paths of the service, and the parameters that each has. */
const parameters = {
  "classify": ["version"],
  "generate": [
    ...["label", "n", "steps", "seed", "burnIn", "thin", "temperature", "start", "scale"],
    ...["format", "version"],
  ],
  "model": ["version"],
  "health/ready": [],
};

/** A path of the service. */
export type Path = keyof typeof parameters;

/** A path with a query of those options that are given and are parameters of it. */
export function pathOf(path: Path, options: object): string {
  const query = new URLSearchParams();
  for (const name of parameters[path]) {
    const value = (options as Record<string, unknown>)[name];
    if (value !== undefined) query.set(name, String(value));
  }
  const text = String(query);
  return text === "" ? path : `${path}?${text}`;
}
