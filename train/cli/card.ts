/**
 * `dbn card`: draws the pictures of an existing model and writes its card again, from its files
 * and its test images. Weights, config and log stay as they are, and the errors are those of the config.
 * @module
 */
import { openEngine } from "../../src/engine/open.ts";
import { loadModel, releasedModel } from "../../src/repository/model_directory.ts";
import { MANIFEST_FILE } from "../../src/format/manifest.ts";
import { PROBE_FILE } from "../../src/format/probe.ts";
import { describeModel, readLog } from "../artifacts/output.ts";
import { loadExamples } from "./data_flags.ts";
import { factsOf, openTrainedDataset, trainedDataFlags, trainedOn } from "./trained_data.ts";
import type { Command } from "../../src/cli/command.ts";
import type { FlagTable, FlagValues } from "../../src/cli/flags.ts";

const flagTable: FlagTable = {
  model: { kind: "path", help: "model directory", default: releasedModel },
  ...trainedDataFlags,
};

/** `dbn card`. */
export const command: Command = {
  usage: "deno task dbn card [flags]",
  about:
    `Draws a model's pictures and writes its card, probe and manifest again, without training.`,
  flags: flagTable,
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const path = (flags.model ?? releasedModel) as string;
  const model = await loadModel(path), { recipe, dataset, evaluation } = factsOf(model, path);
  const data = await openTrainedDataset(flags, trainedOn(model.config));
  const test = await loadExamples(data, "test", model.config.preprocessing.divisor);
  const engine = await openEngine(model);
  await describeModel(model, engine, {
    ...{ recipe, dataset, evaluation, path, test },
    dataDirectory: flags.data as string | undefined,
    history: await readLog(model),
  });
  engine.dispose();
  console.log(`wrote pictures, README.md, ${PROBE_FILE} and ${MANIFEST_FILE} of ${path}`);
}
