/**
 * What answers requests: loaded versions of one model, leased to a request for as long as it runs.
 * @module
 */
import type { Compute } from "../compute/compute.ts";
import type { Classification } from "../engine/classify.ts";
import type { ModelConfig } from "../format/config.ts";

/** A version that is loaded and computes. */
export interface ServedVersion {
  /** Name of the model. */
  readonly model: string;
  /** Its version. */
  readonly version: number;
  /** Names its bytes: what an entity tag depends on. */
  readonly digest: string;
  /** What its config.json says. */
  readonly config: ModelConfig;
  /** What runs it. */
  readonly compute: Compute;
  /** The model card, if it has one. */
  readCard(): Promise<string | undefined>;
}

/** What a request says of the version that shall answer it. */
export interface VersionChoice {
  /** The version, where the request names it. */
  pinned?: number;
  /**
   * Decides between production and a candidate: its hash does, so that the same key (a seed, a request
   * id) always meets the same version.
   */
  key: string;
}

/** A version for one request. It is not freed before it is released, which must happen exactly once or more. */
export interface Lease {
  /** The version. */
  readonly served: ServedVersion;
  /** A candidate that shall classify the same images unseen, to be compared. */
  readonly shadow?: Shadow;
  /** Gives it back. */
  release(): void;
}

/** Classifies what another version has classified, and counts how often its labels are others. */
export interface Shadow {
  /** Returns at once: no request waits for it, and none fails by it. */
  compare(images: Float32Array, answered: readonly Classification[]): void;
}

/** Where a version is on its way to requests. */
export type VersionStatus =
  /** Files are read and checked, the engine opens. */
  | "loading"
  /** It answers requests, or could at once. */
  | "ready"
  /** A check failed; `reason` says which. */
  | "refused";

/** A version as `GET /v2/models/{m}/versions/{v}` tells of it. */
export interface VersionState {
  /** The version. */
  version: number;
  /** SHA-256 of its manifest, where it is loaded. */
  digest?: string;
  /** Where it is on its way to requests. */
  status: VersionStatus;
  /** Why it was refused. */
  reason?: string;
  /** Aliases that name it, as this process last saw them. */
  aliases: string[];
}

/** Whether requests are answered, and by what. */
export interface Readiness {
  /** The version that answers requests that pin none. */
  version: number;
  /** Why that is not what the repository's aliases ask for. */
  fallback?: string;
}

/** No loaded version is the one that a request asked for. */
export class VersionNotServedError extends Error {
  override name = "VersionNotServedError";
  constructor(readonly version: number, readonly served: readonly number[]) {
    super(`Version ${version} is not loaded; loaded are ${served.join(", ")}`);
  }
}

/** A version failed a check before it could answer requests. */
export class VersionRefusedError extends Error {
  override name = "VersionRefusedError";
}

/** Loaded versions of one model. */
export interface ServedModels {
  /** Name of the model. */
  readonly model: string;
  /**
   * A version for a request.
   * @throws {VersionNotServedError} if a pinned version is not loaded
   */
  lease(choice: VersionChoice): Lease;
  /** Which version answers, and why not the one that is asked for. */
  readiness(): Readiness;
  /** Every version that is loaded, or was refused lately, in ascending order. */
  states(): VersionState[];
  /** Loads versions and frees others; left out where there is one version for good. */
  readonly control?: VersionControl;
  /** Counters and gauges, by name: see `GET /metrics`. */
  metrics(): ModelMetrics;
  /** Chains end one after the other from now on: see `Compute.drain`. */
  drain(): void;
  /** Ends the computing of every version. */
  dispose(): void;
}

/** What moves versions in and out. */
export interface VersionControl {
  /**
   * Reads, verifies and opens a version, which stays loaded while there is room; at once if it is loaded.
   * @throws {VersionRefusedError} saying which check it failed
   * @throws {NotFoundError} if the repository has no such version
   */
  load(version: number): Promise<void>;
  /**
   * Frees a version when its last request has ended.
   * @throws {VersionInUseError} if an alias names it
   */
  unload(version: number): Promise<void>;
  /** Follows the repository's aliases now; resolves when requests go where they say. */
  sync(): Promise<void>;
}

/** What is counted of versions. */
export interface ModelMetrics {
  /** Requests by version. */
  requests: Map<number, number>;
  /** Versions refused, by reason's kind. */
  refusals: number;
  /** Changes of the version that answers. */
  switches: number;
  /** Classifications that a shadow made too, and those of them with another label. */
  shadow: { compared: number; disagreed: number };
}
