/**
 * A directory that is written out of sight and takes its place when it is whole, so that a stop or a full
 * disk leaves no half of it.
 * @module
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "@std/path";
import { modelFiles } from "../../src/format/config.ts";
import { STAGING_DIRECTORY } from "../run/lock.ts";

/** How often a directory is removed into which a write that is under way still puts files. */
const ATTEMPTS = 100;

/** Where a directory is written: in the one that is there already, or else beside its place. */
export class Staging {
  /** The directory to write into. */
  readonly path: string;
  readonly #target: string;

  /** Makes the directory anew; what an earlier process left there is removed. */
  constructor(target: string) {
    this.#target = resolve(target);
    this.path = existsSync(this.#target)
      ? join(this.#target, STAGING_DIRECTORY)
      : join(dirname(this.#target), `.${basename(this.#target)}${STAGING_DIRECTORY}`);
    this.discard();
    mkdirSync(this.path, { recursive: true });
  }

  /** Puts what was written in its place, at one go: no signal is heard in between. */
  publish(): void {
    if (!existsSync(this.#target)) return renameSync(this.path, this.#target);
    const isLast = (name: string) => name === modelFiles.config ? 1 : 0; // without it there is no model
    const names = readdirSync(this.path).sort((a, b) => isLast(a) - isLast(b));
    for (const name of names) {
      const place = join(this.#target, name);
      if (existsSync(place)) rmSync(place, { recursive: true });
      renameSync(join(this.path, name), place);
    }
  }

  /** Removes what was written and is not in its place. */
  discard(): void {
    for (let attempt = 1;; attempt++) {
      try {
        return rmSync(this.path, { recursive: true, force: true });
      } catch (error) { // a write that was under way has put a file into it
        if ((error as { code?: string }).code !== "ENOTEMPTY" || attempt === ATTEMPTS) throw error;
      }
    }
  }
}

/**
 * Writes a directory by `write`, whole or not at all. Where `signal` is aborted, what was written is removed at
 * once, and nothing is in its place.
 */
export async function writeStaged<T>(
  target: string,
  write: (path: string) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const staging = new Staging(target), discard = () => staging.discard();
  signal?.addEventListener("abort", discard);
  try {
    const result = await write(staging.path);
    signal?.throwIfAborted();
    staging.publish();
    return result;
  } catch (error) {
    signal?.throwIfAborted(); // writing fails where its directory was removed
    throw error;
  } finally {
    signal?.removeEventListener("abort", discard);
    discard();
  }
}
