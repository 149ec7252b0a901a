/**
 * Dense layers on the kernels: y = x·w + b for grey pixels and probabilities.
 * @module
 */
import { countRows } from "../../math/matrix.ts";
import { isScaled, weightCount, type WeightMatrix } from "../../math/weight_matrix.ts";
import { LayerActivation, LayerCall, PANEL, PanelRows } from "../generated/abi.ts";
import type { Arena } from "../runtime/arena.ts";
import { allocateStruct, pack, place } from "../runtime/pack.ts";
import type { Team } from "../runtime/team.ts";

// B batch, I inputs, O outputs

/** `n` rounded up to whole panels. */
export function padded(n: number, to = PANEL): number {
  return Math.ceil(n / to) * to;
}

/** A layer in the arena; its columns are padded to whole panels. */
export interface PlacedLayer {
  inputSize: number;
  outputSize: number;
  stride: number; // floats between rows
  weights: number; // address of panels of (I, 32), float32 or 8-bit integers
  bias: number; // address of (stride)
  scale: number; // address of (stride): the scales of integers; 0 of float32
  inputScale: number; // address of (I): what inputs are multiplied by, where integers have scales so; else 0
}

/**
 * Copies a layer into the arena.
 * @param weights (I, O), or (O, I) with `transposed`
 * @param paddingBias bias of the padding columns, whose weights are 0
 */
export function placeLayer(
  arena: Arena,
  { weights, bias, inputSize, transposed = false, paddingBias = 0 }: {
    weights: WeightMatrix;
    bias: Float32Array;
    inputSize: number;
    transposed?: boolean;
    paddingBias?: number;
  },
): PlacedLayer {
  const outputSize = bias.length, stride = padded(outputSize);
  const numbers = weightCount(weights);
  if (numbers !== inputSize * outputSize) {
    throw new RangeError(
      `Cannot place layer: weights must be ${inputSize} by ${outputSize} numbers, got ${numbers}`,
    );
  }
  const data = isScaled(weights) ? weights.values : weights, bytes = data.BYTES_PER_ELEMENT;
  const address = arena.allocate(inputSize * stride * bytes / 4),
    biasAddress = arena.allocate(stride);
  const all = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  arena.scratch(() => {
    const length = transposed ? inputSize : outputSize, count = numbers / length;
    const most = Math.max(1, Math.floor(PLACED_BYTES / (bytes * length)));
    const rows = arena.allocate(Math.ceil(most * length * bytes / 4));
    const call = allocateStruct(arena, PanelRows);
    for (let first = 0; first < count; first += most) {
      const some = Math.min(most, count - first);
      const part = all.subarray(first * length * bytes, (first + some) * length * bytes);
      arena.bytes(rows, part.length).set(part);
      pack(arena, PanelRows, call, {
        panels: address,
        rows,
        first,
        count: some,
        inputs: inputSize,
        outputs: outputSize,
        transposed,
        bytes,
      });
      arena.kernels.placePanels(call);
    }
  });
  arena.floats(biasAddress, stride).fill(paddingBias).set(bias);
  const placed = { inputSize, outputSize, stride, weights: address, bias: biasAddress };
  if (!isScaled(weights)) return { ...placed, scale: 0, inputScale: 0 };
  const { scales } = weights, ones = new Float32Array(transposed ? outputSize : 0).fill(1);
  return {
    ...placed,
    scale: arena.place(transposed ? ones : scales, stride),
    inputScale: transposed ? arena.place(scales) : 0,
  };
}

/** Rows of floats in the arena. */
export interface PlacedRows {
  address: number;
  batch: number; // B
  stride: number; // floats between rows
}

/** Bytes of weights copied into the arena at a time: fresh memory costs more than the copy, so a little is reused. */
const PLACED_BYTES = 262_144;
/** Multiplications below which waking other workers takes longer than it saves: tenths of a ms. */
const MIN_SHARED_WORK = 4_000_000;

/** From so many rows on a panel of integers is widened to floats once, instead of in every row. */
const WIDENED_ROWS = 4;

/** What follows a layer's sums: nothing, a ReLU, or σ(sum / temperature). */
export type OutputActivation = "relu" | { temperature: number } | undefined;

/**
 * f(x·w + b) into fresh scratch memory.
 * @param x (B, I)
 */
export function runLayer(
  team: Team,
  layer: PlacedLayer,
  x: PlacedRows,
  activation?: OutputActivation,
): PlacedRows {
  const { arena, barrier, workers } = team, { weights, bias, scale, inputSize, stride } = layer;
  const address = arena.allocate(x.batch * stride);
  const rows = layer.inputScale === 0 ? x : scaleInputs(arena, x, layer);
  const isWidened = scale !== 0 && x.batch >= WIDENED_ROWS;
  const widened = isWidened ? arena.allocate(workers * inputSize * PANEL) : 0;
  const temperature = typeof activation === "object" ? activation.temperature : 1;
  const call = place(arena, LayerCall, {
    barrier,
    out: address,
    x: rows.address,
    weights,
    scale,
    widened,
    bias,
    batch: x.batch,
    inputs: inputSize,
    xStride: rows.stride,
    stride,
    activation: activation === undefined
      ? LayerActivation.None
      : activation === "relu"
      ? LayerActivation.Relu
      : LayerActivation.Sigmoid,
    inverseTemperature: 1 / temperature,
  });
  team.run("runLayer", call, x.batch * inputSize * stride < MIN_SHARED_WORK);
  return { address, batch: x.batch, stride };
}

/** x · scale of each input, (B, I). */
function scaleInputs(
  arena: Arena,
  { address, batch, stride }: PlacedRows,
  { inputSize, inputScale }: PlacedLayer,
): PlacedRows {
  const scaled = arena.allocate(batch * inputSize), out = arena.floats(scaled, batch * inputSize);
  const x = arena.floats(address, batch * stride), scales = arena.floats(inputScale, inputSize);
  for (let row = 0; row < batch; row++) {
    for (let i = 0; i < inputSize; i++) {
      out[row * inputSize + i] = x[row * stride + i] * scales[i];
    }
  }
  return { address: scaled, batch, stride: inputSize };
}

/** Copies a batch of rows into scratch memory. @throws {RangeError} if it is not whole rows. */
export function placeRows(arena: Arena, data: Float32Array, size: number): PlacedRows {
  const batch = countRows("batch", data, size);
  return { address: arena.place(data), batch, stride: size };
}

/** Rows of `size` floats without their padding. */
export function readRows(
  arena: Arena,
  { address, batch, stride }: PlacedRows,
  size: number,
): Float32Array {
  const out = new Float32Array(batch * size), rows = arena.floats(address, batch * stride);
  for (let row = 0; row < batch; row++) {
    out.set(rows.subarray(row * stride, row * stride + size), row * size);
  }
  return out;
}
