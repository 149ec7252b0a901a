/**
 * Reads a regular file whole, of at most so many bytes: anything else is refused before it is read. Node's
 * modules are imported where they are needed, because Deno takes 40 ms to start them.
 * @module
 */
import { importBuiltin, isDeno } from "./platform.ts";

/** A file that is no regular one or too large. The message says what it must be and is, not its name. */
export class FileRefused extends Error {
  override name = "FileRefused";
}

/** What a file may be. */
export interface FileBound {
  maxBytes: number;
  /** What the bound comes from, as its error says it. */
  from?: string;
  /** Looks at a file's first bytes and its size, and throws where they do not fit; the rest is read after it. */
  head?: { bytes: number; check(start: Uint8Array, size: number): void };
}

/** The reason of refusing a directory, a device, a named pipe. */
export const NOT_REGULAR = "it must be a regular file";

/** Files up to this size are read without waiting, so that the next file is opened at once. */
const AT_ONCE_BYTES = 64 * 1024;

/**
 * The bytes of a file, in Deno into memory of its size: `Deno.readFile` takes twice as long. It is opened at once,
 * so that reading begins before modules that are being evaluated give the event loop a turn.
 * @throws {FileRefused} if it is no regular file, or too large.
 * @throws {Error} the file system's, or that of `head.check`.
 */
export async function readRegularFile(file: string | URL, bound: FileBound): Promise<Uint8Array> {
  if (!isDeno()) return await readByNode(file, bound);
  const { isFile, size } = Deno.statSync(file); // opening a named pipe would wait for its writer
  checkFile({ isFile, size }, bound);
  const open = Deno.openSync(file);
  const fill = async (bytes: Uint8Array, from: number) => {
    let end = from;
    for (let count: number | null = 1; end < bytes.length && count; end += count ?? 0) {
      const rest = bytes.subarray(end);
      count = size <= AT_ONCE_BYTES ? open.readSync(rest) : await open.read(rest);
    }
    return bytes.subarray(0, end);
  };
  try {
    const start = await fill(new Uint8Array(Math.min(bound.head?.bytes ?? 0, size)), 0);
    bound.head?.check(start, size);
    const bytes = new Uint8Array(size);
    bytes.set(start);
    return await fill(bytes, start.length);
  } finally {
    open.close();
  }
}

/**
 * The first bytes of a file: so many, or all where there are fewer.
 * @throws {FileRefused} if it is no regular file.
 * @throws {Error} the file system's.
 */
export async function readFileStart(file: string | URL, bytes: number): Promise<Uint8Array> {
  const { open, stat } = await importBuiltin<typeof import("node:fs/promises")>("node:fs/promises");
  if (!(await stat(file)).isFile()) throw new FileRefused(NOT_REGULAR);
  const handle = await open(file);
  try {
    const start = new Uint8Array(bytes);
    const { bytesRead } = await handle.read(start, 0, bytes, 0);
    return start.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function readByNode(file: string | URL, bound: FileBound): Promise<Uint8Array> {
  const { open, stat } = await importBuiltin<typeof import("node:fs/promises")>("node:fs/promises");
  const stats = await stat(file), size = stats.size;
  checkFile({ isFile: stats.isFile(), size }, bound);
  const handle = await open(file);
  try {
    const start = new Uint8Array(Math.min(bound.head?.bytes ?? 0, size));
    const { bytesRead } = await handle.read(start, 0, start.length, 0);
    bound.head?.check(start.subarray(0, bytesRead), size);
    const bytes = new Uint8Array(size);
    let end = 0;
    for (let count = 1; end < size && count > 0; end += count) {
      count = (await handle.read(bytes, end, size - end, end)).bytesRead;
    }
    return bytes.subarray(0, end);
  } finally {
    await handle.close();
  }
}

function checkFile({ isFile, size }: { isFile: boolean; size: number }, bound: FileBound): void {
  if (!isFile) throw new FileRefused(NOT_REGULAR);
  if (size > bound.maxBytes) throw new FileRefused(tooLarge(bound, size));
}

/** The reason of refusing more than the bound. */
export function tooLarge({ maxBytes, from }: FileBound, got: number | string): string {
  return `it must hold at most ${maxBytes} bytes${from ? ` (${from})` : ""}, got ${got}`;
}
