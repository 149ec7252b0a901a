/**
 * `dbn samples`: whether class-clamped samples are read as what was asked for, by a classifier
 * that learnt from real images alone, and whether they differ from one another and from those images.
 * @module
 */
import { join } from "@std/path";
import type { Command } from "../../src/cli/command.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../src/cli/flags.ts";
import { taskCommand } from "../../src/cli/shell.ts";
import { openEngine } from "../../src/engine/open.ts";
import { loadModel, releasedModel } from "../../src/repository/model_directory.ts";
import {
  measureSamples,
  type SampleFigures,
  type SampleOptions,
  smallestClass,
} from "../measure/samples.ts";
import { readRunClassifier } from "../run/run_parts.ts";
import { loadExamples, seedFlag } from "./data_flags.ts";
import {
  checkTrainedOn,
  openTrainedDataset,
  runTrainedOn,
  trainedDataFlags,
  trainedOn,
} from "./trained_data.ts";

const flagTable: FlagTable = {
  model: { kind: "path", help: "model directory", default: releasedModel },
  classifier: {
    kind: "path",
    help: "run of the evaluation classifier: deno task dbn train --recipe evaluation",
    default: "runs/evaluation",
  },
  n: { kind: "integer", help: "samples of each class", default: "100", range: [2, 10_000] },
  steps: {
    kind: "integer",
    help: "Gibbs steps of a sample",
    default: "1000",
    range: [1, 1_000_000],
  },
  seed: seedFlag,
  ...trainedDataFlags,
  json: { kind: "boolean", help: "print one JSON object" },
};

/** `dbn samples`. */
export const command: Command = {
  usage: "deno task dbn samples [flags]",
  about:
    `Draws class-clamped samples and reports how many the evaluation classifier reads as their class, how
far each is from the nearest training image, and how much they vary, beside the same figures of test
images.`,
  flags: flagTable,
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const options: SampleOptions = {
    perClass: (flags.n ?? 100) as number,
    steps: (flags.steps ?? 1000) as number,
    seed: (flags.seed ?? 1) as number,
  };
  const model = await loadModel(flags.model as string | undefined);
  const builder = await openTrainedDataset(flags, trainedOn(model.config));
  const { divisor } = model.config.preprocessing;
  const test = await loadExamples(builder, "test", divisor);
  const fewest = smallestClass(test, model.dbn.top.labelSize);
  if (options.perClass > fewest) {
    throw new FlagError(
      `--n must be in [2, ${fewest}], as many test images as every class has, got ${options.perClass}`,
    );
  }
  const directory = (flags.classifier ?? join("runs", "evaluation")) as string;
  const making = taskCommand("dbn", ["train", "--recipe", "evaluation"]);
  const { classifier, dataset } = await readRunClassifier(directory, `make one: ${making}`);
  if (!flags["other-data"]) await checkTrainedOn(builder, runTrainedOn(directory, dataset));
  const train = await loadExamples(builder, "train", divisor);
  const engine = await openEngine(model, { engine: "simd" });
  const figures = await measureSamples(engine, classifier, { train, test }, options);
  engine.dispose();
  const result = { model: `${model.config.name} version ${model.config.version}`, ...figures };
  console.log(flags.json ? JSON.stringify(result) : report(result));
}

function report(r: { model: string } & SampleFigures): string {
  const { samples: ours, test: real } = r.nearestTrainingImage;
  const line = (name: string, { smallest, quartiles }: typeof ours) =>
    `  ${name.padEnd(8)} smallest ${smallest}, quartiles ${quartiles.join(", ")}`;
  return [
    `${r.model}: ${r.samples} class-clamped samples, ${r.steps} Gibbs steps, seed ${r.seed}`,
    `read as their class: ${r.readAsIntendedPercent} % (${
      r.interval.join(" – ")
    }), by an evaluation classifier with ` +
    `${r.classifierErrorPercent} % test error`,
    `  by class: ${r.readAsIntendedByClass.map((right, y) => `${y}: ${right}`).join(", ")}`,
    "distance to the nearest training image:",
    line("samples", ours),
    line("test", real),
    "variance of a pixel within a class, by class:",
    `  samples  ${r.pixelVarianceByClass.samples.join(", ")}`,
    `  test     ${r.pixelVarianceByClass.test.join(", ")}`,
  ].join("\n");
}
