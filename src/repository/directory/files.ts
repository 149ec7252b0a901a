/**
 * Files of a directory that several processes use: found without going through links, copied only if they
 * are what they should be, locked by the kernel, which frees a lock when its process dies. Deno alone:
 * Node's modules take 40 ms to start.
 * @module
 */
import { importBuiltin } from "../../outside/platform.ts";
import { visible } from "../../outside/shown.ts";
import { RepositoryBusyError, RepositoryUnreachableError } from "../errors.ts";
import { pause } from "../poll.ts";

/** How long a lock is waited for, in milliseconds. */
const LOCK_MS = 10_000;
const LOCK_PAUSE_MS = 10;
const COPY_BYTES = 1024 * 1024;

/**
 * What lies at a path below a directory, undefined where nothing does; a symbolic link is said to be one,
 * and what lies behind one is not there.
 * @param path names with `/` between them, none of them `.` or `..`
 */
export async function statBelow(root: URL, path: string): Promise<Deno.FileInfo | undefined> {
  const parts = path.split("/");
  let info: Deno.FileInfo | undefined;
  for (let i = 1; i <= parts.length; i++) {
    if (info && !info.isDirectory) return undefined;
    info = await orUndefined(Deno.lstat(new URL(parts.slice(0, i).join("/"), root)));
    if (!info) return undefined;
  }
  return info;
}

/**
 * A promise's value, or undefined where the file system says that nothing is there.
 * @throws {RepositoryUnreachableError} if it says anything else.
 */
export async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    if (!isSystemError(error)) throw error;
    throw new RepositoryUnreachableError(`Cannot use the repository: ${visible(error.message)}`, {
      cause: error,
    });
  }
}

/** Whether an error is of the file system, or of a permission that Deno was not given. */
export function isSystemError(error: unknown): error is Error {
  return error instanceof Error &&
    (typeof (error as { code?: unknown }).code === "string" ||
      error instanceof Deno.errors.NotCapable);
}

/** Whether the file system said that nothing is there. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/** Entries of a directory, none where there is no directory. */
export async function listDirectory(directory: URL): Promise<Deno.DirEntry[]> {
  const entries = await orUndefined(Array.fromAsync(Deno.readDir(directory)));
  return entries ?? [];
}

/** Flushes a directory's names to the disk, where the platform can. */
export async function syncDirectory(directory: URL): Promise<void> {
  if (Deno.build.os === "windows") return; // a directory cannot be opened there
  using open = await Deno.open(directory);
  await open.sync();
}

/**
 * Opens a file and locks it against all who do the same, in this process and others; closing it frees it.
 * @throws {RepositoryBusyError} if somebody holds it for ten seconds.
 */
export async function openLocked(file: URL): Promise<Deno.FsFile> {
  const open = await Deno.open(file, { read: true, write: true, create: true });
  try {
    const deadline = performance.now() + LOCK_MS;
    while (!await open.tryLock(true)) {
      if (performance.now() > deadline) {
        throw new RepositoryBusyError(
          `Cannot lock ${visible(file.pathname)}: it must be free within ${LOCK_MS} ms`,
        );
      }
      await pause(LOCK_PAUSE_MS * (1 + Math.random()));
    }
    return open;
  } catch (error) {
    open.close();
    throw error;
  }
}

/** Appends all of it. @throws {RepositoryUnreachableError} if the disk does not take it */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  try {
    for (let end = 0; end < bytes.length;) end += await file.write(bytes.subarray(end));
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    throw new RepositoryUnreachableError(`Cannot write ${bytes.length} bytes: ${cause.message}`, {
      cause,
    });
  }
}

/**
 * Copies a file of a size and a SHA-256, and flushes the copy to the disk.
 * @returns whether it was that file; if not, the copy is removed.
 */
export async function copyVerified(
  from: URL,
  to: URL,
  { size, sha256 }: { size: number; sha256: string },
): Promise<boolean> {
  using source = await Deno.open(from);
  {
    using target = await Deno.open(to, { write: true, createNew: true });
    if (await hashFile(source, size, target) === sha256) {
      await target.sync();
      return true;
    }
  }
  await Deno.remove(to);
  return false;
}

/** Whether a file has a size and a SHA-256. */
export async function isFileOf(
  file: URL,
  { size, sha256 }: { size: number; sha256: string },
): Promise<boolean> {
  using open = await Deno.open(file);
  return await hashFile(open, size) === sha256;
}

/** SHA-256 of a file, from where it stands, in hex; undefined if it has more bytes than `maxBytes`. */
async function hashFile(
  source: Deno.FsFile,
  maxBytes: number,
  target?: Deno.FsFile,
): Promise<string | undefined> {
  const { createHash } = await importBuiltin<typeof import("node:crypto")>("node:crypto");
  const hash = createHash("sha256"), buffer = new Uint8Array(COPY_BYTES);
  let total = 0;
  for (;;) {
    const count = await source.read(buffer);
    if (!count) return hash.digest("hex");
    total += count;
    if (total > maxBytes) return undefined;
    hash.update(buffer.subarray(0, count));
    if (target) await writeAll(target, buffer.subarray(0, count));
  }
}
