/**
 * What a request may ask for. Every bound can be changed through `createApp`.
 * @module
 */

/** Limits of the service. */
export interface Bounds {
  /** Bytes of a request body. */
  maxBodyBytes: number;
  /** Images of one `POST /classify`. */
  maxImages: number;
  /** Pixels of a PNG before it is fitted to 28×28. */
  maxPngPixels: number;
  /** Chains of one `GET /generate`: its `n`. */
  maxChains: number;
  /** Gibbs steps of a chain. */
  maxSteps: number;
  /** n × steps of one request. */
  maxChainSteps: number;
  /** Requests to `GET /generate` that run at the same time. */
  maxRunning: number;
}

/** The limits unless `createApp` is told otherwise. */
export const defaultBounds: Bounds = {
  maxBodyBytes: 1024 * 1024,
  maxImages: 100,
  maxPngPixels: 4_194_304,
  maxChains: 100,
  maxSteps: 10_000,
  maxChainSteps: 100_000,
  maxRunning: 16,
};
