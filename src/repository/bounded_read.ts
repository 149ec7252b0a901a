/**
 * Reads a file or URL whole, of at most so many bytes: what is no regular file, or larger, is refused
 * before it is read. Node's modules are imported where they are needed: see directory.ts.
 * @module
 */
import { WeightsFormatError } from "../format/safetensors.ts";

/** A file that a model directory needs and has not. */
export class ModelFileMissingError extends Error {
  override name = "ModelFileMissingError";
}

/** The most that a file may hold. */
export interface ByteBound {
  maxBytes: number;
  /** What the bound comes from, as its error says it. */
  from?: string;
  /**
   * How long a URL may send nothing, in milliseconds.
   * @default 30000
   */
  silenceMs?: number;
}

const DEFAULT_SILENCE_MS = 30_000;

/** Files up to this size are read without waiting, so that the next file is opened at once. */
const AT_ONCE_BYTES = 64 * 1024;

/**
 * The bytes of a file or URL.
 * @throws {ModelFileMissingError} saying what is missing.
 * @throws {WeightsFormatError} if it is no regular file or holds more than the bound.
 * @throws {Error} naming the file or URL, for everything else.
 */
export async function readBounded(url: URL, bound: ByteBound): Promise<Uint8Array> {
  const isLocal = url.protocol === "file:";
  try {
    return await (isLocal ? readLocal(url, bound) : readRemote(url, bound));
  } catch (cause) {
    if (cause instanceof ModelFileMissingError || cause instanceof WeightsFormatError) throw cause;
    if (!(cause instanceof Error)) throw cause;
    const path = await shownUrl(url);
    if (!isLocal || (cause as { code?: string }).code !== "ENOENT") {
      throw new Error(`Cannot read ${path}: ${cause.message}`, { cause });
    }
    throw new ModelFileMissingError(
      `Cannot load model: ${path} does not exist. ` +
        "Train one with `deno task train --preset quick`, or name a model directory with --model",
      { cause },
    );
  }
}

/** A URL as messages show it: a file's path, or the URL without name and password. */
export async function shownUrl(url: URL): Promise<string> {
  if (url.protocol === "file:") return (await import("node:url")).fileURLToPath(url);
  const shown = new URL(url);
  shown.username = shown.password = "";
  return shown.href;
}

/**
 * A file, in Deno into memory of its size: `Deno.readFile` takes twice as long. It is opened at once, so that
 * reading begins before modules that are being evaluated give the event loop a turn.
 */
async function readLocal(url: URL, bound: ByteBound): Promise<Uint8Array> {
  if (!("Deno" in globalThis)) {
    const { readFile, stat } = await import("node:fs/promises");
    const stats = await stat(url);
    await check(url, { size: stats.size, isFile: stats.isFile() }, bound);
    return await readFile(url);
  }
  const stat = Deno.statSync(url); // opening a named pipe would wait for its writer
  if (!stat.isFile || stat.size > bound.maxBytes) await check(url, stat, bound);
  using file = Deno.openSync(url);
  const bytes = new Uint8Array(stat.size);
  let end = 0;
  for (let count: number | null = 1; end < bytes.length && count; end += count ?? 0) {
    const rest = bytes.subarray(end);
    count = stat.size <= AT_ONCE_BYTES ? file.readSync(rest) : await file.read(rest);
  }
  return bytes.subarray(0, end);
}

async function check(
  url: URL,
  { size, isFile }: { size: number; isFile: boolean },
  bound: ByteBound,
): Promise<void> {
  if (!isFile) {
    throw new WeightsFormatError(`Cannot read ${await shownUrl(url)}: it must be a regular file`);
  }
  if (size > bound.maxBytes) throw await tooLarge(url, bound, String(size));
}

/** What a URL answers. Its length is checked as it is declared, and as it comes. */
async function readRemote(url: URL, bound: ByteBound): Promise<Uint8Array> {
  const { silenceMs = DEFAULT_SILENCE_MS } = bound, silence = new AbortController();
  const wait = () =>
    setTimeout(() => silence.abort(new Error(`it sent nothing for ${silenceMs} ms`)), silenceMs);
  let timer = wait();
  const onProgress = () => {
    clearTimeout(timer);
    timer = wait();
  };
  try {
    const response = await fetch(url, { signal: silence.signal });
    return await readResponse(response, { url, bound, onProgress });
  } finally {
    clearTimeout(timer);
  }
}

async function readResponse(
  { ok, status, headers, body }: Response,
  { url, bound, onProgress }: { url: URL; bound: ByteBound; onProgress: () => void },
): Promise<Uint8Array> {
  const declared = headers.get("content-length");
  const isTooLarge = Number(declared) > bound.maxBytes;
  if (!ok || isTooLarge) await body?.cancel();
  if (status === 404) {
    throw new ModelFileMissingError(`Cannot read ${await shownUrl(url)}: HTTP status 404`);
  }
  if (!ok) throw new Error(`HTTP status ${status}`);
  if (isTooLarge) throw await tooLarge(url, bound, String(declared));
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    onProgress();
    length += chunk.length;
    if (length > bound.maxBytes) throw await tooLarge(url, bound, "more");
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let end = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, end);
    end += chunk.length;
  }
  return bytes;
}

async function tooLarge(
  url: URL,
  { maxBytes, from }: ByteBound,
  got: string,
): Promise<WeightsFormatError> {
  return new WeightsFormatError(
    `Cannot read ${await shownUrl(url)}: it must hold at most ${maxBytes} bytes${
      from ? ` (${from})` : ""
    }, got ${got}`,
  );
}
