/**
 * Log-likelihood of binarised images under an RBM or, as a lower bound, under a DBN, given log Z by annealed
 * importance sampling: from below (Salakhutdinov, Murray 2008) and, back from Gibbs chains that begin at
 * training images, from above (Grosse et al. 2015).
 * @module
 */
import type { StackLayer } from "../../src/model/dbn.ts";
import type { LabelRbm, Rbm } from "../../src/model/rbm.ts";
import { binarized, type Examples, inputMean, propagate, readRows } from "../data/examples.ts";
import { logOdds } from "../trainers/rbm_start.ts";
import { trainingTeam } from "../trainers/simd/team.ts";
import {
  estimateLogPartition,
  logLikelihoodBounds,
  logLikelihoods,
  type LogPartition,
  meanWithError,
} from "./ais.ts";

/** As far apart as log Z from above and from below may be. */
export const SETTLED_NATS = 1;

/** What is measured: RBMs from the image up, the last of them with labels or without. */
export interface MeasuredLayers {
  stack: StackLayer[];
  top: Rbm | LabelRbm;
  /** What `top` was trained from, where that was the RBM below. */
  origin?: Rbm;
}

/** How it is measured. */
export interface LikelihoodOptions {
  /** Independent annealing runs. */
  runs: number;
  /** Inverse temperatures of a run. */
  steps: number;
  /** Recognition samples a case, for the bound of a DBN. */
  samples: number;
  /** What every random number depends on. */
  seed: number;
  onProgress?(done: number, steps: number): void;
}

/** What {@linkcode measureLikelihood} finds; log-likelihoods are in nats, of the mean case. */
export interface Likelihood {
  /** Exact given log Z for an RBM. */
  kind: "lower bound" | "estimate";
  fromBelow: LogPartition;
  fromAbove: LogPartition;
  /** log Z from above less that from below, in nats. */
  gap: number;
  settled: boolean;
  /** By the larger log Z, and its standard error. */
  mean: number;
  error: number;
  meanFromBelow: number;
  meanFromAbove: number;
  images: number;
  seconds: number;
}

/**
 * Anneals from the mean of `train` as the top RBM sees it, and measures `cases`.
 * @throws {RangeError} if log Z cannot be right.
 */
export async function measureLikelihood(
  { stack, top, origin }: MeasuredLayers,
  { train, cases }: { train: Examples; cases: Examples },
  { runs, steps, samples: draws, seed, onProgress }: LikelihoodOptions,
): Promise<Likelihood> {
  let below = stack.length > 0 ? binarized(train, seed) : train; // as the bound takes them
  for (const rbm of stack) below = await propagate(rbm, below);
  const started = performance.now(), team = await trainingTeam();
  const annealing = {
    ...{ runs, steps, seed, onProgress },
    baseBias: logOdds(inputMean(below)),
    ...(origin && { origin }),
  };
  const fromBelow = await estimateLogPartition(team, top, annealing);
  const samples = visibleSamples(binarized(below, seed, stack.length), top, runs);
  const fromAbove = await estimateLogPartition(team, top, { ...annealing, samples });
  const rows = readRows(binarized(cases, seed), 0, cases.count);
  // From below log Z is hardly ever too high; from above it is too low where chains miss modes.
  const logZ = Math.max(fromAbove.logZ, fromBelow.logZ);
  const values = stack.length === 0
    ? logLikelihoods(top, logZ, rows)
    : logLikelihoodBounds({ stack, top }, logZ, rows, { samples: draws, seed });
  const { mean, error } = meanWithError(values);
  checkPossible(mean, logZ, steps);
  const gap = fromAbove.logZ - fromBelow.logZ;
  return {
    kind: stack.length > 0 ? "lower bound" : "estimate",
    fromBelow,
    fromAbove,
    gap,
    settled: Math.abs(gap) <= SETTLED_NATS,
    mean,
    error,
    meanFromBelow: mean + logZ - fromBelow.logZ,
    meanFromAbove: mean + logZ - fromAbove.logZ,
    images: values.length,
    seconds: (performance.now() - started) / 1000,
  };
}

/** Visible states to anneal back from: binary training inputs, each with its label. */
function visibleSamples(train: Examples, top: Rbm | LabelRbm, runs: number) {
  const labelSize = "labelSize" in top ? top.labelSize : 0, size = train.size + labelSize;
  const rows = Uint32Array.from({ length: runs }, (_, run) => Math.floor(run * train.count / runs));
  const inputs = new Float32Array(runs * train.size), out = new Float32Array(runs * size);
  train.read(inputs, rows);
  rows.forEach((row, run) => {
    out.set(inputs.subarray(run * train.size, (run + 1) * train.size), run * size);
    if (labelSize > 0) out[run * size + train.size + train.labels[row]] = 1;
  });
  return out;
}

/**
 * Annealing that misses modes gives too low a log Z, with a small σ. This much of it can be told.
 * @throws {RangeError} if binary images would be more than certain.
 */
export function checkPossible(mean: number, logZ: number, steps: number): void {
  if (mean <= 0) return;
  throw new RangeError(
    `Cannot measure: the mean of log p(v) must be at most 0, got ${mean.toFixed(2)} nats. ` +
      `log Z must be more than the ${logZ.toFixed(2)} that annealing in ${steps} steps found; ` +
      "take more --steps, or an RBM that mixes better (fewer epochs of PCD, a larger weight cost)",
  );
}
