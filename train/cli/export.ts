/**
 * `deno task export`: writes the ONNX files of a model that has none, or anew.
 * @module
 */
import { loadModel, releasedModel } from "../../src/repository/directory.ts";
import { flagHelp, type FlagTable, parseFlags, runCommand } from "../../src/cli/flags.ts";
import { exportOnnx } from "../artifacts/onnx.ts";

const flagTable: FlagTable = {
  model: { kind: "string", help: `model directory [${releasedModel}]` },
};

const USAGE = `Usage: deno task export [--model DIR]

Writes model.onnx, hidden.onnx, visible.onnx and down.onnx beside a model's weights.`;

/** Runs the command; returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const flags = parseFlags(args, flagTable);
  if (flags.help) {
    console.log(flagHelp(USAGE, flagTable));
    return 0;
  }
  const model = await loadModel(flags.model as string | undefined);
  await exportOnnx(model);
  console.log(`wrote the ONNX files of ${model.config.name} to ${model.url.pathname}`);
  return 0;
}

if (import.meta.main) await runCommand(() => main(Deno.args));
