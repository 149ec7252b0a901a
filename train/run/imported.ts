/**
 * A run of one RBM that another program has trained: a checkpoint that `--pretrained` and
 * `dbn likelihood` take as they take those of trained runs.
 * @module
 */
import { join } from "@std/path";
import type { Tensor } from "../../src/format/safetensors.ts";
import type { Rbm } from "../../src/model/rbm.ts";
import { recipeOf } from "../recipes/complete.ts";
import { type Checkpoint, writeCheckpoint } from "./checkpoint.ts";
import { CHECKPOINT_FILE } from "./resume.ts";

// V visible, H hidden

/**
 * Writes the run.
 * @param imported where the RBM is from, as models that are trained from it keep it
 * @returns the checkpoint's path
 */
export async function writeImportedRun(
  directory: string,
  rbm: Rbm,
  imported: string,
): Promise<string> {
  const path = join(directory, CHECKPOINT_FILE);
  await writeCheckpoint(path, importedCheckpoint(rbm, imported));
  return path;
}

/** A run that has finished its first RBM, without a memory of how that was trained. */
function importedCheckpoint(rbm: Rbm, imported: string): Checkpoint {
  const { visibleSize, hiddenSize, weights, visibleBias, hiddenBias } = rbm;
  const parameters: Record<string, Tensor> = {
    weights: { shape: [visibleSize, hiddenSize], data: weights },
    visibleBias: { shape: [visibleSize], data: visibleBias },
    hiddenBias: { shape: [hiddenSize], data: hiddenBias },
  };
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of Object.entries(parameters)) {
    tensors.set(`stage0.${name}`, tensor);
    const data = new Float32Array(tensor.data.length); // at rest
    tensors.set(`stage0.velocity.${name}`, { shape: tensor.shape, data });
  }
  return {
    recipe: recipeOf({ name: "imported", hidden: [hiddenSize], top: 0 }),
    progress: { stage: 1, step: 0, sums: {}, seconds: 0, history: [] },
    tensors,
    imported,
  };
}
