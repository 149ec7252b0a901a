/**
 * Takes the RBMs of another run, and its classifier where that is the same too, so that recipes that
 * differ in later stages alone share the earlier ones.
 * @module
 */
import { join } from "@std/path";
import { FlagError } from "../src/cli.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";
import type { Recipe } from "./recipe.ts";

/** Fields that decide what every RBM learns, and those of the whole column. */
const SHARED = [
  "pretraining",
  "batchSize",
  "seed",
  "balanced",
  "backend",
  "divisor",
  "split",
  "stack",
] as const;
const COLUMN = ["hidden", "top", "topRbm"] as const;

/**
 * Where a run of `recipe` would be after the stages that another run has trained as it would. A run of
 * a stack alone (top 0) may be the lower part of a higher one.
 * @throws {FlagError} naming the field that differs, or where that run is.
 */
export async function pretrainedCheckpoint(run: string, recipe: Recipe): Promise<Checkpoint> {
  const { recipe: theirs, progress, tensors, dataset } = await readCheckpoint(
    join(run, "checkpoint.safetensors"),
  );
  const isLowerPart = theirs.top === 0 && theirs.hidden.length <= recipe.hidden.length &&
    theirs.hidden.every((units, i) => units === recipe.hidden[i]);
  const upper = theirs.hidden.length > 1 ? ["upperStack"] as const : [];
  for (const field of isLowerPart ? [...SHARED, ...upper] : [...SHARED, ...upper, ...COLUMN]) {
    const [ours, other] = [recipe[field], theirs[field]].map((value) => JSON.stringify(value));
    if (ours !== other) {
      throw new FlagError(`--pretrained ${run}: ${field} must be ${ours}, got ${other}`);
    }
  }
  const rbms = theirs.hidden.length + (theirs.top > 0 ? 1 : 0);
  if (progress.stage < rbms) {
    throw new FlagError(
      `--pretrained ${run}: it must have finished ${rbms} RBMs, got ${progress.stage}`,
    );
  }
  const stopsAlike = recipe.fineTuning.patience === 0 || recipe.validation === theirs.validation;
  const hasClassifier = progress.stage > rbms && stopsAlike &&
    JSON.stringify(recipe.fineTuning) === JSON.stringify(theirs.fineTuning);
  const stages = hasClassifier ? rbms + 1 : rbms;
  const isKept = (name: string) => Number(/^stage(\d+)\./.exec(name)?.[1] ?? stages) < stages;
  return {
    recipe,
    progress: {
      stage: stages,
      step: 0,
      sums: {},
      seconds: 0,
      history: progress.history.filter(({ stage }) =>
        stage !== "up-down" && (hasClassifier || stage !== "classifier")
      ),
    },
    tensors: new Map([...tensors].filter(([name]) => isKept(name))),
    dataset,
  };
}
