/**
 * `dbn export`: writes the ONNX files of a model that has none, or anew.
 * @module
 */
import type { Command } from "../../src/cli/command.ts";
import type { FlagValues } from "../../src/cli/flags.ts";
import { loadModel, releasedModel } from "../../src/repository/model_directory.ts";
import { exportOnnx } from "../artifacts/onnx.ts";
import { writeModelManifest } from "../artifacts/version.ts";

/** `dbn export`. */
export const command: Command = {
  usage: "deno task dbn export [--model DIR]",
  about:
    "Writes model.onnx, hidden.onnx, visible.onnx and down.onnx beside a model's weights, and its manifest.",
  flags: { model: { kind: "path", help: "model directory", default: releasedModel } },
  run,
};

async function run({ model: directory }: FlagValues): Promise<void> {
  const model = await loadModel(directory as string | undefined);
  await exportOnnx(model);
  await writeModelManifest(model);
  console.log(`wrote the ONNX files of ${model.config.name} to ${model.url.pathname}`);
}
