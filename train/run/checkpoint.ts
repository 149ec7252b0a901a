/**
 * Checkpoints: one safetensors file that holds everything the next batch depends on.
 * @module
 */
import { mkdir } from "node:fs/promises";
import { dirname } from "@std/path";
import {
  isObject,
  readSafetensors,
  type Tensor,
  WeightsFormatError,
  writeSafetensors,
} from "../../src/format/safetensors.ts";
import { FileRefused, readRegularFile } from "../../src/outside/regular_file.ts";
import { cut, shown, visible } from "../../src/outside/shown.ts";
import { writeWhole } from "../../src/repository/write_file.ts";
import type { Histogram } from "../measure/histogram.ts";
import { recipeProblem } from "../recipes/check.ts";
import { completeRecipe } from "../recipes/complete.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { checkSeal, seal, unsealed } from "./checksum.ts";

/** One line of a run's log: an epoch of a stage. */
export interface EpochRecord {
  /** Name of the stage. */
  stage: string;
  /** Counted from 1. */
  epoch: number;
  /** Epochs of the stage. */
  epochs: number;
  /** What the epoch took. */
  seconds: number;
  /** Means over the epoch, and held-out figures. */
  metrics: Record<string, number>;
  /** Of an RBM's weights, and of what the epoch's last update changed in them. */
  histograms?: { weights: Histogram; updates: Histogram };
}

/** Where a run is. */
export interface Progress {
  /** Index of the stage in progress. */
  stage: number;
  /** Batches of this stage already done. */
  step: number;
  /** Sum and count of each metric since the epoch began. */
  sums: Record<string, [sum: number, count: number]>;
  /** Seconds spent on this epoch before the checkpoint. */
  seconds: number;
  /** Epochs that are done, of all stages. */
  history: EpochRecord[];
}

/** A run that can go on. */
export interface Checkpoint {
  /** What the run is trained by. */
  recipe: Recipe;
  /** Where it is. */
  progress: Progress;
  /** Parameters of finished stages, `stage0.weights` …, and of the one in progress, `trainer.*`. */
  tensors: Map<string, Tensor>;
  /** What it learns from; none in a checkpoint that is not on disk yet. */
  dataset?: string;
  /** Where its first RBM is from, if another program has trained it. */
  imported?: string;
  /** Where it was read from, as errors name it. */
  file?: string;
}

/** Today's format; the one before had no checksum and is still read. */
const FORMAT = "dbn-edge-checkpoint/3", FORMER_FORMAT = "dbn-edge-checkpoint/2";

/** The most that a checkpoint may hold, in bytes: some stages of 4 GiB at most. */
const MAX_CHECKPOINT_BYTES = 16 * 1024 ** 3;

/** Writes a checkpoint beside its target and renames it, so that a crash leaves the old one whole. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const bytes = writeSafetensors(checkpoint.tensors, {
    ...unsealed,
    format: FORMAT,
    recipe: JSON.stringify(checkpoint.recipe),
    progress: JSON.stringify(checkpoint.progress),
    ...(checkpoint.dataset !== undefined && { dataset: checkpoint.dataset }),
    ...(checkpoint.imported !== undefined && { imported: checkpoint.imported }),
  });
  seal(bytes);
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(path, bytes);
}

/**
 * Reads a checkpoint.
 * @throws {WeightsFormatError} naming the file, what was expected and what was found, if it is not a
 * checkpoint, was cut or changed, or lacks a part; the file system's error if absent.
 * @throws {RangeError} naming the file, if its recipe cannot be trained.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const file = visible(path), bytes = await readBytes(path);
  const { tensors, metadata } = readSafetensors(bytes, file);
  if (metadata.format !== FORMAT && metadata.format !== FORMER_FORMAT) {
    throw new WeightsFormatError(
      `Cannot resume from ${file}: format must be "${FORMAT}", got ${cut(String(metadata.format))}`,
    );
  }
  checkSeal(bytes, file, metadata.format === FORMAT);
  const recipe = completeRecipe(parseObject(metadata.recipe, `the recipe of ${file}`), file);
  const problem = recipeProblem(recipe);
  if (problem !== undefined) throw new RangeError(`Cannot read the recipe of ${file}: ${problem}`);
  const progress = parseObject(metadata.progress, `the progress of ${file}`);
  checkProgress(progress, tensors, file);
  const { dataset, imported } = metadata;
  return { recipe, progress, tensors, dataset, ...(imported !== undefined && { imported }), file };
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readRegularFile(path, { maxBytes: MAX_CHECKPOINT_BYTES });
  } catch (cause) {
    if (!(cause instanceof FileRefused)) throw cause;
    throw new WeightsFormatError(`Cannot read ${visible(path)}: ${cause.message}`, { cause });
  }
}

function parseObject(text: unknown, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(String(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (isObject(value)) return value;
  throw new WeightsFormatError(
    `Cannot read ${what}: it must be a JSON object, got ${cut(String(text))}`,
  );
}

/** @throws {WeightsFormatError} unless it says where a run is, and the run's parts up to there are held. */
function checkProgress(
  progress: Record<string, unknown>,
  tensors: ReadonlyMap<string, Tensor>,
  path: string,
): asserts progress is Record<string, unknown> & Progress {
  const fail = (what: string, got: unknown): never => {
    throw new WeightsFormatError(
      `Cannot read the progress of ${path}: ${what}, got ${shown(got)}`,
    );
  };
  const { stage, step, seconds, sums, history } = progress;
  for (const [name, value] of Object.entries({ stage, step })) {
    if (!Number.isSafeInteger(value) || value as number < 0) {
      fail(`${name} must be an integer of at least 0`, value);
    }
  }
  if (typeof seconds !== "number") fail("seconds must be a number", seconds);
  if (!isObject(sums)) fail("sums must be an object", sums);
  if (!Array.isArray(history) || !history.every(isEpochRecord)) {
    fail("history must be a list of epochs", history);
  }
  const names = [...tensors.keys()];
  const needPart = (part: string) => {
    if (names.some((name) => name.startsWith(`${part}.`))) return;
    fail(`stage ${stage}, batch ${step} needs tensors ${part}.*`, names);
  };
  for (let i = 0; i < (stage as number); i++) needPart(`stage${i}`);
  if (step !== 0) needPart("trainer");
}

function isEpochRecord(value: unknown): value is EpochRecord {
  return isObject(value) && typeof value.stage === "string" && isObject(value.metrics) &&
    [value.epoch, value.epochs, value.seconds].every((x) => typeof x === "number");
}
