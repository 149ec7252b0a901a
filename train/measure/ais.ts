/**
 * Annealed importance sampling of an RBM's partition function, from below and from above, and
 * log-likelihoods with it. Neal (2001); Salakhutdinov, Murray (2008), "On the quantitative analysis of
 * deep belief networks"; Grosse, Ghahramani, Adams (2015), "Sandwiching the marginal likelihood using
 * bidirectional Monte Carlo".
 * @module
 */
import { logSumExp, sigmoid, softplus } from "../../src/math/activations.ts";
import { fillUniform } from "../../src/math/random.ts";
import { streamOf, streams } from "../../src/math/streams.ts";
import { PathAnnealing, TemperatureAnnealing } from "../../src/kernels/training/annealing.ts";
import type { Team } from "../../src/kernels/runtime/team.ts";
import { eventLoopTurn } from "../../src/sampling/pace.ts";
import { generative, type StackLayer } from "../../src/model/dbn.ts";
import { freeEnergy, labelFreeEnergies, type LabelRbm, type Rbm } from "../../src/model/rbm.ts";
import { checkRows } from "../data/check.ts";
import { joinLabels } from "../trainers/simd/join_labels.ts";

// N cases, R runs, V visible, H hidden, L labels

/** Settings of {@linkcode estimateLogPartition}. */
export interface AnnealingOptions {
  /** Independent runs. */
  runs: number;
  /** Steps from the base distribution to the RBM. */
  steps: number;
  /** What every random number depends on. */
  seed: number;
  /** Visible biases of the base distribution, (V); log-odds of the data's mean are good ones. */
  baseBias: Float32Array;
  /**
   * Visible states (runs, V), labels included, to anneal back from, after as many Gibbs steps as there
   * are annealing steps. From samples of the RBM the estimate tends to be too high, as it tends to be too
   * low the other way; so it also counts what runs from the base distribution do not find.
   */
  samples?: Float32Array;
  /**
   * What an RBM without labels was trained from, with hidden units up to as many: the path then leads from
   * independent units to this one, and on to the RBM in as many steps.
   */
  origin?: Rbm;
  /** Hears the number of steps done, of how many. */
  onProgress?(done: number, all: number): void;
}

/** log Z in nats. */
export interface LogPartition {
  /** The estimate. */
  logZ: number;
  /** log(Ẑ − σ) and log(Ẑ + σ), σ the standard error of the mean weight. */
  interval: [low: number, high: number];
  /** log weights of the runs; their exponentials' mean estimates Z over that of the base. */
  logWeights: Float64Array;
}

/** Steps between two turns of the event loop. */
const STEPS_PER_CALL = 100;

/** Fewer would leave a part of the schedule without a step. */
export const MIN_ANNEALING_STEPS = 30;

/**
 * Inverse temperatures of Salakhutdinov and Murray: a share of 500/14,500 of them from 0 to 0.5, of
 * 4,000/14,500 to 0.9 and the rest to 1.
 * @throws {RangeError} if there are fewer than 30 steps.
 */
export function annealingSchedule(steps: number): Float32Array {
  if (!Number.isInteger(steps) || steps < MIN_ANNEALING_STEPS) {
    throw new RangeError(
      `Cannot anneal: steps must be an integer >= ${MIN_ANNEALING_STEPS}, got ${steps}`,
    );
  }
  const first = Math.round(steps * 500 / 14500), second = Math.round(steps * 4000 / 14500);
  return Float32Array.from({ length: steps + 1 }, (_, i) => {
    if (i < first) return 0.5 * i / first;
    if (i < first + second) return 0.5 + 0.4 * (i - first) / second;
    return 0.9 + 0.1 * (i - first - second) / (steps - first - second);
  });
}

/** log Z of a binary RBM, with or without label units, by annealing from independent pixels. */
export async function estimateLogPartition(
  team: Team,
  rbm: Rbm | LabelRbm,
  options: AnnealingOptions,
): Promise<LogPartition> {
  const { runs, steps, seed, baseBias, samples, origin } = options;
  const { hiddenSize } = rbm, labelSize = "labelSize" in rbm ? rbm.labelSize : 0;
  const logBase = baseBias.reduce((sum, b) => sum + softplus(b), 0) + hiddenSize * Math.LN2 +
    (labelSize > 0 ? Math.log(labelSize) : 0);
  const start = samples ?? sampleBase(baseBias, labelSize, runs, seed);
  const up = annealingSchedule(steps), down = up.toReversed();
  const still = new Float32Array(steps + 1).fill(1); // Gibbs steps, which weigh nothing
  if (!origin) {
    const schedule = samples ? Float32Array.from([...still, ...down.subarray(1)]) : up;
    const { logWeights } = await annealTemperatures(team, { rbm, start, schedule }, options);
    return samples ? fromAbove(logWeights, logBase) : logPartitionOf(logWeights, logBase);
  }
  if (
    "labelSize" in rbm || origin.visibleSize !== rbm.visibleSize || origin.hiddenSize > hiddenSize
  ) {
    throw new RangeError(
      `Cannot anneal: origin must have ${rbm.visibleSize} visible and at most ${hiddenSize} hidden units, and no labels, got ${origin.visibleSize} and ${origin.hiddenSize}`,
    );
  }
  const first = withUnits(origin, rbm);
  const add = (a: Float64Array, b: Float64Array) => a.map((x, i) => x + b[i]);
  if (samples) {
    const settled = await annealTemperatures(team, { rbm, start, schedule: still }, options);
    const back = { from: rbm, to: first, start: settled.particles };
    const between = await annealPath(team, back, options);
    const rest = { rbm: first, start: between.particles, schedule: down };
    const later = { ...options, firstStep: 2 * steps };
    const { logWeights } = await annealTemperatures(team, rest, later);
    return fromAbove(add(between.logWeights, logWeights), logBase);
  }
  const begun = await annealTemperatures(team, { rbm: first, start, schedule: up }, options);
  const between = await annealPath(team, { from: first, to: rbm, start: begun.particles }, options);
  return logPartitionOf(add(begun.logWeights, between.logWeights), logBase);
}

/** `origin` with units as many as `rbm`'s: those that it lacks have the biases they came to, no weights. */
function withUnits(origin: Rbm, { hiddenSize, hiddenBias: final }: Rbm): Rbm {
  const { visibleSize, hiddenSize: fewer, visibleBias } = origin;
  const weights = new Float32Array(visibleSize * hiddenSize), hiddenBias = Float32Array.from(final);
  for (let i = 0; i < visibleSize; i++) {
    weights.set(origin.weights.subarray(i * fewer, (i + 1) * fewer), i * hiddenSize);
  }
  hiddenBias.set(origin.hiddenBias);
  return { visibleSize, hiddenSize, weights, visibleBias, hiddenBias };
}

/** Log importance weights of runs, (R), in nats, and where they end, (R, V). */
interface Annealed {
  logWeights: Float64Array;
  particles: Float32Array;
}

/** How runs go on: the options, and what was before. */
interface RunOptions extends AnnealingOptions {
  /** Steps before these. @default 0 */
  firstStep?: number;
}

/** Takes runs through inverse temperatures. */
async function annealTemperatures(
  team: Team,
  { rbm, start, schedule }: {
    rbm: Rbm | LabelRbm;
    start: Float32Array;
    schedule: Float32Array;
  },
  options: RunOptions,
): Promise<Annealed> {
  const { visibleSize: inputSize, hiddenSize } = rbm, { runs: maxRows, baseBias } = options;
  const labelSize = "labelSize" in rbm ? rbm.labelSize : 0, parameters = joinLabels(rbm);
  const sizes = { inputSize, labelSize, hiddenSize, maxRows };
  return await annealed(
    team,
    {
      open: () => new TemperatureAnnealing(team, { ...sizes, parameters, baseBias }),
      start,
      schedule,
    },
    options,
  );
}

/**
 * Takes runs along the line of parameters from one RBM to another of the same units, in as many steps as
 * there are inverse temperatures. Where the second was trained from the first they are alike, and this path
 * keeps the modes that one from independent units misses. Desjardins, Courville, Bengio (2011), "On
 * tracking the partition function".
 */
async function annealPath(
  team: Team,
  { from, to, start }: { from: Rbm; to: Rbm; start: Float32Array },
  options: AnnealingOptions,
): Promise<Annealed> {
  const { runs: maxRows, steps } = options, { visibleSize: inputSize, hiddenSize } = from;
  const schedule = Float32Array.from({ length: steps + 1 }, (_, i) => i / steps);
  const sizes = { inputSize, hiddenSize, maxRows };
  return await annealed(
    team,
    { open: () => new PathAnnealing(team, { ...sizes, from, to }), start, schedule },
    { ...options, firstStep: steps },
  );
}

/** Takes the chains that `open` makes through a schedule, and gives their memory back. */
async function annealed(
  team: Team,
  { open, start, schedule }: {
    open: () => TemperatureAnnealing | PathAnnealing;
    start: Float32Array;
    schedule: Float32Array;
  },
  { seed, onProgress, firstStep = 0 }: RunOptions,
): Promise<Annealed> {
  const release = team.arena.mark(), all = schedule.length - 1;
  try {
    const chains = open();
    chains.setStates(start);
    for (let step = 0; step < all; step += STEPS_PER_CALL) {
      const last = Math.min(all, step + STEPS_PER_CALL);
      chains.anneal(schedule.subarray(step, last + 1), { seed, step: firstStep + step });
      onProgress?.(last, all);
      await eventLoopTurn();
    }
    return { logWeights: chains.logWeights(), particles: chains.states() };
  } finally {
    release();
  }
}

/** log Z from runs backwards, whose weights' mean estimates Z of the base over that of the RBM. */
function fromAbove(logWeights: Float64Array, logBase: number): LogPartition {
  const { logZ, interval: [low, high] } = logPartitionOf(logWeights, 0);
  return { logZ: logBase - logZ, interval: [logBase - high, logBase - low], logWeights };
}

/** log Z from the runs' log weights. */
function logPartitionOf(logWeights: Float64Array, logBase: number): LogPartition {
  const count = logWeights.length, largest = Math.max(...logWeights);
  const weights = logWeights.map((w) => Math.exp(w - largest));
  const mean = weights.reduce((a, b) => a + b) / count;
  const variance = weights.reduce((sum, w) => sum + (w - mean) ** 2, 0) / Math.max(1, count - 1);
  const error = Math.sqrt(variance / count), at = logBase + largest;
  return {
    logZ: at + Math.log(mean),
    interval: [at + Math.log(Math.max(0, mean - error)), at + Math.log(mean + error)],
    logWeights,
  };
}

/** Independent pixels, and a label drawn evenly. */
function sampleBase(bias: Float32Array, labelSize: number, runs: number, seed: number) {
  const size = bias.length + labelSize, out = new Float32Array(runs * size);
  const uniform = new Float32Array(bias.length + 1);
  for (let run = 0; run < runs; run++) {
    fillUniform(uniform, { seed, chain: run, step: 0, layer: streamOf(streams.annealingStart) });
    bias.forEach((b, i) => out[run * size + i] = uniform[i] < sigmoid(b) ? 1 : 0);
    if (labelSize > 0) {
      out[run * size + bias.length + Math.floor(uniform[bias.length] * labelSize)] = 1;
    }
  }
  return out;
}

/**
 * log p(v) of each case in nats, (N): −F(v) − log Z, labels summed out.
 * @throws {RangeError} naming the first value that is not in [0, 1].
 */
export function logLikelihoods(
  rbm: Rbm | LabelRbm,
  logZ: number,
  cases: Float32Array,
): Float64Array {
  checkRows(cases, { size: rbm.visibleSize, name: "cases" });
  if (!("labelSize" in rbm)) return Float64Array.from(freeEnergy(rbm, cases), (f) => -f - logZ);
  const energies = labelFreeEnergies(rbm, cases), { labelSize } = rbm;
  return Float64Array.from(
    { length: energies.length / labelSize },
    (_, row) =>
      logSumExp(
        energies.subarray(row * labelSize, (row + 1) * labelSize).map((f) => -f),
      ) - logZ,
  );
}

/**
 * A lower bound of log p(v) of a DBN in nats, a case an entry: E_q[log p(v, h)] + H(q), with q the
 * recognition by each RBM in turn. `samples` of q a case; entropies are exact given the layer below.
 * @throws {RangeError} naming the first value that is not in [0, 1].
 */
export function logLikelihoodBounds(
  { stack, top }: { stack: readonly StackLayer[]; top: Rbm | LabelRbm },
  logZ: number,
  cases: Float32Array,
  { samples, seed }: { samples: number; seed: number },
): Float64Array {
  const size = (stack[0] ?? top).visibleSize, count = cases.length / size;
  const out = new Float64Array(count);
  checkRows(cases, { size, name: "cases" });
  for (let sample = 0; sample < samples; sample++) {
    let below = cases;
    stack.forEach((rbm, layer) => {
      const { hiddenSize, visibleSize } = rbm;
      const above = new Float32Array(count * hiddenSize), uniform = new Float32Array(hiddenSize);
      for (let row = 0; row < count; row++) {
        const v = below.subarray(row * visibleSize, (row + 1) * visibleSize);
        const logits = sumRows(rbm.hiddenBias, rbm.weights, v);
        const key = { seed, chain: row, step: sample, layer: streamOf(streams.recognition, layer) };
        fillUniform(uniform, key);
        const h = above.subarray(row * hiddenSize, (row + 1) * hiddenSize);
        let entropy = 0;
        logits.forEach((x, j) => {
          const p = sigmoid(x);
          entropy += softplus(x) - p * x; // of one unit
          h[j] = uniform[j] < p ? 1 : 0;
        });
        out[row] += (entropy + logConditional(rbm, h, v)) / samples;
      }
      below = above;
    });
    logLikelihoods(top, logZ, below).forEach((value, row) => out[row] += value / samples);
  }
  return out;
}

/** log p(v|h) of binary vectors. */
function logConditional(layer: StackLayer, h: Float32Array, v: Float32Array): number {
  const { visibleSize, hiddenSize, weights, visibleBias } = generative(layer);
  const on = Array.from(h.keys()).filter((j) => h[j] !== 0);
  let sum = 0;
  for (let i = 0; i < visibleSize; i++) {
    let x = visibleBias[i];
    for (const j of on) x += weights[i * hiddenSize + j];
    sum += v[i] * x - softplus(x);
  }
  return sum;
}

/** Mean and its standard error. */
export function meanWithError(values: Float64Array): { mean: number; error: number } {
  const mean = values.reduce((a, b) => a + b) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
  return { mean, error: Math.sqrt(variance / values.length) };
}

/** bias + Σ of the rows of binary units that are on, in doubles. */
function sumRows(bias: Float32Array, weights: Float32Array, on: Float32Array): Float64Array {
  const out = Float64Array.from(bias), columns = bias.length;
  for (let i = 0; i < on.length; i++) {
    if (on[i] === 0) continue;
    const row = weights.subarray(i * columns, (i + 1) * columns);
    for (let j = 0; j < columns; j++) out[j] += row[j];
  }
  return out;
}
