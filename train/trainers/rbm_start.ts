/**
 * What an RBM's training starts from. Hinton (2012), "A practical guide to training RBMs", §8.
 * @module
 */
import { fillNormal } from "../../src/math/random.ts";
import { streamOf, streams } from "../../src/math/streams.ts";
import type { Rbm } from "../../src/model/rbm.ts";
import type { RbmRecipe } from "../recipes/recipe.ts";

// V visible (labels included), H hidden

/** PCD measures the reconstruction error of one batch in this many. */
export const PCD_MONITOR_INTERVAL = 20;

/** Standard deviation of the initial weights. */
const INITIAL_WEIGHT_STD = 0.01;

/** Sizes and place of the RBM in the run. */
export interface RbmTrainerOptions {
  visibleSize: number; // without the labels
  hiddenSize: number;
  /** Label units joined to the visible layer; 0 for none. */
  labelSize: number;
  /** Rows of the largest batch. */
  batchSize: number;
  recipe: RbmRecipe;
  seed: number;
  /** Index of the stage; keys its random numbers apart from other stages'. */
  stage: number;
  /** Mean of the training inputs, (V), for the initial visible bias. */
  visibleMean: Float64Array;
  /** The RBM below, whose transposed weights to start from; at random if left out. */
  below?: Rbm;
}

/**
 * N(0, 0.01²), or the weights of the RBM below for as many hidden units as it has visible ones.
 * @throws {RangeError} if there are fewer.
 */
export function initialWeights(options: RbmTrainerOptions, rows: number): Float32Array {
  const { hiddenSize, seed, stage, below } = options;
  const weights = new Float32Array(rows * hiddenSize);
  fillNormal(weights, { seed, chain: 0, step: 0, layer: streamOf(streams.initialWeights, stage) });
  for (let i = 0; i < weights.length; i++) weights[i] *= INITIAL_WEIGHT_STD;
  if (!below) return weights;
  checkTransposed(hiddenSize, below.visibleSize);
  const { weights: transposed } = transposedRbm(below);
  for (let i = 0; i < below.hiddenSize; i++) {
    const row = transposed.subarray(i * below.visibleSize, (i + 1) * below.visibleSize);
    weights.set(row, i * hiddenSize);
  }
  return weights;
}

/** The same RBM with its layers exchanged. */
export function transposedRbm({ visibleSize, hiddenSize, weights, ...biases }: Rbm): Rbm {
  const transposed = new Float32Array(weights.length);
  for (let i = 0; i < visibleSize; i++) {
    for (let j = 0; j < hiddenSize; j++) {
      transposed[j * visibleSize + i] = weights[i * hiddenSize + j];
    }
  }
  return {
    visibleSize: hiddenSize,
    hiddenSize: visibleSize,
    weights: transposed,
    visibleBias: biases.hiddenBias,
    hiddenBias: biases.visibleBias,
  };
}

/** @throws {RangeError} if an RBM has too few hidden units to start as the transpose of the one below. */
export function checkTransposed(hiddenSize: number, needed: number): void {
  if (hiddenSize >= needed) return;
  throw new RangeError(
    `Cannot train: the initializer transposed needs at least ${needed} hidden units, as many as the RBM below has visible ones, got ${hiddenSize}`,
  );
}

/** Zero, or the visible biases of the RBM below. */
export function initialHiddenBias({ hiddenSize, below }: RbmTrainerOptions): Float32Array {
  const bias = new Float32Array(hiddenSize);
  if (below) bias.set(below.visibleBias);
  return bias;
}

/**
 * Log-odds of the mean, Hinton (2012), §8.1; the mean of Gaussian units. Zero in an RBM with labels:
 * there log-odds hide the inputs' structure from 2,000 still equal hidden units, and an epoch of CD-1
 * gets as far as five do from log-odds (docs/decisions/0004-top-bias.md). As the
 * transpose of the RBM below, its hidden biases.
 */
export function initialVisibleBias(
  { visibleMean, visibleSize, labelSize, recipe, stage, below }: RbmTrainerOptions,
) {
  if (below) {
    const bias = new Float32Array(visibleSize + labelSize);
    bias.set(below.hiddenBias);
    return bias;
  }
  if (labelSize > 0) return new Float32Array(visibleSize + labelSize);
  const isGaussian = recipe.visible === "gaussian" && stage === 0;
  return isGaussian ? Float32Array.from(visibleMean) : logOdds(visibleMean);
}

/** log(p / (1 − p)) with p kept in [0.0001, 0.9999]. */
export function logOdds(mean: ArrayLike<number>): Float32Array {
  return Float32Array.from(mean, (value) => {
    const p = Math.min(Math.max(value, 1e-4), 1 - 1e-4);
    return Math.log(p / (1 - p));
  });
}
