/**
 * A lazy pipeline over examples, in the manner of tf.data: map, shuffle, take, skip, batch.
 * @module
 */
import { checkInteger } from "../math/matrix.ts";
import { fillUniform, permutation, sampleBernoulli } from "../math/random.ts";
import { streamOf, streams } from "../math/streams.ts";

// B batch, D pixels

/** One labelled image. */
export interface Example {
  /** Bytes as stored, or floats after {@linkcode flattenImage}. */
  image: Uint8Array | Float32Array; // (D)
  /** Its class. */
  label: number;
  /** Place in the split, whatever the order of the pipeline. */
  index: number;
}

/** A mini-batch. */
export interface ExampleBatch {
  /** Pixels (B, D), in [0, 1] after {@linkcode flattenImage}. */
  images: Float32Array;
  /** Classes (B). */
  labels: Uint8Array;
  /** Images in it, B: the last batch may be smaller. */
  size: number;
}

/** A finite, ordered set of elements that are made when asked for. Iterating again starts again. */
export class Dataset<T> implements AsyncIterable<T> {
  /** Elements in it. */
  readonly size: number;
  readonly #at: (index: number) => T;

  private constructor(size: number, at: (index: number) => T) {
    this.size = size;
    this.#at = at;
  }

  /** A dataset of `size` elements, element i made by `at(i)`. */
  static from<T>(size: number, at: (index: number) => T): Dataset<T> {
    return new Dataset(checkInteger("Cannot make a dataset: size", size, 0, 2 ** 32), at);
  }

  /** Applies `f` to each element. */
  map<U>(f: (element: T) => U): Dataset<U> {
    return new Dataset(this.size, (index) => f(this.#at(index)));
  }

  /** The same elements in an order that depends on the seed and the epoch alone. */
  shuffle({ seed, epoch = 0 }: { seed: number; epoch?: number }): Dataset<T> {
    const order = permutation(this.size, seed, epoch);
    return new Dataset(this.size, (index) => this.#at(order[index]));
  }

  /** The first `count` elements, or all where there are fewer. */
  take(count: number): Dataset<T> {
    checkInteger("Cannot take: count", count, 0, 2 ** 32);
    return new Dataset(Math.min(count, this.size), this.#at);
  }

  /** All but the first `count` elements. */
  skip(count: number): Dataset<T> {
    checkInteger("Cannot skip: count", count, 0, 2 ** 32);
    return new Dataset(Math.max(0, this.size - count), (index) => this.#at(index + count));
  }

  /**
   * Groups of `size` examples; the last group is smaller unless `dropRemainder`.
   * Elements must be {@linkcode Example}s with images of one size.
   */
  batch(
    this: Dataset<Example>,
    size: number,
    { dropRemainder = false }: { dropRemainder?: boolean } = {},
  ): Dataset<ExampleBatch> {
    checkInteger("Cannot batch: size", size, 1, 2 ** 32);
    const batches = (dropRemainder ? Math.floor : Math.ceil)(this.size / size);
    return new Dataset(batches, (index) => {
      const end = Math.min((index + 1) * size, this.size);
      const examples: Example[] = [];
      for (let i = index * size; i < end; i++) examples.push(this.#at(i));
      return stack(examples);
    });
  }

  /** Every element, in order. */
  toArray(): T[] {
    return Array.from({ length: this.size }, (_, index) => this.#at(index));
  }

  /** Every element, in order, made one after the other. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (let index = 0; index < this.size; index++) yield this.#at(index);
  }
}

/** Scales 28×28×1 bytes to 784 floats: pixel / divisor. */
export function flattenImage(
  { divisor = 255 }: { divisor?: number } = {},
): (example: Example) => Example {
  if (!(divisor > 0 && divisor < Infinity)) {
    throw new RangeError(
      `Cannot flatten images: divisor must be a finite number > 0, got ${divisor}`,
    );
  }
  return (example) => ({
    ...example,
    image: Float32Array.from(example.image, (pixel) => pixel / divisor),
  });
}

/** How {@linkcode binarize} decides. */
export type BinarizeOptions =
  | { threshold?: number; stochastic?: false }
  | { stochastic: true; seed: number };

/**
 * Pixels of 0 or 1 from floats in [0, 1]: above a threshold, or each a Bernoulli sample of its value,
 * keyed by seed and example so that neither order nor batch size changes it.
 */
export function binarize(options: BinarizeOptions = {}): (example: Example) => Example {
  if (options.stochastic) {
    const { seed } = options;
    return (example) => ({ ...example, image: sampleImage(example, seed) });
  }
  const { threshold = 0.5 } = options;
  return (example) => ({
    ...example,
    image: Float32Array.from(example.image, (pixel) => pixel > threshold ? 1 : 0),
  });
}

function sampleImage({ image, index }: Example, seed: number): Float32Array {
  const uniform = new Float32Array(image.length);
  fillUniform(uniform, { seed, chain: index, step: 0, layer: streamOf(streams.binarize) });
  return sampleBernoulli(new Float32Array(image.length), Float32Array.from(image), uniform);
}

function stack(examples: Example[]): ExampleBatch {
  const size = examples[0]?.image.length ?? 0;
  const images = new Float32Array(examples.length * size);
  examples.forEach(({ image }, row) => images.set(image, row * size));
  return { images, labels: Uint8Array.from(examples, ({ label }) => label), size: examples.length };
}
