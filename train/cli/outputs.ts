/**
 * Where a command writes, checked before it works, so that an hour of training is not lost after it.
 * @module
 */
import { mkdtemp, readdir, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "@std/path";
import { exitCodes } from "../../src/cli/command.ts";
import { FlagError, type FlagRow, type FlagValues } from "../../src/cli/flags.ts";
import { checkName } from "../../src/format/config.ts";
import { lockNextVersion } from "../artifacts/output.ts";
import { LOCK_FILE, lockOutput, STAGING_DIRECTORY } from "../run/lock.ts";

/** What a training that was killed may leave in a directory, and the next one takes over. */
const LEFT_OVER = [LOCK_FILE, STAGING_DIRECTORY];

/** Lets a command write where something is. */
export const forceFlag: FlagRow = {
  kind: "boolean",
  group: "Output",
  help: "write over what is there",
};

/** An output: the flag that names it, and its path. */
interface Output {
  flag: string;
  path: string;
}

/** @throws {FlagError} unless a model may have the name of `--name`. */
export function checkNameFlag(name: string): void {
  try {
    checkName(name);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new FlagError(`--name: ${error.message}`);
  }
}

/** The directory to write a model to, locked for it: that of `--out`, or the next version's. */
export async function lockModel(
  name: string,
  flags: FlagValues,
  locks: DisposableStack,
): Promise<string> {
  if (flags.out === undefined) {
    await checkDirectory({ flag: "out", path: `models/${name}` });
    const { directory, lock } = await lockNextVersion(name);
    locks.use(lock);
    return directory;
  }
  const output = { flag: "out", path: flags.out as string }, force = flags.force === true;
  await checkNewDirectory(output, force);
  locks.use(await lockOutput(output.path));
  await checkNewDirectory(output, force); // another may have finished it before
  return output.path;
}

/** What a signal ends, and what is said then. */
interface Interruptible {
  locks: DisposableStack;
  /** Said after "interrupted; ". */
  interrupted: string;
}

/**
 * Works to the end, or until a signal asks to stop: then what listens to `signal` tidies up, the locks go, and the
 * process ends.
 */
export async function unlessInterrupted<T>(
  { locks, interrupted }: Interruptible,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const interrupt = new AbortController();
  const stop = () => {
    interrupt.abort();
    locks.dispose();
    console.error(`\ninterrupted; ${interrupted}`);
    Deno.exit(exitCodes.interrupted);
  };
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  try {
    return await work(interrupt.signal);
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSignalListener("SIGTERM", stop);
  }
}

/** @throws {FlagError} unless the path is a new or empty directory, or with `force` any, to write in. */
export async function checkNewDirectory(output: Output, force: boolean): Promise<void> {
  const entries = await checkDirectory(output);
  if (entries.length === 0 || force) return;
  throw new FlagError(
    `${at(output)}: the directory must be new or empty, got ${entries.length} entries; ` +
      "add --force to write over them",
  );
}

/**
 * The names of what is in a directory, none of a lock or an unfinished output; none where it does not exist yet.
 * @throws {FlagError} unless it is or can become a directory to write in.
 */
export async function checkDirectory(output: Output): Promise<string[]> {
  checkPath(output);
  if (await kindOf(output.path) === "file") {
    throw new FlagError(`${at(output)}: it must be a directory, got a file`);
  }
  await checkWritable(output, output.path);
  if (await kindOf(output.path) !== "directory") return [];
  return (await readdir(output.path)).filter((name) => !LEFT_OVER.includes(name));
}

/** @throws {FlagError} unless the path is a new file in a directory that exists, or with `force` any file. */
export async function checkNewFile(output: Output, force: boolean): Promise<void> {
  checkPath(output);
  const kind = await kindOf(output.path), parent = dirname(resolve(output.path));
  if (kind === "directory") {
    throw new FlagError(`${at(output)}: it must be a file, got a directory`);
  }
  if (kind === "file" && !force) {
    throw new FlagError(`${at(output)}: the file exists; add --force to write over it`);
  }
  if (await kindOf(parent) === "nothing") {
    throw new FlagError(`${at(output)}: the directory ${parent} does not exist`);
  }
  await checkWritable(output, parent);
}

function checkPath({ flag, path }: Output): void {
  if (path.trim() === "") {
    throw new FlagError(`--${flag} must be a path, got ${JSON.stringify(path)}`);
  }
  if (/^[a-z]+:\/\//i.test(path)) {
    throw new FlagError(`--${flag} must be a path, got the URL ${path}`);
  }
}

/** Makes and removes a directory in the deepest directory of `path` that exists. */
async function checkWritable(output: Output, path: string): Promise<void> {
  let existing = resolve(path);
  while (await kindOf(existing) === "nothing") existing = dirname(existing);
  if (await kindOf(existing) === "file") {
    throw new FlagError(`${at(output)}: ${existing} must be a directory, got a file`);
  }
  try {
    await rmdir(await mkdtemp(join(existing, ".dbn-")));
  } catch (error) {
    const code = codeOf(error);
    if (!["EACCES", "EPERM", "EROFS"].includes(code ?? "")) throw error;
    throw new FlagError(`${at(output)}: ${existing} must be writable, got ${code}`);
  }
}

async function kindOf(path: string): Promise<"nothing" | "file" | "directory"> {
  try {
    return (await stat(path)).isDirectory() ? "directory" : "file";
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "nothing";
    if (codeOf(error) === "ENOTDIR") return "nothing"; // a file is further up
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

function at({ flag, path }: Output): string {
  return `--${flag} ${path}`;
}
