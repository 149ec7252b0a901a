/**
 * Dense layers on the kernels: y = x·w + b for grey pixels and probabilities.
 * @module
 */
import { countRows } from "../math/matrix.ts";
import type { Arena } from "./arena.ts";

// B batch, I inputs, O outputs

/** Columns of a panel. */
export const PANEL = 32;

/** `n` rounded up to whole panels. */
export function padded(n: number, to = PANEL): number {
  return Math.ceil(n / to) * to;
}

/** A layer in the arena; its rows are padded to whole panels. */
export interface PlacedLayer {
  inputSize: number;
  outputSize: number;
  stride: number; // floats between rows
  weights: number; // address of (I, stride)
  bias: number; // address of (stride)
}

/**
 * Copies a layer into the arena.
 * @param weights (I, O), or (O, I) with `transposed`
 * @param paddingBias bias of the padding columns, whose weights are 0
 */
export function placeLayer(
  arena: Arena,
  { weights, bias, inputSize, transposed = false, paddingBias = 0 }: {
    weights: Float32Array;
    bias: Float32Array;
    inputSize: number;
    transposed?: boolean;
    paddingBias?: number;
  },
): PlacedLayer {
  const outputSize = bias.length, stride = padded(outputSize);
  const address = arena.allocate(inputSize * stride), biasAddress = arena.allocate(stride);
  const rows = arena.floats(address, inputSize * stride);
  for (let i = 0; i < inputSize; i++) {
    if (!transposed) {
      rows.set(weights.subarray(i * outputSize, (i + 1) * outputSize), i * stride);
      continue;
    }
    for (let o = 0; o < outputSize; o++) rows[i * stride + o] = weights[o * inputSize + i];
  }
  arena.floats(biasAddress, stride).fill(paddingBias).set(bias);
  return { inputSize, outputSize, stride, weights: address, bias: biasAddress };
}

/**
 * x·w + b into fresh scratch memory; returns its address, rows of `stride` floats.
 * @param x address of (B, I), rows without padding
 */
export function affine(arena: Arena, layer: PlacedLayer, x: number, batch: number): number {
  const { weights, bias, inputSize, stride } = layer;
  const out = arena.allocate(batch * stride);
  arena.kernels.affine(out, x, weights, bias, batch, inputSize, stride);
  return out;
}

/** Copies a batch of rows into scratch memory. @throws {RangeError} if it is not whole rows. */
export function placeRows(
  arena: Arena,
  data: Float32Array,
  size: number,
): { address: number; batch: number } {
  const batch = countRows("batch", data, size);
  return { address: arena.place(data), batch };
}

/** Rows of `size` floats without their padding, as fresh scratch memory or as an array. */
export function compactRows(
  arena: Arena,
  address: number,
  batch: number,
  size: number,
  stride: number,
): Float32Array {
  const out = new Float32Array(batch * size), rows = arena.floats(address, batch * stride);
  for (let row = 0; row < batch; row++) {
    out.set(rows.subarray(row * stride, row * stride + size), row * size);
  }
  return out;
}
