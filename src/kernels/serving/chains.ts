/**
 * Gibbs chains of a label RBM on the kernels: many steps in one call.
 *
 * A step adds the weight rows of the units that are on, or that flipped, instead of a whole matrix
 * product. Weights are rounded to fixed point, so the sums are exact in any order, and a chain's bits
 * depend neither on its neighbours nor on how the steps are cut into calls.
 * @module
 */
import { streamOf, streams } from "../../math/streams.ts";
import { entriesOf, expandMatrix, type WeightMatrix } from "../../math/weight_matrix.ts";
import type { Arena } from "../runtime/arena.ts";
import { ChainRun, PANEL, TABLE_ROW_BYTES } from "../generated/abi.ts";
import { place, seedWords } from "../runtime/pack.ts";
import { padded } from "./dense.ts";
import type { Team } from "../runtime/team.ts";

// C chains, P penultimate units, H hidden, L labels

/** Two weights must fit 16 bits together. */
const MAX_WEIGHT = 16383;
/** No finer than 2^-20, so that sums of many rows stay far from 2^31. */
const MAX_SHIFT = 20;

/** What a chain needs of a label RBM. */
export interface ChainWeights {
  visibleSize: number; // P
  hiddenSize: number; // H
  labelSize: number; // L
  weights: WeightMatrix; // (P, H)
  labelWeights: WeightMatrix; // (L, H)
  visibleBias: Float32Array; // (P)
  hiddenBias: Float32Array; // (H)
  labelBias: Float32Array; // (L)
}

/** Chains between two calls; changed in place. */
export interface ChainState {
  visible: Float32Array; // binary (C, P)
  visibleProbabilities: Float32Array; // of the last step (C, P)
  labels: Float32Array; // one-hot (C, L)
  labelProbabilities: Float32Array; // of the last step (C, L)
}

/** What a call of {@linkcode runChains} does. */
export interface ChainSegment {
  firstChain: number;
  firstStep: number;
  steps: number;
  seed: number;
  temperature: number;
  /** Whether labels are held. */
  clamped: boolean;
  /** How often the label counts at each step, (steps). */
  labelGain: Float32Array;
}

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
  weights: number; // address of panels of (rows + 1, 32) int16, the last row 0
  bias: number; // address of (stride) int32
  scale: number; // address of (stride) float32: 2^-shift
}

/** Copies an RBM into the arena: rows of visible units for the way up, of hidden units for down. */
export function packRbm(arena: Arena, rbm: ChainWeights): PackedRbm {
  const { visibleSize, hiddenSize, labelSize } = rbm, labelWeights = expandMatrix(rbm.labelWeights);
  const weightAt = entriesOf(rbm.weights, hiddenSize);
  const up = packTable(arena, visibleSize, rbm.hiddenBias, weightAt);
  const belowBias = new Float32Array([...rbm.visibleBias, ...rbm.labelBias]);
  const down = packTable(
    arena,
    hiddenSize,
    belowBias,
    (j, i) => i < visibleSize ? weightAt(i, j) : labelWeights[(i - visibleSize) * hiddenSize + j],
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
  const weights = arena.allocate((rows + 1) * stride / 2);
  const bias = arena.allocate(stride), scale = arena.allocate(stride);
  const table = arena.shorts(weights, (rows + 1) * stride);
  const biases = arena.integers(bias, stride), scales = arena.floats(scale, stride);
  for (let column = 0; column < columns; column++) {
    const one = 2 ** chooseShift(rows, columnBias[column], (row) => at(row, column));
    const inPanel = column % PANEL, panel = (column - inPanel) * (rows + 1);
    for (let row = 0; row < rows; row++) {
      table[panel + row * PANEL + inPanel] = Math.round(at(row, column) * one);
    }
    biases[column] = Math.round(columnBias[column] * one);
    scales[column] = 1 / one;
  }
  return { weights, bias, scale };
}

/** The largest shift at which every weight of a column fits, and no sum of them passes 31 bits. */
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
  team: Team,
  rbm: PackedRbm,
  state: ChainState,
  segment: ChainSegment,
): void {
  team.arena.scratch(() => {
    const run = placeRun(team, rbm, state, segment);
    team.run("runChains", run.address);
    readBack(team, rbm, state, run);
  });
}

interface PlacedRun {
  address: number;
  chains: number;
  state: number;
  probabilities: number;
  label: number;
  labelProbabilities: number;
}

/** 32-bit words of a list of at most `units` row offsets: see listBytes of assembly/serving/chains.ts. */
function listWords(units: number): number {
  return padded(8 + units, 32);
}

function placeRun(
  { arena, workers, barrier }: Team,
  rbm: PackedRbm,
  { visible, labels }: ChainState,
  segment: ChainSegment,
): PlacedRun {
  const { visibleSize, hiddenSize, labelSize } = rbm;
  const chains = visible.length / visibleSize;
  const hiddenPad = padded(hiddenSize), belowPad = padded(visibleSize + labelSize);
  const visiblePad = padded(visibleSize), stateWords = padded(visibleSize, 1024) / 32;
  const upList = listWords(visibleSize);
  const buffers = {
    upSums: arena.allocate(chains * hiddenPad),
    downSums: arena.allocate(chains * belowPad),
    added: arena.allocate(workers * chains * upList),
    removed: arena.allocate(workers * chains * upList),
    allAdded: arena.allocate(workers * chains * upList),
    allRemoved: arena.allocate(workers * chains * upList),
    on: arena.allocate(workers * chains * listWords(hiddenSize)),
    state: arena.allocate(workers * chains * stateWords),
    probabilities: arena.allocate(chains * visiblePad),
    label: arena.allocate(chains),
    labelProbabilities: arena.allocate(chains * labelSize),
    labelGain: arena.place(segment.labelGain),
    scratch: arena.allocate(workers * PANEL),
  };
  const bias = arena.integers(rbm.up.bias, hiddenPad);
  const sums = arena.integers(buffers.upSums, chains * hiddenPad);
  const added = arena.integers(buffers.added, workers * chains * upList);
  const removed = arena.integers(buffers.removed, workers * chains * upList);
  const states = arena.integers(buffers.state, workers * chains * stateWords);
  const label = arena.integers(buffers.label, chains);
  for (let column = 0; column < hiddenPad; column += PANEL) {
    for (let chain = 0; chain < chains; chain++) {
      sums.set(bias.subarray(column, column + PANEL), column * chains + chain * PANEL);
    }
  }
  for (let chain = 0; chain < chains; chain++) {
    const first = chain * upList + 4;
    let end = first;
    for (let i = 0; i < visibleSize; i++) {
      if (visible[chain * visibleSize + i] === 0) continue;
      states[chain * stateWords + (i >> 5)] |= 1 << (i & 31);
      added[end++] = TABLE_ROW_BYTES * i;
    }
    while ((end - first) % 4 !== 0) added[end++] = TABLE_ROW_BYTES * visibleSize;
    added[first - 4] = buffers.added + 4 * end;
    label[chain] = labels.subarray(chain * labelSize, (chain + 1) * labelSize).indexOf(1);
  }
  for (let worker = 1; worker < workers; worker++) {
    states.copyWithin(worker * chains * stateWords, 0, chains * stateWords);
  }
  for (let list = 0; list < workers * chains; list++) {
    const head = list * upList, empty = 4 * (head + 4);
    if (list >= chains) added[head] = buffers.added + empty; // worker 0's lists hold all units
    removed[head] = buffers.removed + empty;
  }
  const address = place(arena, ChainRun, {
    barrier,
    chains,
    firstChain: segment.firstChain,
    firstStep: segment.firstStep,
    steps: segment.steps,
    ...seedWords(segment.seed),
    visible: visibleSize,
    labels: labelSize,
    hidden: hiddenSize,
    clamped: segment.clamped,
    hiddenLayer: streamOf(streams.hidden),
    visibleLayer: streamOf(streams.visible),
    labelLayer: streamOf(streams.label),
    upTable: rbm.up.weights,
    downTable: rbm.down.weights,
    downBias: rbm.down.bias,
    upScale: rbm.up.scale,
    downScale: rbm.down.scale,
    labelWeights: rbm.labelWeights,
    ...buffers,
    inverseTemperature: 1 / segment.temperature,
  });
  return { address, chains, ...buffers };
}

function readBack(
  { arena, workers }: Team,
  { visibleSize, labelSize }: PackedRbm,
  state: ChainState,
  run: PlacedRun,
): void {
  const visiblePad = padded(visibleSize), stateWords = padded(visibleSize, 1024) / 32;
  const states = arena.integers(run.state, workers * run.chains * stateWords);
  const probabilities = arena.floats(run.probabilities, run.chains * visiblePad);
  const label = arena.integers(run.label, run.chains);
  const panels = padded(visibleSize + labelSize) / PANEL;
  for (let worker = 0; worker < workers; worker++) {
    const [from, to] = [worker, worker + 1].map((w) =>
      Math.min(PANEL * Math.floor(panels * w / workers), visibleSize)
    );
    for (let chain = 0; chain < run.chains; chain++) {
      const words = (worker * run.chains + chain) * stateWords;
      for (let i = from; i < to; i++) {
        state.visible[chain * visibleSize + i] = states[words + (i >> 5)] >>> (i & 31) & 1;
      }
    }
  }
  for (let chain = 0; chain < run.chains; chain++) {
    const from = chain * visiblePad;
    state.visibleProbabilities.set(
      probabilities.subarray(from, from + visibleSize),
      chain * visibleSize,
    );
    state.labels.fill(0, chain * labelSize, (chain + 1) * labelSize);
    state.labels[chain * labelSize + label[chain]] = 1;
  }
  state.labelProbabilities.set(arena.floats(run.labelProbabilities, run.chains * labelSize));
}
