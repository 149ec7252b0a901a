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
import { padded, PANEL } from "./dense.ts";

// C chains, P penultimate units, H hidden, L labels

/** The finest fixed point that is used: 2^-20. Coarser where sums could pass 2^31. */
const MAX_SHIFT = 20;

/** A label RBM in the arena, packed for {@linkcode runChains}. */
export interface PackedRbm {
  visibleSize: number;
  hiddenSize: number;
  labelSize: number;
  scale: number; // 2^-shift
  upPanels: number;
  downPanels: number;
  upBias: number;
  downBias: number;
  labelWeights: number;
}

/** Copies an RBM into the arena as panels of fixed-point weights. */
export function packRbm(arena: Arena, rbm: LabelRbm): PackedRbm {
  const { visibleSize, hiddenSize, labelSize, weights, labelWeights } = rbm;
  const below = visibleSize + labelSize, one = 2 ** chooseShift(rbm);
  const fixed = (w: number) => Math.round(w * one);
  const hiddenPad = padded(hiddenSize), belowPad = padded(below);
  const row = (i: number, j: number) =>
    i < visibleSize
      ? weights[i * hiddenSize + j]
      : labelWeights[(i - visibleSize) * hiddenSize + j];

  const upPanels = arena.allocate(hiddenPad * visibleSize);
  const up = arena.integers(upPanels, hiddenPad * visibleSize);
  for (let i = 0; i < visibleSize; i++) {
    for (let j = 0; j < hiddenSize; j++) {
      up[panelIndex(j, i, visibleSize)] = fixed(weights[i * hiddenSize + j]);
    }
  }
  const downPanels = arena.allocate(belowPad * hiddenSize);
  const down = arena.integers(downPanels, belowPad * hiddenSize);
  for (let i = 0; i < below; i++) {
    for (let j = 0; j < hiddenSize; j++) down[panelIndex(i, j, hiddenSize)] = fixed(row(i, j));
  }
  const upBias = arena.allocate(hiddenPad), downBias = arena.allocate(belowPad);
  arena.integers(upBias, hiddenPad).set(rbm.hiddenBias.map(fixed));
  const bias = arena.integers(downBias, belowPad);
  bias.set(rbm.visibleBias.map(fixed));
  bias.set(rbm.labelBias.map(fixed), visibleSize);
  const labels = arena.allocate(labelSize * hiddenPad);
  for (let y = 0; y < labelSize; y++) {
    arena.floats(labels + 4 * y * hiddenPad, hiddenSize)
      .set(labelWeights.subarray(y * hiddenSize, (y + 1) * hiddenSize));
  }
  return {
    visibleSize,
    hiddenSize,
    labelSize,
    scale: 1 / one,
    upPanels,
    downPanels,
    upBias,
    downBias,
    labelWeights: labels,
  };
}

/** Column `column` of row `row` in panels of 32 columns. */
function panelIndex(column: number, row: number, rows: number): number {
  return (Math.floor(column / PANEL) * rows + row) * PANEL + column % PANEL;
}

/** The largest shift at which no sum of weights can pass 2^31. */
function chooseShift({ weights, labelWeights, ...rbm }: LabelRbm): number {
  const { visibleSize, hiddenSize, labelSize } = rbm;
  const columns = Float64Array.from(rbm.hiddenBias, Math.abs);
  let largest = 0;
  for (let i = 0; i < visibleSize + labelSize; i++) {
    const from = i < visibleSize ? weights : labelWeights;
    const at = (i < visibleSize ? i : i - visibleSize) * hiddenSize;
    let sum = Math.abs(i < visibleSize ? rbm.visibleBias[i] : rbm.labelBias[i - visibleSize]);
    for (let j = 0; j < hiddenSize; j++) {
      const size = Math.abs(from[at + j]);
      sum += size;
      columns[j] += size;
    }
    largest = Math.max(largest, sum);
  }
  for (const sum of columns) largest = Math.max(largest, sum);
  // Rounding adds at most half a unit a weight.
  const room = 2 ** 31 - 1 - (visibleSize + labelSize + hiddenSize);
  return Math.min(MAX_SHIFT, Math.floor(Math.log2(room / Math.max(largest, 1e-30))));
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
  const bias = arena.integers(rbm.upBias, hiddenPad);
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
      lists[list + 4 + on++] = 4 * PANEL * i;
    }
    lists[list] = on;
    label[chain] = labels.subarray(chain * labelSize, (chain + 1) * labelSize).indexOf(1);
  }
  const seedHigh = Math.floor(segment.seed / 2 ** 32);
  const fields = [
    ...[chains, segment.firstChain, segment.firstStep, segment.steps],
    ...[segment.seed | 0, seedHigh | 0, visibleSize, labelSize, hiddenSize],
    ...[segment.clamped ? 1 : 0, rbm.upPanels, rbm.downPanels, rbm.upBias, rbm.downBias],
    ...[rbm.labelWeights, buffers.upSums, buffers.downSums, buffers.upLists, buffers.downLists],
    ...[buffers.state, buffers.probabilities, buffers.label, buffers.labelProbabilities],
    ...[buffers.drive, buffers.uniform, 0, 0, streams.hidden, streams.visible, streams.label],
  ];
  const address = arena.allocate(fields.length);
  arena.integers(address, fields.length).set(fields);
  arena.floats(address, fields.length).set([rbm.scale, 1 / segment.temperature], 25);
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
