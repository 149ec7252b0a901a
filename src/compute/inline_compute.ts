/**
 * Compute on the thread that serves, for platforms without workers and for the library: in pieces, with a
 * turn of the event loop between any two, so that sockets live.
 * @module
 */
import type { Classification } from "../engine/classify.ts";
import type { Engine, ThreadStatus } from "../engine/engine.ts";
import { eventLoopTurn } from "../sampling/pace.ts";
import type { Compute, DrawnFrame, FramesRequest } from "./compute.ts";
import { freeBytes } from "./messages.ts";
import { type ImageShape, Performer } from "./performer.ts";
import { Turns } from "./turns.ts";

/** The status of an engine that knows of no threads. */
const ALONE: ThreadStatus = { wanted: 1, running: 1 };

/** Runs an engine's jobs between the events of this thread. */
export class InlineCompute implements Compute {
  readonly engineName: Engine["name"];
  readonly imageSize: number;
  readonly labelSize: number;
  readonly #engine: Engine;
  readonly #turns = new Turns();
  readonly #performer: Performer;
  readonly #dbn: Uint8Array | undefined;
  #running = false;

  /** @param dbn bytes of the DBN, which nothing but the engine uses, freed with it */
  constructor(engine: Engine, shape: ImageShape, dbn?: Uint8Array) {
    this.#engine = engine;
    this.#dbn = dbn;
    this.#performer = new Performer(engine, shape, this.#turns);
    this.engineName = engine.name;
    this.imageSize = engine.imageSize;
    this.labelSize = engine.labelSize;
  }

  classify(images: Float32Array): Promise<Classification[]> {
    return this.#soon(this.#performer.classify(images));
  }

  readPicture(png: Uint8Array, options: { maxPixels: number }): Promise<Uint8Array> {
    return this.#soon(this.#performer.readPicture(png, options));
  }

  async *frames(
    request: FramesRequest,
    signal: AbortSignal,
  ): AsyncGenerator<DrawnFrame, void, void> {
    const left = new AbortController(), both = AbortSignal.any([signal, left.signal]);
    const frames: DrawnFrame[] = [];
    let wake = () => {}, release = () => {}, ended = false;
    const done = this.#soon(this.#performer.frames(request, both, (frame) => {
      frames.push(frame);
      wake();
      return request.lastOnly ? undefined : new Promise<void>((resolve) => release = resolve);
    })).finally(() => {
      ended = true;
      wake();
    });
    Promise.allSettled([done]); // its error is thrown below
    both.addEventListener("abort", () => release(), { once: true });
    try {
      for (;;) {
        if (frames.length === 0 && !ended) await new Promise<void>((resolve) => wake = resolve);
        const frame = frames.shift();
        if (frame && !signal.aborted) yield frame;
        else if (ended) break;
        release();
        this.#run();
      }
      await done;
    } finally {
      left.abort();
    }
  }

  threads(): ThreadStatus {
    return this.#engine.threads?.() ?? ALONE;
  }

  drain(): void {
    this.#performer.drain();
  }

  dispose(): void {
    this.#engine.dispose();
    if (this.#dbn) freeBytes([this.#dbn]);
  }

  #soon<T>(job: Promise<T>): Promise<T> {
    this.#run();
    return job;
  }

  /** Steps through the tasks until none is left, with a turn of the event loop after each. */
  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (this.#turns.tasks > 0) {
      await this.#turns.step();
      await eventLoopTurn();
    }
    this.#running = false;
  }
}
