/**
 * One version for good: what a program serves that hands in its own model.
 * @module
 */
import type { Lease, ModelMetrics, Readiness, ServedModels, ServedVersion } from "./served.ts";
import { type VersionChoice, VersionNotServedError, type VersionState } from "./served.ts";

/** Serves one version. */
export class FixedModel implements ServedModels {
  readonly model: string;
  readonly #served: ServedVersion;
  #requests = 0;

  constructor(served: ServedVersion) {
    this.#served = served;
    this.model = served.model;
  }

  lease({ pinned }: VersionChoice): Lease {
    const { version } = this.#served;
    if (pinned !== undefined && pinned !== version) {
      throw new VersionNotServedError(pinned, [version]);
    }
    this.#requests++;
    return { served: this.#served, release: () => {} };
  }

  readiness(): Readiness {
    return { version: this.#served.version };
  }

  states(): VersionState[] {
    const { version, digest } = this.#served;
    return [{ version, digest, status: "ready", aliases: [] }];
  }

  metrics(): ModelMetrics {
    return {
      requests: new Map([[this.#served.version, this.#requests]]),
      refusals: 0,
      switches: 0,
      shadow: { compared: 0, disagreed: 0 },
    };
  }

  drain(): void {
    this.#served.compute.drain?.();
  }

  dispose(): void {
    this.#served.compute.dispose();
  }
}
