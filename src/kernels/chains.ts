/**
 * Gibbs chains of a label RBM on the kernels: many steps in one call.
 *
 * A step adds the weight rows of the units that are on, or that flipped, instead of a whole matrix
 * product. Weights are rounded to fixed point, so the sums are exact in any order, and a chain's bits
 * depend neither on its neighbours nor on how the steps are cut into calls.
 * @module
 */
import { streams } from "../math/random.ts";
import type { LabelRbm } from "../model/rbm.ts";
import type { ChainSegment, ChainState } from "../model/gibbs_options.ts";
import type { Arena } from "./arena.ts";
import { padded } from "./dense.ts";

// C chains, P penultimate units, H hidden, L labels

/** A weight takes 15 bits and a sign. */
const MAX_WEIGHT = 32767;
/** No finer than 2^-20, so that sums of many rows stay far from 2^31. */
const MAX_SHIFT = 20;

/** A label RBM in the arena, packed for {@linkcode runChains}. */
export interface PackedRbm {
  visibleSize: number;
  hiddenSize: number;
  labelSize: number;
  up: PackedTable;
  down: PackedTable;
  labelWeights: number; // address of (L, H padded) float32
}

/** Weight rows as 16-bit fixed point, each column with its own scale. */
interface PackedTable {
  weights: number; // address of (rows, stride) int16
  bias: number; // address of (stride) int32
  scale: number; // address of (stride) float32: 2^-shift
}

/** Copies an RBM into the arena: rows of visible units for the way up, of hidden units for down. */
export function packRbm(arena: Arena, rbm: LabelRbm): PackedRbm {
  const { visibleSize, hiddenSize, labelSize, weights, labelWeights } = rbm;
  const up = packTable(arena, visibleSize, rbm.hiddenBias, (i, j) => weights[i * hiddenSize + j]);
  const belowBias = new Float32Array([...rbm.visibleBias, ...rbm.labelBias]);
  const down = packTable(
    arena,
    hiddenSize,
    belowBias,
    (j, i) =>
      i < visibleSize
        ? weights[i * hiddenSize + j]
        : labelWeights[(i - visibleSize) * hiddenSize + j],
  );
  const stride = padded(hiddenSize), labels = arena.allocate(labelSize * stride);
  for (let y = 0; y < labelSize; y++) {
    arena.floats(labels + 4 * y * stride, hiddenSize)
      .set(labelWeights.subarray(y * hiddenSize, (y + 1) * hiddenSize));
  }
  return { visibleSize, hiddenSize, labelSize, up, down, labelWeights: labels };
}

function packTable(
  arena: Arena,
  rows: number,
  columnBias: Float32Array,
  at: (row: number, column: number) => number,
): PackedTable {
  const columns = columnBias.length, stride = padded(columns);
  const weights = arena.allocate(rows * stride / 2);
  const bias = arena.allocate(stride), scale = arena.allocate(stride);
  const table = arena.shorts(weights, rows * stride);
  const biases = arena.integers(bias, stride), scales = arena.floats(scale, stride);
  for (let column = 0; column < columns; column++) {
    const one = 2 ** chooseShift(rows, columnBias[column], (row) => at(row, column));
    for (let row = 0; row < rows; row++) {
      table[row * stride + column] = Math.round(at(row, column) * one);
    }
    biases[column] = Math.round(columnBias[column] * one);
    scales[column] = 1 / one;
  }
  return { weights, bias, scale };
}

/** The largest shift at which every weight of a column fits 16 bits and no sum of them 31. */
function chooseShift(rows: number, bias: number, at: (row: number) => number): number {
  let largest = 1e-30, sum = Math.abs(bias);
  for (let row = 0; row < rows; row++) {
    const size = Math.abs(at(row));
    largest = Math.max(largest, size);
    sum += size;
  }
  const room = Math.min(MAX_WEIGHT / largest, (2 ** 31 - 1 - rows) / sum);
  return Math.min(MAX_SHIFT, Math.floor(Math.log2(room)));
}

/** Advances chains in place by `segment.steps` steps. */
export function runChains(
  arena: Arena,
  rbm: PackedRbm,
  state: ChainState,
  segment: ChainSegment,
): void {
  arena.scratch(() => {
    const run = placeRun(arena, rbm, state, segment);
    arena.kernels.runChains(run.address);
    readBack(arena, rbm, state, run);
  });
}

/** Index of the one float among the fields of a run. */
const TEMPERATURE_FIELD = 25;

interface PlacedRun {
  address: number;
  chains: number;
  statePad: number;
  state: number;
  probabilities: number;
  label: number;
  labelProbabilities: number;
}

function placeRun(
  arena: Arena,
  rbm: PackedRbm,
  { visible, labels }: ChainState,
  segment: ChainSegment,
): PlacedRun {
  const { visibleSize, hiddenSize, labelSize } = rbm;
  const chains = visible.length / visibleSize;
  const hiddenPad = padded(hiddenSize), belowPad = padded(visibleSize + labelSize);
  const statePad = padded(visibleSize, 16);
  const buffers = {
    upSums: arena.allocate(chains * hiddenPad),
    downSums: arena.allocate(chains * belowPad),
    upLists: arena.allocate(chains * (4 + 2 * visibleSize)),
    downLists: arena.allocate(chains * (4 + 2 * hiddenSize)),
    state: arena.allocate(chains * statePad),
    probabilities: arena.allocate(chains * statePad),
    label: arena.allocate(chains),
    labelProbabilities: arena.allocate(chains * labelSize),
    drive: arena.place(segment.drive),
    uniform: arena.allocate(16),
  };
  const bias = arena.integers(rbm.up.bias, hiddenPad);
  const sums = arena.integers(buffers.upSums, chains * hiddenPad);
  const lists = arena.integers(buffers.upLists, chains * (4 + 2 * visibleSize));
  const states = arena.integers(buffers.state, chains * statePad);
  const label = arena.integers(buffers.label, chains);
  for (let chain = 0; chain < chains; chain++) {
    sums.set(bias, chain * hiddenPad);
    const list = chain * (4 + 2 * visibleSize);
    let on = 0;
    for (let i = 0; i < visibleSize; i++) {
      if (visible[chain * visibleSize + i] === 0) continue;
      states[chain * statePad + i] = 1;
      lists[list + 4 + on++] = 2 * hiddenPad * i;
    }
    lists[list] = on;
    label[chain] = labels.subarray(chain * labelSize, (chain + 1) * labelSize).indexOf(1);
  }
  const seedHigh = Math.floor(segment.seed / 2 ** 32);
  const fields = [
    ...[chains, segment.firstChain, segment.firstStep, segment.steps],
    ...[segment.seed | 0, seedHigh | 0, visibleSize, labelSize, hiddenSize],
    ...[segment.clamped ? 1 : 0, rbm.up.weights, rbm.down.weights, rbm.up.bias, rbm.down.bias],
    ...[rbm.labelWeights, buffers.upSums, buffers.downSums, buffers.upLists, buffers.downLists],
    ...[buffers.state, buffers.probabilities, buffers.label, buffers.labelProbabilities],
    ...[buffers.drive, buffers.uniform, 0, streams.hidden, streams.visible, streams.label],
    ...[rbm.up.scale, rbm.down.scale],
  ];
  const address = arena.allocate(fields.length);
  arena.integers(address, fields.length).set(fields);
  arena.floats(address, fields.length)[TEMPERATURE_FIELD] = 1 / segment.temperature;
  return { address, chains, statePad, ...buffers };
}

function readBack(
  arena: Arena,
  { visibleSize, labelSize }: PackedRbm,
  state: ChainState,
  run: PlacedRun,
): void {
  const states = arena.integers(run.state, run.chains * run.statePad);
  const probabilities = arena.floats(run.probabilities, run.chains * run.statePad);
  const label = arena.integers(run.label, run.chains);
  for (let chain = 0; chain < run.chains; chain++) {
    const from = chain * run.statePad, to = chain * visibleSize;
    state.visible.set(states.subarray(from, from + visibleSize), to);
    state.visibleProbabilities.set(probabilities.subarray(from, from + visibleSize), to);
    state.labels.fill(0, chain * labelSize, (chain + 1) * labelSize);
    state.labels[chain * labelSize + label[chain]] = 1;
  }
  state.labelProbabilities.set(arena.floats(run.labelProbabilities, run.chains * labelSize));
}
