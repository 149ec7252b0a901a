/**
 * `dbn evaluate`: the test error of a model, all images, by any engine.
 * @module
 */
import { type EngineName, engineNames } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import { loadModel, releasedModel } from "../../src/repository/model_directory.ts";
import { checkSplits, loadExamples } from "./data_flags.ts";
import { openTrainedDataset, trainedDataFlags, trainedOn } from "./trained_data.ts";
import { type ErrorRate, evaluate } from "../measure/evaluation.ts";
import { showCount } from "./terminal/progress.ts";
import type { Command } from "../../src/cli/command.ts";
import { type FlagTable, type FlagValues } from "../../src/cli/flags.ts";

const flagTable: FlagTable = {
  model: { kind: "path", help: "model directory", default: releasedModel },
  engine: { kind: "string", help: "what computes", choices: engineNames, default: "simd" },
  split: { kind: "string", help: "slice to measure", default: "test" },
  ...trainedDataFlags,
  json: { kind: "boolean", help: "print one JSON object" },
};

/** `dbn evaluate`. */
export const command: Command = {
  usage: "deno task dbn evaluate [flags]",
  about:
    `Classifies every image of a split with the fine-tuned classifier and with the joint model.`,
  flags: flagTable,
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const name = (flags.engine ?? "simd") as EngineName;
  const model = await loadModel(flags.model as string | undefined);
  const split = (flags.split ?? "test") as string;
  const builder = await openTrainedDataset(flags, trainedOn(model.config));
  checkSplits(builder, { split });
  const { divisor } = model.config.preprocessing;
  const examples = await loadExamples(builder, split, divisor);
  const engine = await openEngine(model, { engine: name });
  const started = performance.now();
  const result = await evaluate(
    engine,
    examples,
    (done) => showCount(done, examples.count, "images"),
  );
  const seconds = (performance.now() - started) / 1000;
  if (flags.json) {
    console.log(JSON.stringify({ model: model.config.name, engine: name, split, ...result }));
    return;
  }
  console.log(`${model.config.name} version ${model.config.version}, engine ${name}`);
  console.log(`${result.images} images of ${split} in ${seconds.toFixed(1)} s; 95 % intervals`);
  console.log(errorLine("classifier", result.classifier));
  console.log(errorLine("joint model", result.joint));
}

/** An error rate in a line. */
export function errorLine(what: string, { percent, interval, wrong }: ErrorRate): string {
  const [low, high] = interval.map((bound) => bound.toFixed(2));
  return `${what.padEnd(12)} ${percent.toFixed(2)} % (${low} – ${high})  ${wrong} wrong`;
}
