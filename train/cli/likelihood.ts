/**
 * `dbn likelihood`: log Z by annealed importance sampling, and the log-likelihood of binarised
 * images under an RBM or, as a lower bound, under a DBN.
 * @module
 */
import type { Command } from "../../src/cli/command.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../src/cli/flags.ts";
import { expandModel } from "../../src/format/weights.ts";
import { loadModel, releasedModel } from "../../src/repository/model_directory.ts";
import { type LogPartition, MIN_ANNEALING_STEPS } from "../measure/ais.ts";
import {
  type Likelihood,
  type LikelihoodOptions,
  type MeasuredLayers,
  measureLikelihood,
  SETTLED_NATS,
} from "../measure/likelihood.ts";
import { readRunStack } from "../run/run_parts.ts";
import { checkSplits, loadExamples, seedFlag } from "./data_flags.ts";
import { showCount } from "./terminal/progress.ts";
import {
  openTrainedDataset,
  runTrainedOn,
  trainedDataFlags,
  type TrainedOn,
  trainedOn,
} from "./trained_data.ts";

const flagTable: FlagTable = {
  model: { kind: "path", help: "model directory", default: releasedModel },
  run: { kind: "path", help: "directory of a run instead, for the RBMs of its stack" },
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

/** Images whose mean makes the base distribution. */
const BASE_SPLIT = "train";

/** What is measured, and how it reads its images. */
interface Measured extends MeasuredLayers {
  trained: TrainedOn;
  divisor: number;
}

async function run(flags: FlagValues): Promise<void> {
  const options: LikelihoodOptions = {
    runs: (flags.runs ?? 100) as number,
    steps: (flags.steps ?? 14_500) as number,
    samples: (flags.samples ?? 5) as number,
    seed: (flags.seed ?? 1) as number,
    onProgress: (done, steps) => showCount(done, steps, "steps"),
  };
  const measured = await openMeasured(flags), { divisor } = measured;
  const builder = await openTrainedDataset(flags, measured.trained);
  const split = (flags.split ?? "test") as string;
  checkSplits(builder, { split });
  const train = await loadExamples(builder, BASE_SPLIT, divisor);
  const cases = await loadExamples(builder, split, divisor);
  const likelihood = await measureLikelihood(measured, { train, cases }, options);
  console.log((flags.json ? toJson : report)(measured, likelihood, options));
}

/** @throws {FlagError} if both a model and a run are named. */
async function openMeasured(flags: FlagValues): Promise<Measured> {
  if (flags.run === undefined) {
    const model = await loadModel(flags.model as string | undefined);
    const { dbn: { stack, top }, config } = expandModel(model);
    return { trained: trainedOn(config), stack, top, divisor: config.preprocessing.divisor };
  }
  if (flags.model !== undefined) throw new FlagError("--model and --run exclude each other");
  const directory = flags.run as string;
  const { dataset, ...layers } = await readRunStack(directory);
  return { ...layers, trained: runTrainedOn(directory, dataset) };
}

function toJson({ trained }: Measured, likelihood: Likelihood, options: LikelihoodOptions): string {
  const { kind, fromBelow, fromAbove, settled, mean, meanFromBelow, meanFromAbove } = likelihood;
  const { error, images, seconds } = likelihood, { runs, steps, seed } = options;
  const logZ = ({ logZ, interval: [low, high] }: LogPartition) => ({ logZ, low, high });
  return JSON.stringify({
    ...{
      name: trained.name,
      kind,
      fromBelow: logZ(fromBelow),
      fromAbove: logZ(fromAbove),
      settled,
    },
    ...{ mean, meanFromBelow, meanFromAbove, error, images, runs, steps, seed, seconds },
  });
}

function report(
  { trained, stack, top }: Measured,
  likelihood: Likelihood,
  { runs, steps, seed }: LikelihoodOptions,
): string {
  const { kind, fromBelow, fromAbove, mean, error, images, seconds } = likelihood;
  const sizes = [(stack[0] ?? top).visibleSize, ...[...stack, top].map((rbm) => rbm.hiddenSize)];
  const logZ = (side: string, { logZ, interval: [low, high] }: LogPartition) =>
    `log Z from ${side} ${logZ.toFixed(2)} nats (± σ: ${low.toFixed(2)} – ${high.toFixed(2)}), ` +
    `${runs} runs of ${steps} steps, seed ${seed}`;
  const sides = `${likelihood.meanFromAbove.toFixed(2)} by that from above, ` +
    `${likelihood.meanFromBelow.toFixed(2)} from below`;
  return [
    `${trained.name}, ${sizes.join("-")}`,
    logZ("below", fromBelow),
    logZ("above", fromAbove),
    `${kind === "lower bound" ? "lower bound of log p(v)" : "log p(v)"} ${mean.toFixed(2)} ± ` +
    `${error.toFixed(2)} nats by the larger log Z (${sides}), ` +
    `${images} binarised images, ${seconds.toFixed(0)} s`,
    ...(likelihood.settled ? [] : [unsettled(likelihood)]),
  ].join("\n");
}

function unsettled({ gap }: Likelihood): string {
  const advice = gap < 0
    ? "that from above is the lower one, so its chains are not samples of the RBM: take more " +
      "--steps and --runs"
    : "take more --steps";
  return `not settled: the two log Z must be within ${SETTLED_NATS} nats, got ${gap.toFixed(2)}; ` +
    advice;
}
