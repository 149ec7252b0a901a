/**
 * Checkpoints: one safetensors file that holds everything the next batch depends on.
 * @module
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "@std/path";
import {
  readSafetensors,
  type Tensor,
  WeightsFormatError,
  writeSafetensors,
} from "../../src/format/safetensors.ts";
import type { Histogram } from "../measure/histogram.ts";
import { completeRecipe } from "../recipes/complete.ts";
import type { Recipe } from "../recipes/recipe.ts";

/** One line of a run's log: an epoch of a stage. */
export interface EpochRecord {
  stage: string;
  epoch: number; // from 1
  epochs: number;
  seconds: number;
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
  history: EpochRecord[];
}

/** A run that can go on. */
export interface Checkpoint {
  recipe: Recipe;
  progress: Progress;
  /** Parameters of finished stages, `stage0.weights` …, and of the one in progress, `trainer.*`. */
  tensors: Map<string, Tensor>;
  /** What it learns from; none in a checkpoint that is not on disk yet. */
  dataset?: string;
}

/** Writes a checkpoint beside its target and renames it, so that a crash leaves the old one whole. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const bytes = writeSafetensors(checkpoint.tensors, {
    format: "dbn-edge-checkpoint/2",
    recipe: JSON.stringify(checkpoint.recipe),
    progress: JSON.stringify(checkpoint.progress),
    ...(checkpoint.dataset !== undefined && { dataset: checkpoint.dataset }),
  });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.partial`, bytes);
  await rename(`${path}.partial`, path);
}

/**
 * @throws {WeightsFormatError} if the file is not a checkpoint; the file system's error if absent.
 * @throws {RangeError} if its recipe has a field or value that is not known.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = readSafetensors(await readFile(path), path);
  if (metadata.format !== "dbn-edge-checkpoint/2") {
    throw new WeightsFormatError(
      `Cannot resume from ${path}: format must be "dbn-edge-checkpoint/2", got ${metadata.format}`,
    );
  }
  return {
    recipe: completeRecipe(JSON.parse(metadata.recipe), path),
    progress: JSON.parse(metadata.progress),
    tensors,
    dataset: metadata.dataset,
  };
}
