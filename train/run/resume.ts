/**
 * Where a run begins: at its checkpoint, at another run's RBMs, or at nothing.
 * @module
 */
import { stat } from "node:fs/promises";
import { FlagError } from "../../src/cli/flags.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";
import { pretrainedCheckpoint } from "./pretrained.ts";

/** Name of the checkpoint in a run's directory. */
export const CHECKPOINT_FILE = "checkpoint.safetensors";

/** What the flags say of a run's beginning. */
export interface Start {
  resume: boolean;
  restart: boolean;
  /** Flags that were given and change the recipe. */
  changed: readonly string[];
  /** Directory of a run whose first RBMs to take. */
  pretrained?: string;
}

/**
 * The checkpoint to begin from, if any.
 * @throws {FlagError} if the flags contradict one another or the disk, so that no run is lost by accident.
 */
export async function openCheckpoint(
  path: string,
  wanted: Recipe,
  { resume, restart, changed, pretrained }: Start,
): Promise<Checkpoint | undefined> {
  if (resume && restart) throw new FlagError("--resume and --restart exclude each other");
  const exists = await isThere(path);
  if (resume) {
    if (changed.length > 0) {
      const flags = changed.map((name) => `--${name}`).join(", ");
      throw new FlagError(`--resume takes its recipe from the checkpoint; leave out ${flags}`);
    }
    if (!exists) throw new FlagError(`--resume found no checkpoint at ${path}`);
    return await readCheckpoint(path);
  }
  if (exists && !restart) {
    throw new FlagError(
      `${path} exists; add --resume to go on from it, or --restart to throw it away`,
    );
  }
  return pretrained === undefined ? undefined : await pretrainedCheckpoint(pretrained, wanted);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (!/^(ENOENT|ENOTDIR)$/.test((error as { code?: string }).code ?? "")) throw error;
    return false;
  }
}
