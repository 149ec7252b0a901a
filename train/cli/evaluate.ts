/**
 * `deno task evaluate`: the test error of a model, all images, by any engine.
 * @module
 */
import { type EngineName, engineNames } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import { loadModel, releasedModel } from "../../src/repository/directory.ts";
import { dataFlags, loadExamples, openDataset } from "./data_flags.ts";
import { evaluate } from "../measure/evaluation.ts";
import {
  FlagError,
  flagHelp,
  type FlagTable,
  parseFlags,
  runCommand,
} from "../../src/cli/flags.ts";

const flagTable: FlagTable = {
  model: { kind: "string", help: `model directory [${releasedModel}]` },
  engine: { kind: "string", help: `${engineNames.join(", ")} [tfjs]` },
  split: { kind: "string", help: "slice to measure [test]" },
  ...dataFlags,
  json: { kind: "boolean", help: "print one JSON object" },
};

const USAGE = `Usage: deno task evaluate [flags]

Classifies every image of a split with the fine-tuned classifier and with the joint model.`;

/** Runs the command; returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const flags = parseFlags(args, flagTable);
  if (flags.help) {
    console.log(flagHelp(USAGE, flagTable));
    return 0;
  }
  const name = (flags.engine ?? "tfjs") as EngineName;
  if (!engineNames.includes(name)) {
    throw new FlagError(`--engine must be one of ${engineNames.join(", ")}, got ${name}`);
  }
  const model = await loadModel(flags.model as string | undefined);
  const split = (flags.split ?? "test") as string;
  const { divisor } = model.config.preprocessing;
  const examples = await loadExamples(await openDataset(flags), split, divisor);
  const engine = await openEngine(model, { engine: name });
  const started = performance.now();
  const result = await evaluate(engine, examples, (done) => {
    if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(encode(`\r${done} of ${examples.count}`));
  });
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(encode("\r\x1b[K"));
  const seconds = (performance.now() - started) / 1000;
  if (flags.json) {
    console.log(JSON.stringify({ model: model.config.name, engine: name, split, ...result }));
    return 0;
  }
  console.log(`${model.config.name} version ${model.config.version}, engine ${name}`);
  console.log(`${result.images} images of ${split} in ${seconds.toFixed(1)} s; 95 % intervals`);
  for (
    const [what, rate] of [["classifier", result.classifier], [
      "joint model",
      result.joint,
    ]] as const
  ) {
    const [low, high] = rate.interval.map((x) => x.toFixed(2));
    console.log(
      `${what.padEnd(12)} ${rate.percent.toFixed(2)} % (${low} – ${high})  ${rate.wrong} wrong`,
    );
  }
  return 0;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

if (import.meta.main) await runCommand(() => main(Deno.args));
