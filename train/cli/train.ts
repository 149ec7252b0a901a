/**
 * `dbn train`: images → DBN and classifier → a model directory, with progress, checkpoints and resume.
 * @module
 */
import { mkdir } from "node:fs/promises";
import { join } from "@std/path";
import { type Command, exitCodes } from "../../src/cli/command.ts";
import { FlagError, type FlagValues } from "../../src/cli/flags.ts";
import { flagWords, taskCommand } from "../../src/cli/shell.ts";
import type { DatasetBuilder } from "../../src/data/builder.ts";
import { writeWhole } from "../../src/repository/write_file.ts";
import { saveRun } from "../artifacts/output.ts";
import type { Examples } from "../data/examples.ts";
import { evaluateClassifier } from "../measure/evaluation.ts";
import type { TrainingWarning } from "../measure/health.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { type Checkpoint, writeCheckpoint } from "../run/checkpoint.ts";
import { epochLine } from "../run/epoch_line.ts";
import { lockRun } from "../run/lock.ts";
import { writeResult } from "../run/result.ts";
import { checkImages } from "../run/pretrained.ts";
import { CHECKPOINT_FILE, openCheckpoint } from "../run/resume.ts";
import { runTraining, type TrainedParts, TrainingInterrupted } from "../run/run.ts";
import { BUILT_IN, checkSplits, datasetName, loadExamples, openDataset } from "./data_flags.ts";
import { checkDirectory, checkNameFlag, lockModel, unlessInterrupted } from "./outputs.ts";
import { createProgress } from "./terminal/progress.ts";
import { checkSpace, leastBytes } from "../run/space.ts";
import { changingFlags, recipeFromFlags, trainFlags } from "./train_flags.ts";
import { describeData, isSameDescription, testHash } from "./trained_data.ts";

/** `dbn train`. */
export const command: Command = {
  usage: "deno task dbn train [--preset quick|plain|full | --recipe NAME] [flags]",
  about:
    `Trains a Deep Belief Network and its classifier, saves a checkpoint after every epoch, and writes a
model directory with weights, ONNX files, pictures and a card. Ctrl-C saves and says how to go on.
Defaults of a recipe's fields are those of the preset quick.`,
  flags: trainFlags,
  run,
};

/** A run that is about to begin, all of it checked. */
interface Plan {
  flags: FlagValues;
  recipe: Recipe;
  resume: Checkpoint | undefined;
  builder: DatasetBuilder;
  train: Examples;
  validation: Examples | undefined;
  /** The training images, as the checkpoint says them. */
  description: string;
  runDirectory: string;
  /** Of the model. */
  name: string;
  /** Directory of the model; none of a run that makes none. */
  out: string | undefined;
  /** Of the run and the model. */
  locks: DisposableStack;
}

async function run(flags: FlagValues): Promise<number> {
  using locks = new DisposableStack();
  const plan = await prepare(flags, locks);
  console.error(describe(plan));
  const parts = await train(plan);
  if (!parts) {
    console.error(
      `\ninterrupted; saved ${join(plan.runDirectory, CHECKPOINT_FILE)}\n` +
        `go on with: ${resumeLine(plan)}`,
    );
    return exitCodes.interrupted;
  }
  console.log(flags["no-output"] ? chosenBy(parts) : await saveResults(parts, plan));
  return exitCodes.done;
}

/** Checks the flags, the data and the outputs, locks these, and reads what the run starts from. */
async function prepare(flags: FlagValues, locks: DisposableStack): Promise<Plan> {
  checkFlags(flags);
  const wanted = await recipeFromFlags(flags), dataset = datasetName(flags);
  const runDirectory = (flags.run ?? join("runs", runName(wanted.name, dataset))) as string;
  const found = await checkDirectory({ flag: "run", path: runDirectory });
  if (found.length > 0 && !found.includes(CHECKPOINT_FILE) && !flags.restart) {
    throw new FlagError(
      `--run ${runDirectory}: the directory must be new, empty or that of a run, ` +
        `got ${found.length} entries; add --restart to use it`,
    );
  }
  locks.use(await lockRun(runDirectory));
  const resume = await openCheckpoint(join(runDirectory, CHECKPOINT_FILE), wanted, {
    resume: flags.resume === true,
    restart: flags.restart === true,
    changed: changingFlags.filter((name) => flags[name] !== undefined),
    pretrained: flags.pretrained as string | undefined,
  });
  const recipe = resume?.recipe ?? wanted;
  const name = (flags.name ?? modelName(recipe.name, dataset)) as string;
  const makesModel = !flags["no-output"] && recipe.pretraining && recipe.top > 0;
  if (makesModel || flags.name !== undefined) checkNameFlag(name);
  const out = makesModel ? await lockModel(name, flags, locks) : undefined;
  const builder = await openDataset(flags);
  checkSplits(builder, recipe);
  const train = await loadExamples(builder, recipe.split, recipe.divisor);
  if (resume) checkImages(resume, train.size);
  const { checkpoint, model } = leastBytes(recipe, train.size);
  await checkSpace([
    { flag: "run", path: runDirectory, bytes: resume ? checkpoint : 2 * checkpoint }, // old and new
    ...(out === undefined ? [] : [{ flag: "out", path: out, bytes: model }]),
  ]);
  const description = await describeData(dataset, train);
  if (resume?.dataset !== undefined && !isSameDescription(resume.dataset, description)) {
    throw new FlagError(
      `the run learns from ${resume.dataset}; --dataset and --data name ${description}`,
    );
  }
  const validation = recipe.validation
    ? await loadExamples(builder, recipe.validation, recipe.divisor)
    : undefined;
  const data = { builder, train, validation, description };
  return { flags, recipe, resume, ...data, runDirectory, name, out, locks };
}

function checkFlags(flags: FlagValues): void {
  if (flags["no-output"] && flags.out !== undefined) {
    throw new FlagError("--no-output and --out exclude each other");
  }
}

/** Of a run's directory: the recipe, and the data where they are not MNIST. */
function runName(recipe: string, dataset: string): string {
  return dataset === BUILT_IN ? recipe : `${recipe}-${dataset}`;
}

/** `mnist-dbn` of the preset full, `fashion-dbn-quick` of the preset quick on other data. */
function modelName(recipe: string, dataset: string): string {
  return recipe === "full" ? `${dataset}-dbn` : `${dataset}-dbn-${recipe}`;
}

/** Trains to the end, or until a signal asks to stop: then there are no parts. A second signal ends at once. */
async function train(plan: Plan): Promise<TrainedParts | undefined> {
  const { recipe, train, validation, resume, runDirectory, description, flags } = plan;
  const interrupt = new AbortController();
  const stop = () => {
    if (interrupt.signal.aborted) Deno.exit(exitCodes.interrupted);
    interrupt.abort();
  };
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  await mkdir(runDirectory, { recursive: true });
  const progress = await createProgress({ quiet: flags.quiet === true });
  const save = async (checkpoint: Checkpoint) => {
    await writeCheckpoint(join(runDirectory, CHECKPOINT_FILE), {
      ...checkpoint,
      dataset: description,
      imported: resume?.imported,
    });
    const log = checkpoint.progress.history.map((record) => `${JSON.stringify(record)}\n`);
    await writeWhole(join(runDirectory, "log.jsonl"), log.join(""));
  };
  try {
    const onWarning = (warning: TrainingWarning) => {
      progress.stop();
      tell(warning, flags.strict === true);
    };
    const events = { ...progress, save, onWarning, signal: interrupt.signal };
    return await runTraining(recipe, { train, validation }, events, resume);
  } catch (error) {
    if (!(error instanceof TrainingInterrupted)) throw error;
    return undefined;
  } finally {
    progress.stop();
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSignalListener("SIGTERM", stop);
  }
}

/** Prints a warning. @throws {Error} with it where warnings are errors. */
function tell({ stage, message }: TrainingWarning, strict: boolean): void {
  if (strict) throw new Error(`--strict: ${stage}: ${message}`);
  console.error(`warning: ${stage}: ${message}`);
}

/** The command that goes on with a run: the checkpoint holds its recipe, and what it was pretrained by. */
function resumeLine({ flags, runDirectory }: Plan): string {
  const held = [...changingFlags, "preset", "recipe", "pretrained", "resume", "restart"];
  const kept = Object.entries(flags).filter(([name]) => !held.includes(name));
  const values = { ...Object.fromEntries(kept), resume: true, run: runDirectory };
  return taskCommand("dbn", ["train", ...flagWords(values, trainFlags)]);
}

/** Writes what a run made, and reports its test errors. */
async function saveResults(parts: TrainedParts, plan: Plan): Promise<string> {
  const { flags, builder, recipe, resume, runDirectory, name, out } = plan;
  const dataset = builder.info.name;
  const { shape: [height, width] } = builder.info.features.image;
  const test = await loadExamples(builder, "test", recipe.divisor), { dbn, classifier } = parts;
  const { history, warnings } = parts;
  const result = { recipe, dataset, history, ...(warnings.length > 0 && { warnings }) };
  const dataDir = dataset === BUILT_IN ? undefined : flags.data as string;
  if (!classifier) {
    await writeResult(runDirectory, result);
    const words = ["likelihood", "--run", runDirectory, ...(dataDir ? ["--data", dataDir] : [])];
    return `trained; measure it: ${taskCommand("dbn", words)}`;
  }
  if (!dbn || out === undefined) {
    const { images, classifier: error } = await evaluateClassifier(classifier, test);
    await writeResult(runDirectory, { ...result, test: { images, classifier: error } });
    return `test error on ${images} images: classifier ${error.percent} %`;
  }
  console.error(`writing ${out} …`);
  const interrupted = `${out} is not written\nwrite it with: ${resumeLine(plan)}`;
  const { evaluation } = await unlessInterrupted(
    { locks: plan.locks, interrupted },
    async (signal) =>
      await saveRun({ ...parts, dbn, classifier }, {
        name,
        out,
        recipe,
        dataset,
        testSha256: await testHash(builder),
        dataDirectory: flags.data as string | undefined,
        imported: resume?.imported,
        test,
        height,
        width,
        labels: classNames(builder),
        signal,
      }),
  );
  await writeResult(runDirectory, { ...result, test: evaluation });
  return `test error on ${evaluation.images} images: classifier ${evaluation.classifier.percent} %, ` +
    `joint model ${evaluation.joint.percent} %\n` +
    `model: ${out}\nserve it: ${taskCommand("start", ["--model", out])}\n` +
    `push it to a running service: ${taskCommand("dbn", ["push", out, "--alias", "production"])}`;
}

/** What the classes of a data set are called: numbers, where it has no names. */
function classNames({ info: { features: { label } } }: DatasetBuilder): string[] {
  return [...label.names ?? Array.from({ length: label.numClasses }, (_, i) => String(i))];
}

/** The held-out figures by which a recipe is chosen. */
function chosenBy({ history }: TrainedParts): string {
  const last = new Map(history.map((record) => [record.stage, record]));
  return [...last.values()].map(epochLine).join("\n");
}

function describe({ recipe, train, validation, resume }: Plan): string {
  const { name, hidden, top, batchSize, seed, split } = recipe;
  const held = validation ? `, ${validation.count} held out (${recipe.validation})` : "";
  const what = `recipe ${name}: layers ${hidden.join("-")}-${top}, ${train.count} images ` +
    `(${split})${held}, batches of ${batchSize}, seed ${seed}`;
  if (!resume) return what;
  const { history, step } = resume.progress, last = history.at(-1);
  const done = last ? `${last.stage} epoch ${last.epoch}/${last.epochs}` : "the start";
  return `${what}\nresuming after ${done}, batch ${step} of its stage`;
}
