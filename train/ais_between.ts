/**
 * Annealed importance sampling from one RBM to another of the same units: the steps between are RBMs
 * whose parameters lie on the line from the first to the second. Where the second was trained from the
 * first, they are alike, and a path between them keeps the modes that one from independent units misses.
 * Neal (2001); Desjardins, Courville, Bengio (2011), "On tracking the partition function".
 * @module
 */
import { sigmoid, softplus } from "../src/math/activations.ts";
import { fillUniform, streams } from "../src/math/random.ts";
import type { Rbm } from "../src/model/rbm.ts";
import { turnedOver } from "./rbm_start.ts";

// R runs, V visible, H hidden

/** An RBM and its weights turned over. */
interface Tables {
  weights: Float32Array; // (V, H)
  turned: Float32Array; // (H, V)
  visibleBias: Float32Array;
  hiddenBias: Float32Array;
}

/** Settings of {@linkcode annealBetween}. */
export interface PathOptions {
  steps: number;
  seed: number;
  /** The step of the first random numbers, so that no two parts of a run share theirs. */
  firstStep: number;
  onProgress?(done: number, all: number): void;
}

/**
 * Takes runs along the path, a Gibbs step at each RBM after the first, in place.
 * @param particles visible states (R, V), of the first RBM
 * @returns what each run gains: Σ log p*(v) at the next RBM − at this one, (R); its exponential's mean
 * estimates Z of `to` over that of `from`
 * @throws {RangeError} if the RBMs have other units
 */
export function annealBetween(
  particles: Float32Array,
  from: Rbm,
  to: Rbm,
  { steps, seed, firstStep, onProgress }: PathOptions,
): Float64Array {
  if (from.visibleSize !== to.visibleSize || from.hiddenSize !== to.hiddenSize) {
    throw new RangeError(
      `Cannot anneal: both RBMs must have the same units, got ${from.visibleSize}-${from.hiddenSize} and ${to.visibleSize}-${to.hiddenSize}`,
    );
  }
  const a = tables(from), b = tables(to), { visibleSize } = from;
  const gains = new Float64Array(particles.length / visibleSize);
  for (let step = 0; step < steps; step++) {
    const before = step / steps, beta = (step + 1) / steps;
    for (let run = 0; run < gains.length; run++) {
      const v = particles.subarray(run * visibleSize, (run + 1) * visibleSize);
      gains[run] += moveOn(v, a, b, before, beta, { seed, chain: run, step: firstStep + step });
    }
    onProgress?.(step + 1, steps);
  }
  return gains;
}

function tables(rbm: Rbm): Tables {
  return { ...rbm, turned: turnedOver(rbm).weights };
}

/** The gain of one run at one step, then a Gibbs step at `beta`. */
function moveOn(
  v: Float32Array,
  a: Tables,
  b: Tables,
  before: number,
  beta: number,
  key: { seed: number; chain: number; step: number },
): number {
  const sumsA = sumRows(a.hiddenBias, a.weights, v), sumsB = sumRows(b.hiddenBias, b.weights, v);
  const hidden = new Float32Array(sumsA.length);
  const uniform = new Float32Array(Math.max(hidden.length, v.length));
  fillUniform(uniform, { ...key, layer: streams.annealing });
  let gain = 0;
  for (let i = 0; i < v.length; i++) {
    if (v[i] !== 0) gain += (beta - before) * (b.visibleBias[i] - a.visibleBias[i]);
  }
  for (let j = 0; j < hidden.length; j++) {
    const x = sumsA[j] + beta * (sumsB[j] - sumsA[j]);
    gain += softplus(x) - softplus(sumsA[j] + before * (sumsB[j] - sumsA[j]));
    hidden[j] = uniform[j] < sigmoid(x) ? 1 : 0;
  }
  const downA = sumRows(a.visibleBias, a.turned, hidden);
  const downB = sumRows(b.visibleBias, b.turned, hidden);
  fillUniform(uniform, { ...key, layer: streams.annealing + 1 });
  for (let i = 0; i < v.length; i++) {
    v[i] = uniform[i] < sigmoid(downA[i] + beta * (downB[i] - downA[i])) ? 1 : 0;
  }
  return gain;
}

/** bias + Σ of the rows of binary units that are on, in doubles. */
export function sumRows(bias: Float32Array, weights: Float32Array, on: Float32Array): Float64Array {
  const out = Float64Array.from(bias), columns = bias.length;
  for (let i = 0; i < on.length; i++) {
    if (on[i] === 0) continue;
    const row = weights.subarray(i * columns, (i + 1) * columns);
    for (let j = 0; j < columns; j++) out[j] += row[j];
  }
  return out;
}
