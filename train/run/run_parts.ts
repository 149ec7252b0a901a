/**
 * What a run on disk has finished: the RBMs of its stack, or the classifier of a run without pretraining.
 * @module
 */
import { join } from "@std/path";
import { FlagError } from "../../src/cli/flags.ts";
import { tensorsUnder } from "../../src/format/safetensors.ts";
import type { Classifier } from "../../src/model/dbn.ts";
import type { Rbm } from "../../src/model/rbm.ts";
import { stackRecipe } from "../recipes/recipe.ts";
import { transposedRbm } from "../trainers/rbm_start.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";
import { CHECKPOINT_FILE } from "./resume.ts";

/** The RBMs of a run's stack, images first. */
export interface RunStack {
  stack: Rbm[];
  /** The last of them. */
  top: Rbm;
  /** What the last one was trained from, where that was the RBM below. */
  origin?: Rbm;
  divisor: number;
  /** What the run learns from, as its checkpoint says it. */
  dataset?: string;
}

/** @throws {FlagError} naming the run, if it has finished no RBM of binary units. */
export async function readRunStack(directory: string): Promise<RunStack> {
  const { recipe, progress, tensors, dataset } = await readCheckpoint(
    join(directory, CHECKPOINT_FILE),
  );
  const finished = Math.min(progress.stage, recipe.hidden.length);
  if (finished === 0) throw new FlagError(`--run ${directory}: it has finished no RBM`);
  if (!recipe.pretraining) throw new FlagError(`--run ${directory}: it trains no RBM`);
  if (recipe.stack.visible === "gaussian") {
    throw new FlagError(`--run ${directory}: log-likelihoods are of binary pixels, got gaussian`);
  }
  const stack = Array.from({ length: finished }, (_, stage): Rbm => {
    const under = tensorsUnder(tensors, `stage${stage}`), weights = under.get("weights")!;
    const [visibleSize, hiddenSize] = weights.shape;
    return {
      visibleSize,
      hiddenSize,
      weights: weights.data,
      visibleBias: under.get("visibleBias")!.data,
      hiddenBias: under.get("hiddenBias")!.data,
    };
  });
  const top = stack.pop()!;
  const transposes = stack.length > 0 &&
    stackRecipe(recipe, stack.length).initializer === "transposed";
  const origin = transposes ? transposedRbm(stack.at(-1)!) : undefined;
  return { stack, top, origin, divisor: recipe.divisor, dataset };
}

/**
 * The classifier of a run that had no pretraining, and what the run learnt from.
 * @throws {FlagError} naming the run, if it is no such one or not there; then with `advice`.
 */
export async function readRunClassifier(
  directory: string,
  advice: string,
): Promise<{ classifier: Classifier; dataset?: string }> {
  const { recipe, tensors, progress, dataset } = await readRun(directory, advice);
  if (recipe.pretraining || progress.stage < 1) {
    throw new FlagError(`--classifier ${directory}: it must be a finished run without pretraining`);
  }
  const layers = [...recipe.hidden, recipe.top].length + 1;
  const kept = tensors.has("stage0.best0") ? "best" : "parameter"; // early stopping keeps the best
  const classifier = Array.from({ length: layers }, (_, i) => {
    const kernel = tensors.get(`stage0.${kept}${2 * i}`)!;
    return {
      inputSize: kernel.shape[0],
      outputSize: kernel.shape[1],
      kernel: kernel.data,
      bias: tensors.get(`stage0.${kept}${2 * i + 1}`)!.data,
      ...(i < layers - 1 && { activation: recipe.fineTuning.activation }),
    };
  });
  return { classifier, dataset };
}

async function readRun(directory: string, advice: string): Promise<Checkpoint> {
  try {
    return await readCheckpoint(join(directory, CHECKPOINT_FILE));
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    throw new FlagError(`--classifier ${directory}: no run is there; ${advice}`);
  }
}
