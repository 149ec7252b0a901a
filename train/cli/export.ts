/**
 * `dbn export`: writes the ONNX files of a model that has none, or anew.
 * @module
 */
import type { Command } from "../../src/cli/command.ts";
import type { FlagValues } from "../../src/cli/flags.ts";
import { loadModel, releasedModel } from "../../src/repository/model_directory.ts";
import { exportOnnx } from "../artifacts/onnx.ts";

/** `dbn export`. */
export const command: Command = {
  usage: "deno task dbn export [--model DIR]",
  about: "Writes model.onnx, hidden.onnx, visible.onnx and down.onnx beside a model's weights.",
  flags: { model: { kind: "path", help: "model directory", default: releasedModel } },
  run,
};

async function run({ model: directory }: FlagValues): Promise<void> {
  const model = await loadModel(directory as string | undefined);
  await exportOnnx(model);
  console.log(`wrote the ONNX files of ${model.config.name} to ${model.url.pathname}`);
}
