/**
 * `deno task train`: MNIST → DBN and classifier → a model directory, with progress, checkpoints and
 * resume.
 * @module
 */
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "@std/path";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../run/checkpoint.ts";
import { evaluateClassifier } from "../measure/evaluation.ts";
import { loadExamples, openDataset } from "./data_flags.ts";
import { type DatasetBuilder, splitSizes } from "../../src/data/mnist.ts";
import { checkDisjoint } from "../../src/data/splits.ts";
import {
  FlagError,
  flagHelp,
  type FlagValues,
  parseFlags,
  runCommand,
} from "../../src/cli/flags.ts";
import type { Examples } from "../data/examples.ts";
import { sha256 } from "../../src/repository/directory.ts";
import { checkName } from "../../src/format/weights.ts";
import { nextVersionDirectory, saveRun } from "../artifacts/output.ts";
import { pretrainedCheckpoint } from "../run/pretrained.ts";
import { epochLine } from "../run/epoch_line.ts";
import { createProgress } from "./progress.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { writeResult } from "../run/result.ts";
import { runTraining, type TrainedParts, TrainingInterrupted } from "../run/run.ts";
import { changingFlags, recipeFromFlags, trainFlags } from "./train_flags.ts";

const USAGE = `Usage: deno task train [--preset quick|plain|full | --recipe NAME] [flags]

Trains a Deep Belief Network and its classifier, saves a checkpoint after every epoch, and writes a
model directory with weights, ONNX files, pictures and a card. Ctrl-C saves and says how to go on.`;

/** Exit code of a run that was interrupted: 128 + SIGINT. */
const INTERRUPTED = 130;

/** Runs the command; returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const flags = parseFlags(args, trainFlags);
  if (flags.help) {
    console.log(flagHelp(USAGE, trainFlags));
    return 0;
  }
  const wanted = await recipeFromFlags(flags);
  const runDirectory = (flags.run ?? join("runs", wanted.name)) as string;
  const checkpointPath = join(runDirectory, "checkpoint.safetensors");
  if (flags.name !== undefined) checkNameFlag(flags.name as string);
  const resume = await openCheckpoint(flags, checkpointPath, wanted);
  const recipe = resume?.recipe ?? wanted;
  const builder = await openDataset(flags);
  checkDisjoint(recipe, splitSizes(builder.info));
  const train = await loadExamples(builder, recipe.split, recipe.divisor);
  const dataset = await describeData(builder.info.name, train);
  if (resume?.dataset !== undefined && resume.dataset !== dataset) {
    throw new FlagError(
      `the run learns from ${resume.dataset}; --dataset and --data name ${dataset}`,
    );
  }
  const validation = recipe.validation
    ? await loadExamples(builder, recipe.validation, recipe.divisor)
    : undefined;

  console.error(describe(recipe, train.count, validation?.count ?? 0, resume));
  const interrupt = new AbortController();
  const stop = () => interrupt.abort();
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  await mkdir(runDirectory, { recursive: true });
  const progress = createProgress({ quiet: flags.quiet === true });
  const save = async (checkpoint: Checkpoint) => {
    await writeCheckpoint(checkpointPath, { ...checkpoint, dataset });
    const log = checkpoint.progress.history.map((record) => `${JSON.stringify(record)}\n`);
    await writeFile(join(runDirectory, "log.jsonl"), log.join(""));
  };
  try {
    const parts = await runTraining(
      recipe,
      { train, validation },
      { ...progress, save, signal: interrupt.signal },
      resume,
    );
    progress.stop();
    const finish = { flags, builder, recipe, runDirectory };
    console.log(flags["no-output"] ? chosenBy(parts) : await saveResults(parts, finish));
    return 0;
  } catch (error) {
    progress.stop();
    if (!(error instanceof TrainingInterrupted)) throw error;
    const again = [...args.filter((arg) => arg !== "--resume" && arg !== "--restart")];
    console.error(
      `\ninterrupted; saved ${checkpointPath}\n` +
        `go on with: deno task train ${[...resumeArgs(again), "--resume"].join(" ")}`,
    );
    return INTERRUPTED;
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSignalListener("SIGTERM", stop);
  }
}

/** Writes what a run made, and reports its test errors. */
async function saveResults(
  parts: TrainedParts,
  { flags, builder, recipe, runDirectory }: {
    flags: FlagValues;
    builder: DatasetBuilder;
    recipe: Recipe;
    runDirectory: string;
  },
): Promise<string> {
  const { shape: [height, width] } = builder.info.features.image;
  const test = await loadExamples(builder, "test", recipe.divisor), { dbn, classifier } = parts;
  const result = { recipe, dataset: builder.info.name, history: parts.history };
  if (!classifier) {
    await writeResult(runDirectory, result);
    return `trained; measure it: deno task likelihood --run ${runDirectory}`;
  }
  if (!dbn) {
    const { images, classifier: error } = await evaluateClassifier(classifier, test);
    await writeResult(runDirectory, { ...result, test: { images, classifier: error } });
    return `test error on ${images} images: classifier ${error.percent} %`;
  }
  const { name: recipeName } = recipe;
  const name =
    (flags.name ?? (recipeName === "full" ? "mnist-dbn" : `mnist-dbn-${recipeName}`)) as string;
  const out = (flags.out ?? await nextVersionDirectory(name)) as string;
  console.error(`writing ${out} …`);
  const { evaluation } = await saveRun({ ...parts, dbn, classifier }, {
    name,
    out,
    recipe,
    dataset: builder.info.name,
    dataDirectory: flags.data as string | undefined,
    test,
    height,
    width,
    labels: Array.from({ length: builder.info.features.label.numClasses }, (_, i) => String(i)),
  });
  await writeResult(runDirectory, { ...result, test: evaluation });
  return `test error on ${evaluation.images} images: classifier ${evaluation.classifier.percent} %, ` +
    `joint model ${evaluation.joint.percent} %\n` +
    `model: ${out}\nserve it: deno task start --model ${out}`;
}

function checkNameFlag(name: string): void {
  try {
    checkName(name);
  } catch (error) {
    throw new FlagError(`--name: ${(error as Error).message}`);
  }
}

/** A dataset's name, size and labels, which a run must go on with. */
async function describeData(name: string, { labels }: Examples): Promise<string> {
  return `${name} (${labels.length} images, labels ${(await sha256(labels)).slice(0, 8)})`;
}

/** The held-out figures by which a recipe is chosen. */
function chosenBy({ history }: TrainedParts): string {
  const last = new Map(history.map((record) => [record.stage, record]));
  return [...last.values()].map(epochLine).join("\n");
}

/** The checkpoint to resume from; refuses to overwrite one by accident. */
async function openCheckpoint(
  flags: FlagValues,
  path: string,
  wanted: Recipe,
): Promise<Checkpoint | undefined> {
  const exists = await stat(path).then(() => true, () => false);
  if (flags.resume && flags.restart) {
    throw new FlagError("--resume and --restart exclude each other");
  }
  if (flags.resume) {
    const changed = changingFlags.filter((name) => flags[name] !== undefined);
    if (changed.length > 0) {
      throw new FlagError(
        `--resume takes its recipe from the checkpoint; leave out ${
          changed.map((name) => `--${name}`).join(", ")
        }`,
      );
    }
    if (!exists) throw new FlagError(`--resume found no checkpoint at ${path}`);
    return await readCheckpoint(path);
  }
  if (exists && !flags.restart) {
    throw new FlagError(
      `${path} exists; add --resume to go on from it, or --restart to throw it away`,
    );
  }
  return flags.pretrained === undefined
    ? undefined
    : pretrainedCheckpoint(flags.pretrained as string, wanted);
}

/** The arguments without those that the checkpoint holds: a flag and its value, or flag=value. */
function resumeArgs(args: string[]): string[] {
  const held = new Set(changingFlags.map((name) => `--${name}`));
  return args.filter((arg, i) => {
    const previous = args[i - 1];
    if (held.has(arg) || held.has(arg.split("=")[0])) return false;
    return !(previous !== undefined && held.has(previous));
  });
}

function describe(recipe: Recipe, train: number, validation: number, resume?: Checkpoint): string {
  const { hidden, top, batchSize, seed, split } = recipe;
  const held = validation > 0 ? `, ${validation} held out (${recipe.validation})` : "";
  const done = resume?.progress.history.at(-1);
  const where = resume
    ? `\nresuming after ${
      done ? `${done.stage} epoch ${done.epoch}/${done.epochs}` : "the start"
    }` +
      `, batch ${resume.progress.step} of its stage`
    : "";
  return `recipe ${recipe.name}: layers ${
    hidden.join("-")
  }-${top}, ${train} images (${split})${held}, ` +
    `batches of ${batchSize}, seed ${seed}${where}`;
}

if (import.meta.main) await runCommand(() => main(Deno.args));
