/**
 * What requests to the service hold: JSON bodies and headers, and queries as the strings of a URL.
 * @module
 */

// H·W pixels of an image

/** Body of `POST /classify`: one image or many, each of H·W intensities in [0, divisor]. */
export interface ClassifyRequest {
  /** Row by row, 0 the background. */
  pixels: number[] | number[][];
  /** The intensity of full ink. @default the model's own divisor, 255 */
  divisor?: number;
}

/** How chains start: noise, the mean of the training images, or that of the label. */
export type ChainStartName = "noise" | "mean" | "label";

/** How generated images are sent. */
export type GenerateFormat = "png" | "json" | "sse";

/** Query of a request that may name the version that answers. */
export interface VersionQuery {
  /** An integer; the one that production names if left out. */
  version?: string;
}

/** Query of `GET /generate`. */
export interface GenerateQuery extends VersionQuery {
  /** Index of the clamped label; free if left out. */
  label?: string;
  /** Chains. @default 1 */
  n?: string;
  /** Gibbs steps of each chain. @default 200 */
  steps?: string;
  /** An integer in [0, 2⁵³); random if left out. */
  seed?: string;
  /** Steps before the first frame of a stream. @default 0 */
  burnIn?: string;
  /** Steps between frames of a stream. @default 1/50 of steps */
  thin?: string;
  /** Of the conditionals. @default 1 */
  temperature?: string;
  /** How chains start. @default "label", without a label "mean" */
  start?: ChainStartName;
  /** Pixels of the PNG a pixel of the model. @default 2 */
  scale?: string;
  /** How images are sent. @default what the header Accept asks for, else "png" */
  format?: GenerateFormat;
}

/** Headers of a request that may name the version that answers. */
export interface VersionHeaders {
  /** The same as the parameter `version`. */
  "Model-Version"?: string;
}

/** What a route that a version answers takes besides a body. */
export interface VersionedInput {
  /** Parameters of the URL. */
  query?: VersionQuery;
  /** Headers of its own. */
  header?: VersionHeaders;
}

/** What `GET /generate` takes. */
export interface GenerateInput {
  /** Parameters of the URL. */
  query?: GenerateQuery;
  /** Headers of its own. */
  header?: VersionHeaders;
}

/** Body of `PUT …/aliases/{alias}`. */
export interface MoveAlias {
  /** The version that it names from now on. */
  version: number;
  /** `share` of requests that a candidate answers, and `shadow` that it classifies unseen, in [0, 1]. */
  settings?: { share?: number; shadow?: number };
}

/** Headers of a move of an alias: the revision that it has now, or that it must be new. */
export type AliasPrecondition = { "If-Match": string } | { "If-None-Match": "*" };

/** Body of `POST …/load`, as Triton has it. */
export interface LoadRequest {
  /** The version; the aliases are followed anew if left out. */
  parameters?: { version?: number | string };
}

/** Body of `POST …/unload`, as Triton has it. */
export interface UnloadRequest {
  /** The version; the other parameter changes nothing. */
  parameters: { version: number | string; unload_dependents?: boolean };
}
