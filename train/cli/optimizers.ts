/**
 * `dbn optimizers`: one experiment that compares every optimizer and every initializer on the
 * same small network, and plots both.
 * @module
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "@std/path";
import type { Command } from "../../src/cli/command.ts";
import type { FlagTable, FlagValues } from "../../src/cli/flags.ts";
import { writeWhole } from "../../src/repository/write_file.ts";
import { flagWords } from "../../src/cli/shell.ts";
import { trialFiles, type TrialResults } from "../artifacts/trials_page.ts";
import { presets } from "../recipes/presets.ts";
import { runTrials, type Trial } from "../run/trials.ts";
import { dataFlags, loadExamples, openDataset, seedFlag } from "./data_flags.ts";
import { checkNewDirectory, forceFlag } from "./outputs.ts";

const flagTable: FlagTable = {
  out: {
    kind: "path",
    group: "Output",
    help: "directory of table and plots",
    default: "models/results/optimizers",
  },
  force: forceFlag,
  epochs: { kind: "integer", help: "epochs of each network", default: "6", range: [1, 1000] },
  seed: seedFlag,
  ...dataFlags,
  redraw: {
    kind: "boolean",
    group: "Output",
    help: "write table and plots of an earlier results.json, no training",
  },
};

/** `dbn optimizers`. */
export const command: Command = {
  usage: "deno task dbn optimizers [flags]",
  about:
    `Trains 784-256-128-10 on train[:5/6] with each optimizer at each of its learning rates, and with each
initializer and activation, and measures them on train[5/6:]. Writes results.json, README.md and plots.`,
  flags: flagTable,
  run,
};

/** File of the results, beside their page and plots. */
const RESULTS_FILE = "results.json";

async function run(flags: FlagValues): Promise<void> {
  const out = (flags.out ?? "models/results/optimizers") as string;
  if (flags.redraw) {
    await writePage(out, JSON.parse(await readFile(join(out, RESULTS_FILE), "utf8")));
    console.log(`wrote table and plots of ${join(out, RESULTS_FILE)}`);
    return;
  }
  await checkNewDirectory({ flag: "out", path: out }, flags.force === true);
  const results = await compare(flags);
  await mkdir(out, { recursive: true });
  await writeWhole(join(out, RESULTS_FILE), `${JSON.stringify(results, null, 1)}\n`);
  await writePage(out, results);
  console.log(`wrote ${out}`);
}

async function compare(flags: FlagValues): Promise<TrialResults> {
  const epochs = (flags.epochs ?? 6) as number, seed = (flags.seed ?? 1) as number;
  const builder = await openDataset(flags), { divisor } = presets.plain;
  const train = await loadExamples(builder, "train[:5/6]", divisor);
  const validation = await loadExamples(builder, "train[5/6:]", divisor);
  const onTrial = ({ name, errors, seconds }: Trial) => {
    const error = errors.at(-1)!.toFixed(2);
    console.error(`${name}: ${error} % after ${epochs} epochs, ${seconds.toFixed(0)} s`);
  };
  const trials = await runTrials({ train, validation }, { epochs, seed, onTrial });
  return {
    arguments: flagWords(flags, flagTable),
    trainingImages: train.count,
    heldOutImages: validation.count,
    ...trials,
  };
}

async function writePage(out: string, results: TrialResults): Promise<void> {
  for (const [name, content] of await trialFiles(results)) {
    await writeWhole(join(out, name), content);
  }
}
