/**
 * `dbn likelihood`: log Z by annealed importance sampling, and the log-likelihood of binarised
 * images under an RBM or, as a lower bound, under a DBN.
 * @module
 */
import { tensorsUnder } from "../../src/format/safetensors.ts";
import { join } from "@std/path";
import type { Command } from "../../src/cli/command.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../src/cli/flags.ts";
import type { StackLayer } from "../../src/model/dbn.ts";
import type { LabelRbm, Rbm } from "../../src/model/rbm.ts";
import { loadModel, releasedModel } from "../../src/repository/directory.ts";
import {
  estimateLogPartition,
  logLikelihoodBounds,
  logLikelihoods,
  type LogPartition,
  meanWithError,
  MIN_ANNEALING_STEPS,
} from "../measure/ais.ts";
import { readCheckpoint } from "../run/checkpoint.ts";
import { loadExamples, seedFlag } from "./data_flags.ts";
import {
  openTrainedDataset,
  runTrainedOn,
  trainedDataFlags,
  type TrainedOn,
  trainedOn,
} from "./trained_data.ts";
import { binarized, type Examples, inputMean, propagate, readRows } from "../data/examples.ts";
import { logOdds, turnedOver } from "../trainers/rbm_start.ts";
import { stackRecipe } from "../recipes/recipe.ts";
import { trainingTeam } from "../trainers/simd/team.ts";

const flagTable: FlagTable = {
  model: { kind: "string", help: "model directory", default: releasedModel },
  run: { kind: "string", help: "directory of a run instead, for the RBMs of its stack" },
  split: { kind: "string", help: "slice to measure", default: "test" },
  runs: { kind: "integer", help: "independent annealing runs", default: "100", range: [2, 10_000] },
  steps: {
    kind: "integer",
    help: "inverse temperatures of a run",
    default: "14500",
    range: [MIN_ANNEALING_STEPS, 10_000_000],
  },
  samples: {
    kind: "integer",
    help: "recognition samples a case, for the bound of a DBN",
    default: "5",
    range: [1, 1000],
  },
  seed: seedFlag,
  ...trainedDataFlags,
  json: { kind: "boolean", help: "print one JSON object" },
};

/** `dbn likelihood`. */
export const command: Command = {
  usage: "deno task dbn likelihood [flags]",
  about:
    `Estimates log Z of the top RBM by annealed importance sampling (Salakhutdinov, Murray 2008), from below
and, back from Gibbs chains that begin at training images, from above (Grosse et al. 2015); then the mean
log-likelihood of binarised images: exact given log Z for an RBM, a lower bound for a DBN.`,
  flags: flagTable,
  run,
};

/** As far apart as log Z from above and from below may be. */
const SETTLED_NATS = 1;
/** Images whose mean makes the base distribution. */
const BASE_SPLIT = "train";

/** What is measured: RBMs from the image up, the last of them with labels or without. */
interface Measured {
  trained: TrainedOn;
  stack: StackLayer[];
  top: Rbm | LabelRbm;
  /** What `top` was trained from, where that was the RBM below. */
  origin?: Rbm;
  divisor: number;
}

async function run(flags: FlagValues): Promise<void> {
  const runs = (flags.runs ?? 100) as number;
  const steps = (flags.steps ?? 14_500) as number;
  const draws = (flags.samples ?? 5) as number;
  const seed = (flags.seed ?? 1) as number;
  if (flags.model !== undefined && flags.run !== undefined) {
    throw new FlagError("--model and --run exclude each other");
  }
  const measured = flags.run === undefined
    ? await ofModel(flags.model as string | undefined)
    : await ofRun(flags.run as string);
  const builder = await openTrainedDataset(flags, measured.trained),
    { divisor, stack, top } = measured;
  let below = await loadExamples(builder, BASE_SPLIT, divisor);
  if (stack.length > 0) below = binarized(below, seed); // as the bound takes them
  for (const rbm of stack) below = await propagate(rbm, below);
  const started = performance.now(), team = await trainingTeam();
  const annealing = {
    ...{ runs, steps, seed },
    baseBias: logOdds(inputMean(below)),
    ...(measured.origin && { origin: measured.origin }),
    onProgress: showProgress,
  };
  const fromBelow = await estimateLogPartition(team, top, annealing);
  const samples = visibleSamples(binarized(below, seed, stack.length), top, runs);
  const fromAbove = await estimateLogPartition(team, top, { ...annealing, samples });
  const examples = await loadExamples(builder, (flags.split ?? "test") as string, divisor);
  const cases = readRows(binarized(examples, seed), 0, examples.count);
  // From below log Z is hardly ever too high; from above it is too low where chains miss modes.
  const logZ = Math.max(fromAbove.logZ, fromBelow.logZ);
  const values = stack.length === 0
    ? logLikelihoods(top, logZ, cases)
    : logLikelihoodBounds({ stack, top }, logZ, cases, { samples: draws, seed });
  const seconds = (performance.now() - started) / 1000, { mean, error } = meanWithError(values);
  const meanFromBelow = mean + logZ - fromBelow.logZ, meanFromAbove = mean + logZ - fromAbove.logZ;
  checkPossible(mean, logZ, steps);
  const gap = fromAbove.logZ - fromBelow.logZ, settled = Math.abs(gap) <= SETTLED_NATS;
  if (flags.json) {
    const z = ({ logZ, interval: [low, high] }: LogPartition) => ({ logZ, low, high });
    console.log(JSON.stringify({
      ...{ name: measured.trained.name, kind: stack.length > 0 ? "lower bound" : "estimate" },
      ...{ fromBelow: z(fromBelow), fromAbove: z(fromAbove), settled },
      ...{ mean, meanFromBelow, meanFromAbove, error },
      ...{ images: values.length, runs, steps, seed, seconds },
    }));
    return;
  }
  const sizes = [...stack, top].map(({ hiddenSize }) => hiddenSize);
  console.log(`${measured.trained.name}, ${[(stack[0] ?? top).visibleSize, ...sizes].join("-")}`);
  for (const [name, { logZ, interval: [low, high] }] of Object.entries({ fromBelow, fromAbove })) {
    console.log(
      `log Z from ${name.slice(4).toLowerCase()} ${logZ.toFixed(2)} nats (± σ: ` +
        `${low.toFixed(2)} – ${high.toFixed(2)}), ${runs} runs of ${steps} steps, seed ${seed}`,
    );
  }
  console.log(
    `${stack.length > 0 ? "lower bound of log p(v)" : "log p(v)"} ${mean.toFixed(2)} ± ` +
      `${error.toFixed(2)} nats by the larger log Z (${
        meanFromAbove.toFixed(2)
      } by that from above, ` +
      `${meanFromBelow.toFixed(2)} from below), ` +
      `${values.length} binarised images, ${seconds.toFixed(0)} s`,
  );
  if (!settled) {
    console.log(
      `not settled: the two log Z must be within ${SETTLED_NATS} nats, got ${gap.toFixed(2)}; ` +
        (gap < 0
          ? "that from above is the lower one, so its chains are not samples of the RBM: take more --steps and --runs"
          : "take more --steps"),
    );
  }
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

async function ofModel(directory: string | undefined): Promise<Measured> {
  const { dbn: { stack, top }, config } = await loadModel(directory);
  const { divisor } = config.preprocessing;
  return { trained: trainedOn(config), stack, top, divisor };
}

async function ofRun(directory: string): Promise<Measured> {
  const { recipe, progress, tensors, dataset } = await readCheckpoint(
    join(directory, "checkpoint.safetensors"),
  );
  const finished = Math.min(progress.stage, recipe.hidden.length);
  if (finished === 0) throw new FlagError(`--run ${directory}: it has finished no RBM`);
  if (!recipe.pretraining) throw new FlagError(`--run ${directory}: it trains no RBM`);
  if (recipe.stack.visible === "gaussian") {
    throw new FlagError(`--run ${directory}: log-likelihoods are of binary pixels, got gaussian`);
  }
  const stack = Array.from({ length: finished }, (_, stage): Rbm => {
    const under = tensorsUnder(tensors, `stage${stage}`), weights = under.get("weights")!;
    const [visibleSize, hiddenSize] = weights.shape;
    return {
      visibleSize,
      hiddenSize,
      weights: weights.data,
      visibleBias: under.get("visibleBias")!.data,
      hiddenBias: under.get("hiddenBias")!.data,
    };
  });
  const top = stack.pop()!;
  const turns = stack.length > 0 &&
    stackRecipe(recipe, stack.length).initializer === "transposed";
  const origin = turns ? turnedOver(stack.at(-1)!) : undefined;
  return { trained: runTrainedOn(directory, dataset), stack, top, origin, divisor: recipe.divisor };
}

function showProgress(done: number, steps: number): void {
  if (!Deno.stderr.isTerminal()) return;
  const text = done === steps ? "\r\x1b[K" : `\r${done} of ${steps} steps`;
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
