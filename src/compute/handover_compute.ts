/**
 * Computes on the serving thread at first, so that the first answer does not wait for a worker, and by a
 * worker from when it is ready. Both give the same bytes, and what runs ends where it began.
 * @module
 */
import type { Classification } from "../engine/classify.ts";
import type { EngineName, ThreadStatus } from "../engine/engine.ts";
import type { Compute, DrawnFrame, FramesRequest } from "./compute.ts";

/** How a {@linkcode HandoverCompute} gets its second half. */
export interface HandoverOptions {
  /** Opens what takes over, if there is anything; called once. */
  openNext: () => Promise<Compute | undefined>;
  /** Hears why nothing took over; the first goes on. */
  onFailure: (error: unknown) => void;
}

/** The first compute, until the next one takes over. */
export class HandoverCompute implements Compute {
  readonly engineName: EngineName;
  readonly imageSize: number;
  readonly labelSize: number;
  readonly #options: HandoverOptions;
  /** Until it has given up its memory. */
  #first: Compute | undefined;
  #next: Compute | undefined;
  #handover: Promise<void> | undefined;
  /** Jobs of the first that have not ended. */
  #running = 0;
  #disposed = false;

  constructor(first: Compute, options: HandoverOptions) {
    this.#first = first;
    this.#options = options;
    this.engineName = first.engineName;
    this.imageSize = first.imageSize;
    this.labelSize = first.labelSize;
  }

  /** Begins the handover, once; resolves when it is done or has failed. */
  handOver(): Promise<void> {
    return this.#handover ??= this.#handOver();
  }

  async #handOver(): Promise<void> {
    let next: Compute | undefined;
    try {
      next = await this.#options.openNext();
    } catch (error) { // whatever it is, the first goes on, and who opens it is told
      this.#options.onFailure(error);
      return;
    }
    if (!next) return;
    if (this.#disposed) return next.dispose();
    this.#next = next;
    if (this.#running === 0) this.#endFirst();
  }

  classify(images: Float32Array): Promise<Classification[]> {
    return this.#run((compute) => compute.classify(images));
  }

  readPicture(png: Uint8Array, options: { maxPixels: number }): Promise<Uint8Array> {
    return this.#run((compute) => compute.readPicture(png, options));
  }

  async *frames(
    request: FramesRequest,
    signal: AbortSignal,
  ): AsyncGenerator<DrawnFrame, void, void> {
    this.handOver(); // chains are what a worker is for
    if (this.#next) return yield* this.#next.frames(request, signal);
    this.#running++;
    try {
      yield* this.#first!.frames(request, signal);
    } finally {
      this.#end();
    }
  }

  threads(): ThreadStatus {
    return (this.#next ?? this.#first!).threads();
  }

  drain(): void {
    this.#first?.drain?.();
    this.#next?.drain?.();
  }

  dispose(): void {
    this.#disposed = true;
    this.#next?.dispose();
    this.#endFirst();
  }

  async #run<T>(job: (compute: Compute) => Promise<T>): Promise<T> {
    if (this.#next) return await job(this.#next);
    this.#running++;
    try {
      return await job(this.#first!);
    } finally {
      this.#end();
    }
  }

  /** A job of the first has ended; the last one after the handover frees it. */
  #end(): void {
    this.#running--;
    if (this.#running === 0 && this.#next) this.#endFirst();
  }

  #endFirst(): void {
    this.#first?.dispose();
    this.#first = undefined;
  }
}
