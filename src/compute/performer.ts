/**
 * Performs the service's jobs on one engine and one thread, in pieces: chains take turns, and what is
 * short goes first. Images of several requests are classified by one call; a row's bits do not depend on
 * how many others are beside it.
 * @module
 */
import { type Classification, classify } from "../engine/classify.ts";
import type { Engine } from "../engine/engine.ts";
import { argmaxRows } from "../math/activations.ts";
import { generateFrame, gibbsChain, type GibbsFrame } from "../sampling/gibbs.ts";
import type { DrawnFrame, FramesRequest } from "./compute.ts";
import type { Turns } from "./turns.ts";

/** Images that one call of the engine classifies at most, of all waiting requests. */
const MAX_TOGETHER = 100;

/** Images that wait to be classified. */
interface WaitingImages {
  images: Float32Array; // (B, V)
  resolve(results: Classification[]): void;
  reject(error: unknown): void;
}

/** The size of an image, for drawing. */
export interface ImageShape {
  height: number;
  width: number;
}

/** Jobs on an engine. */
export class Performer {
  readonly #engine: Engine;
  readonly #shape: ImageShape;
  readonly #turns: Turns;
  readonly #waiting: WaitingImages[] = [];

  constructor(engine: Engine, shape: ImageShape, turns: Turns) {
    this.#engine = engine;
    this.#shape = shape;
    this.#turns = turns;
  }

  /** See `Compute.drain`. */
  drain(): void {
    this.#turns.drain();
  }

  /** See `Compute.classify`. */
  classify(images: Float32Array): Promise<Classification[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ images, resolve, reject });
      if (this.#waiting.length === 1) this.#turns.start("short", () => this.#classifyWaiting());
    });
  }

  async #classifyWaiting(): Promise<void> {
    const { imageSize } = this.#engine;
    while (this.#waiting.length > 0) {
      const together: WaitingImages[] = [];
      let count = 0;
      do {
        const next = this.#waiting.shift()!;
        together.push(next);
        count += next.images.length;
      } while (
        this.#waiting.length > 0 &&
        count + this.#waiting[0].images.length <= MAX_TOGETHER * imageSize
      );
      await this.#classifyTogether(together, count);
      if (this.#waiting.length > 0) await this.#turns.pause();
    }
  }

  async #classifyTogether(requests: WaitingImages[], count: number): Promise<void> {
    const { imageSize } = this.#engine;
    try {
      const images = requests.length === 1 ? requests[0].images : new Float32Array(count);
      if (requests.length > 1) {
        requests.reduce((at, request) => {
          images.set(request.images, at);
          return at + request.images.length;
        }, 0);
      }
      const results = await classify(this.#engine, images);
      let first = 0;
      for (const request of requests) {
        const last = first + request.images.length / imageSize;
        request.resolve(results.slice(first, last));
        first = last;
      }
    } catch (error) {
      for (const request of requests) request.reject(error);
    }
  }

  /**
   * Runs chains; `onFrame` hears of each kept frame and may hold the chain back by its promise. Resolves
   * when the last one was heard of, or `signal` ended it.
   */
  frames(
    { chain, format, lastOnly }: FramesRequest,
    signal: AbortSignal,
    onFrame: (frame: DrawnFrame) => Promise<void> | void,
  ): Promise<void> {
    const options = { ...chain, signal, turn: () => this.#turns.pause() };
    return new Promise((resolve, reject) => {
      this.#turns.start("long", async () => {
        try {
          if (lastOnly) {
            await onFrame(await this.#draw(await generateFrame(this.#engine, options), format));
          } else {
            for await (const frame of gibbsChain(this.#engine, options)) {
              const held = onFrame(await this.#draw(frame, format));
              if (held) await this.#turns.waitFor(held);
              if (signal.aborted) break;
              await this.#turns.pause();
            }
          }
          resolve();
        } catch (error) {
          if (signal.aborted) resolve();
          else reject(error);
        }
      });
    });
  }

  async #draw(
    { step, images, labels }: GibbsFrame,
    format: FramesRequest["format"],
  ): Promise<DrawnFrame> {
    const drawn = { step, labels: argmaxRows(labels, this.#engine.labelSize) };
    if (format.kind === "pixels") {
      return { ...drawn, pixels: Uint8Array.from(images, (p) => Math.round(255 * p)) };
    }
    const { toGridPng } = await this.#turns.waitFor(import("../image/grid.ts"));
    return { ...drawn, png: toGridPng(images, { ...this.#shape, scale: format.scale }) };
  }

  /** See `Compute.readPicture`. */
  readPicture(png: Uint8Array, { maxPixels }: { maxPixels: number }): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#turns.start("long", async () => {
        try {
          const { decodePng, fitDigit } = await this.#turns.waitFor(loadPictures());
          resolve(fitDigit(await this.#turns.waitFor(decodePng(png, { maxPixels }))));
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

async function loadPictures() {
  const [{ decodePng }, { fitDigit }] = await Promise.all([
    import("../image/png.ts"),
    import("../image/fit.ts"),
  ]);
  return { decodePng, fitDigit };
}
