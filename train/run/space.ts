/**
 * The least that a training writes, checked against what is free on the disk before it begins.
 * @module
 */
import { stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "@std/path";
import { FlagError } from "../../src/cli/flags.ts";
import type { Recipe } from "../recipes/recipe.ts";

/** An output, and the least that is written there. */
export interface SpaceNeeded {
  flag: string;
  path: string;
  bytes: number;
}

/** Free bytes of a disk, and which one it is. */
export interface Disk {
  id: number;
  freeBytes: number;
}

const FLOAT_BYTES = 4, LABELS = 10;

/** The least bytes of a run's checkpoint (RBMs with their velocities, and classifier), and of its model. */
export function leastBytes(
  recipe: Recipe,
  imageSize: number,
): { checkpoint: number; model: number } {
  const { hidden, top, pretraining } = recipe;
  const sizes = [imageSize, ...hidden, ...(top > 0 ? [top] : [])];
  const layers = sizes.slice(1).map((size, i) => (sizes[i] + 1) * size); // W (in, out), b (out)
  const weights = layers.reduce((sum, layer) => sum + layer, 0);
  const rbms = pretraining ? weights : 0, classifier = top > 0 ? weights + top * LABELS : 0;
  return {
    checkpoint: FLOAT_BYTES * (2 * rbms + classifier),
    model: FLOAT_BYTES * (rbms + classifier),
  };
}

/**
 * Outputs on one disk are counted together; a disk that Deno may not ask (`--allow-sys=statfs`) passes.
 * @throws {FlagError} naming the outputs, the bytes they need and those that are free.
 */
export async function checkSpace(
  outputs: readonly SpaceNeeded[],
  diskOf: (path: string) => Promise<Disk | undefined> = findDisk,
): Promise<void> {
  const disks = new Map<number, { freeBytes: number; outputs: SpaceNeeded[] }>();
  for (const output of outputs) {
    const disk = await diskOf(output.path);
    if (!disk) continue;
    const { id, freeBytes } = disk, others = disks.get(id)?.outputs ?? [];
    disks.set(id, { freeBytes, outputs: [...others, output] });
  }
  for (const { freeBytes, outputs } of disks.values()) {
    const bytes = outputs.reduce((sum, output) => sum + output.bytes, 0);
    if (bytes <= freeBytes) continue;
    const names = outputs.map(({ flag, path }) => `--${flag} ${path}`).join(" and ");
    throw new FlagError(
      `${names}: the disk must have at least ${bytes} bytes free for the weights, got ${freeBytes}`,
    );
  }
}

/** The disk of a path, or of the deepest directory above it that is there. */
async function findDisk(path: string): Promise<Disk | undefined> {
  const { state } = await Deno.permissions.query({ name: "sys", kind: "statfs" });
  if (state !== "granted") return undefined;
  for (let at = resolve(path);; at = dirname(at)) {
    try {
      const [{ dev }, { bavail, bsize }] = await Promise.all([stat(at), statfs(at)]);
      return { id: dev, freeBytes: bavail * bsize };
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT" || at === dirname(at)) throw error;
    }
  }
}
