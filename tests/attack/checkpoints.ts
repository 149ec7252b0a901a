/**
 * Attacks the way a training resumes: mutated checkpoints are opened, and what is accepted trains on.
 * @module
 */
import { FlagError } from "../../src/cli/flags.ts";
import { WeightsFormatError } from "../../src/format/safetensors.ts";
import { imageExamples } from "../../train/data/examples.ts";
import { presets } from "../../train/recipes/presets.ts";
import type { Recipe } from "../../train/recipes/recipe.ts";
import { writeCheckpoint } from "../../train/run/checkpoint.ts";
import { seal } from "../../train/run/checksum.ts";
import { CHECKPOINT_FILE, openCheckpoint } from "../../train/run/resume.ts";
import { runTraining, TrainingInterrupted } from "../../train/run/run.ts";
import { attackReader, type Attempt } from "./files.ts";
import type { Cases } from "./http.ts";
import type { Report } from "./report.ts";
import { oddWeights } from "./weights.ts";

const SIZE = 12, COUNT = 20;

const recipe: Recipe = {
  ...presets.quick,
  hidden: [5],
  top: 6,
  batchSize: 10,
  stack: { ...presets.quick.stack, epochs: 1 },
  topRbm: { ...presets.quick.topRbm, epochs: 1, persistentEpochs: 1 },
  fineTuning: { ...presets.quick.fineTuning, epochs: 1 },
};

const train = imageExamples(
  Uint8Array.from({ length: SIZE * COUNT }, (_, i) => (i * 37) % 256),
  Uint8Array.from({ length: COUNT }, (_, i) => i % 10),
  SIZE,
  255,
);

/** Batches after which the run of the whole checkpoint is stopped: within the top RBM. */
const STOP_AFTER = 3;

/** More bytes than stand before the end of a checkpoint's checksum. */
const MIN_SEALED_BYTES = 256;

/** Opens mutated checkpoints as `--resume` does; those that are accepted go on to the next batch. */
export async function attackCheckpoints(report: Report, cases: Cases): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "attack-checkpoints-" });
  const path = `${directory}/${CHECKPOINT_FILE}`;
  const whole = await wholeCheckpoint(path);
  const attempt: Attempt = async (random) => {
    const broken = oddWeights(whole, random);
    // With a checksum that is right again the reader must find the fault by itself.
    if (broken.length > MIN_SEALED_BYTES && random.chance(0.8)) seal(broken);
    await Deno.writeFile(path, broken);
    const start = { resume: true, restart: false, changed: [] };
    const checkpoint = await openCheckpoint(path, recipe, start);
    // Its sizes are those that the recipe in it says: they are not trained, lest they be large.
    if (JSON.stringify(checkpoint!.recipe) !== JSON.stringify(recipe)) return;
    await interrupted(runUntil(1, checkpoint));
  };
  try {
    await attackReader(report, "checkpoints", cases, {
      attempt,
      isRefusal: (error) =>
        // A change behind a checksum that was made again may be weights that no training survives.
        error.message.startsWith("Training diverged: ") ||
        (error instanceof WeightsFormatError || error instanceof RangeError ||
            error instanceof FlagError) &&
          error.message.includes(CHECKPOINT_FILE),
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The bytes of a checkpoint that nothing is wrong with. */
async function wholeCheckpoint(path: string): Promise<Uint8Array> {
  await interrupted(runUntil(STOP_AFTER, undefined, path));
  return await Deno.readFile(path);
}

type Resumed = Parameters<typeof runTraining>[3];

/** Trains until `batches` are done; saves at the end where a path is given. */
async function runUntil(batches: number, resume: Resumed, path?: string): Promise<void> {
  const interrupt = new AbortController();
  let done = 0;
  await runTraining(recipe, { train }, {
    signal: interrupt.signal,
    onBatch: () => ++done === batches && interrupt.abort(),
    save: async (checkpoint) => {
      if (path) await writeCheckpoint(path, { ...checkpoint, dataset: "tiny" });
    },
  }, resume);
}

async function interrupted(run: Promise<void>): Promise<void> {
  try {
    await run;
  } catch (error) {
    if (!(error instanceof TrainingInterrupted)) throw error;
  }
}
