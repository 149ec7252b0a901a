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
  /** Requests to `POST /classify` whose bodies are read or computed at the same time. */
  maxClassifying: number;
  /** Uploads of blobs to the repository at the same time. */
  maxUploads: number;
  /** Files of the repository that are sent at the same time. */
  maxDownloads: number;
  /** Other requests to the repository at the same time. */
  maxReading: number;
  /** Requests that wait for a place, of each kind. */
  maxWaiting: number;
  /** Milliseconds that a request may wait for a place. */
  maxWaitMs: number;
  /** Milliseconds within which a request's body must arrive, or the next part of a blob's. */
  bodyTimeoutMs: number;
  /** Milliseconds within which a reader must take a part of a stream. */
  readTimeoutMs: number;
  /** Estimated milliseconds of computing of one request; see `estimateMs`. */
  maxComputeMs: number;
  /** Pixels of one picture of a grid of samples. */
  maxGridPixels: number;
}

/** The limits unless `createApp` is told otherwise. */
export const defaultBounds: Bounds = {
  maxBodyBytes: 1024 * 1024,
  maxImages: 100,
  maxPngPixels: 4_194_304,
  maxChains: 100,
  maxSteps: 10_000,
  maxChainSteps: 100_000,
  maxRunning: 4,
  maxClassifying: 32,
  maxUploads: 8,
  maxDownloads: 8,
  maxReading: 16,
  maxWaiting: 256,
  maxWaitMs: 10_000,
  bodyTimeoutMs: 10_000,
  readTimeoutMs: 10_000,
  maxComputeMs: 20_000,
  maxGridPixels: 2_097_152,
};
