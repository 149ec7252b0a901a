/**
 * Labelled examples in memory, read a mini-batch at a time.
 * @module
 */
import type { ByteRows } from "../../src/kernels/training/rbm_batch.ts";
import { type AugmentationOptions, Augmenter } from "../../src/data/augment.ts";
import { fillUniform } from "../../src/math/random.ts";
import { streamOf, streams } from "../../src/math/streams.ts";
import type { Rbm } from "../../src/model/rbm.ts";
import { runDense } from "./dense.ts";

// N examples, B batch, I inputs, H hidden

/** Labelled inputs of one layer. */
export interface Examples {
  /** Examples, N. */
  readonly count: number;
  /** Inputs of one, I. */
  readonly size: number;
  /** Classes (N). */
  readonly labels: Uint8Array;
  /** Writes the rows at `indices` to `out` (indices.length, I). */
  read(out: Float32Array, indices: ArrayLike<number>): void;
  /** The rows at `indices` as bytes, where that is what they are; four times less to copy. */
  readBytes?(indices: ArrayLike<number>): ByteRows;
}

/** A mini-batch in memory. */
export interface Batch {
  readonly inputs: Float32Array; // (B, I)
  /** What `inputs` are made of, where that is bytes. */
  readonly source?: ByteRows;
  labels: Uint8Array; // (B)
  size: number; // B
}

/** Images of bytes (N, I), scaled by 1/divisor as they are read. */
export function imageExamples(
  images: Uint8Array,
  labels: Uint8Array,
  size: number,
  divisor: number,
): Examples {
  const scaled = Float32Array.from({ length: 256 }, (_, byte) => byte / divisor);
  return {
    count: labels.length,
    size,
    labels,
    read(out, indices) {
      for (let row = 0; row < indices.length; row++) {
        const from = indices[row] * size, to = row * size;
        for (let i = 0; i < size; i++) out[to + i] = scaled[images[from + i]];
      }
    },
    readBytes(indices) {
      const bytes = new Uint8Array(indices.length * size);
      for (let row = 0; row < indices.length; row++) {
        bytes.set(images.subarray(indices[row] * size, (indices[row] + 1) * size), row * size);
      }
      return { bytes, divisor };
    },
  };
}

/** Rows of floats (N, I). */
export function floatExamples(rows: Float32Array, labels: Uint8Array, size: number): Examples {
  return {
    count: labels.length,
    size,
    labels,
    read(out, indices) {
      for (let row = 0; row < indices.length; row++) {
        out.set(rows.subarray(indices[row] * size, (indices[row] + 1) * size), row * size);
      }
    },
  };
}

/**
 * Inputs drawn as binary samples of their values, the same whenever they are read; each `draw` by random
 * numbers of its own.
 */
export function binarized(examples: Examples, seed: number, draw = 0): Examples {
  const uniform = new Float32Array(examples.size);
  return {
    ...examples,
    readBytes: undefined,
    read(out, indices) {
      examples.read(out, indices);
      for (let row = 0; row < indices.length; row++) {
        fillUniform(uniform, {
          seed,
          chain: indices[row],
          step: draw,
          layer: streamOf(streams.binarize),
        });
        const values = out.subarray(row * examples.size, (row + 1) * examples.size);
        values.forEach((value, i) => values[i] = uniform[i] < value ? 1 : 0);
      }
    },
  };
}

/** The images distorted as they are read, each by its own amounts of this epoch. */
export function augmented(
  examples: Examples,
  options: AugmentationOptions,
  key: { seed: number; epoch: number },
): Examples {
  const { shift, rotation, scaling, shear, elasticAlpha } = options;
  if (!(shift || rotation || scaling || shear || elasticAlpha)) return examples;
  const side = Math.sqrt(examples.size);
  if (!Number.isInteger(side)) {
    throw new RangeError(`Cannot augment: images must be square, got ${examples.size} pixels`);
  }
  const augmenter = new Augmenter(options, { height: side, width: side }, key);
  return {
    ...examples,
    readBytes: undefined, // distorted pixels are fractions
    read(out, indices) {
      const rows = new Float32Array(indices.length * examples.size);
      examples.read(rows, indices);
      for (let row = 0; row < indices.length; row++) {
        const from = row * examples.size, to = from + examples.size;
        augmenter.apply(out.subarray(from, to), rows.subarray(from, to), indices[row]);
      }
    },
  };
}

/** Rows `first` … `first + count` as floats (count, I). */
export function readRows(examples: Examples, first: number, count: number): Float32Array {
  const out = new Float32Array(count * examples.size);
  examples.read(out, Uint32Array.from({ length: count }, (_, i) => first + i));
  return out;
}

/** p(h=1|v) of every example: the inputs of the next layer. */
export async function propagate(rbm: Rbm, examples: Examples): Promise<Examples> {
  const { visibleSize: inputSize, hiddenSize, weights, hiddenBias: bias } = rbm;
  const rows = new Float32Array(examples.count * hiddenSize);
  await runDense(
    {
      count: examples.count,
      read: (first, count) => readRows(examples, first, count),
      use: (hidden, first) => rows.set(hidden, first * hiddenSize),
    },
    { inputSize, weights, bias },
    { temperature: 1 },
  );
  return floatExamples(rows, examples.labels, hiddenSize);
}

/** Mean of each input, (I). */
export function inputMean(examples: Examples): Float64Array {
  const mean = new Float64Array(examples.size), row = new Float32Array(examples.size);
  for (let i = 0; i < examples.count; i++) {
    examples.read(row, [i]);
    for (let j = 0; j < mean.length; j++) mean[j] += row[j] / examples.count;
  }
  return mean;
}

/** A batch of the examples at `indices`, read as floats or as bytes when a trainer asks for them. */
export function gather(train: Examples, indices: Uint32Array): Batch {
  let inputs: Float32Array | undefined, source: ByteRows | undefined;
  return {
    get inputs() {
      if (!inputs) train.read(inputs = new Float32Array(indices.length * train.size), indices);
      return inputs;
    },
    get source() {
      return source ??= train.readBytes?.(indices);
    },
    labels: Uint8Array.from(indices, (i) => train.labels[i]),
    size: indices.length,
  };
}
