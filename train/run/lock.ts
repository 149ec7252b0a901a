/**
 * Locks by which two trainings never share a directory. The operating system holds them, so that they go
 * with their process however it ends; a lock file that is left over holds nothing.
 * @module
 */
import { mkdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "@std/path";
import { FlagError } from "../../src/cli/flags.ts";

/** Name of the lock file in a directory that is there. */
export const LOCK_FILE = ".lock";

/** Name of a directory that is being written, in the one that is there. */
export const STAGING_DIRECTORY = ".partial";

/** How often a lock file that its holder has just removed is made again. */
const ATTEMPTS = 100;

/** A lock that this process holds until it is disposed of. */
export class Lock implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  /** Uppermost directory that was made for the lock file. */
  readonly #made: string | undefined;

  constructor(file: Deno.FsFile, path: string, made: string | undefined) {
    this.#file = file;
    this.#path = path;
    this.#made = made;
  }

  /** Removes the lock file, and the directories made for it where nothing else came into them. */
  [Symbol.dispose](): void {
    unlessGone(() => Deno.removeSync(this.#path));
    this.#file.close();
    if (this.#made === undefined) return;
    for (let at = dirname(this.#path); at.startsWith(this.#made); at = dirname(at)) {
      if (!removeEmpty(at)) break;
    }
  }
}

/**
 * Locks the directory of a run, which is made where there is none.
 * @throws {FlagError} naming the flag, the directory and the process that holds it.
 */
export async function lockRun(directory: string): Promise<Lock> {
  const path = join(resolve(directory), LOCK_FILE);
  return await tryLock(path) ?? refuse("run", directory, path);
}

/**
 * Locks a directory that is to be written: by a file in it where it is there, or beside it.
 * @throws {FlagError} naming the flag, the directory and the process that holds it.
 */
export async function lockOutput(directory: string): Promise<Lock> {
  const path = outputLockFile(directory);
  return await tryLock(path) ?? refuse("out", directory, path);
}

/** The same of the first of several directories that no other process holds and that is not there. */
export async function lockFirstNew(
  directories: Iterable<string>,
): Promise<{ directory: string; lock: Lock }> {
  for (const directory of directories) {
    const lock = isThere(directory) ? undefined : await tryLock(outputLockFile(directory));
    if (!lock) continue;
    if (!isThere(directory)) return { directory, lock };
    lock[Symbol.dispose](); // its holder has just finished it
  }
  throw new RangeError("Cannot lock an output: there must be a directory that is not there");
}

function outputLockFile(directory: string): string {
  const path = resolve(directory);
  return isThere(path) ? join(path, LOCK_FILE) : join(dirname(path), `.${basename(path)}.lock`);
}

/** The lock of a file, which is made; undefined where another holds it. */
async function tryLock(path: string): Promise<Lock | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const made = await mkdir(dirname(path), { recursive: true });
    const file = unlessGone(() => Deno.openSync(path, { create: true, read: true, write: true }));
    if (!file) continue; // its directory was removed by the holder of another lock
    if (!file.tryLockSync(true)) {
      file.close();
      return undefined;
    }
    if (unlessGone(() => Deno.statSync(path))?.ino === file.statSync().ino) {
      const lock = new Lock(file, path, made);
      try {
        file.truncateSync();
        file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
      } catch (cause) { // such as of a full disk
        lock[Symbol.dispose]();
        if (!(cause instanceof Error)) throw cause;
        throw new Error(`Cannot write ${path}: ${cause.message}`, { cause });
      }
      return lock;
    }
    file.close(); // its holder removed it before the lock was free
  }
  throw new Error(`Cannot lock ${path}: it was removed ${ATTEMPTS} times`);
}

function refuse(flag: string, directory: string, path: string): never {
  const holder = unlessGone(() => Deno.readTextFileSync(path))?.trim();
  throw new FlagError(
    `--${flag} ${directory}: another training is at work there` +
      `${holder ? ` (process ${holder})` : ""}; wait for its end, or name another directory`,
  );
}

function isThere(path: string): boolean {
  return unlessGone(() => Deno.statSync(path)) !== undefined;
}

function unlessGone<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes a directory if nothing is in it; whether it is gone. */
function removeEmpty(path: string): boolean {
  if ([...unlessGone(() => [...Deno.readDirSync(path)]) ?? []].length > 0) return false;
  try {
    unlessGone(() => Deno.removeSync(path));
    return true;
  } catch (error) {
    if (!/not empty/i.test((error as Error).message)) throw error;
    return false; // something has just come into it
  }
}
