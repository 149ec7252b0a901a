/**
 * Reads a file or URL whole, of at most so many bytes: what is no regular file, or larger, is refused
 * before it is read.
 * @module
 */
import { WeightsFormatError } from "../format/safetensors.ts";
import { collect } from "../outside/collect.ts";
import { fetchFailure } from "../outside/fetch_failure.ts";
import { type FileBound, FileRefused, readRegularFile, tooLarge } from "../outside/regular_file.ts";
import { shownUrl } from "../outside/shown.ts";

/** A file that a model directory needs and has not. */
export class ModelFileMissingError extends Error {
  override name = "ModelFileMissingError";
}

/** The most that a file or URL may hold. */
export interface ByteBound extends Pick<FileBound, "maxBytes" | "from"> {
  /**
   * How long a URL may send nothing, in milliseconds.
   * @default 30000
   */
  silenceMs?: number;
}

const DEFAULT_SILENCE_MS = 30_000;

/**
 * The bytes of a file or URL.
 * @throws {ModelFileMissingError} saying what is missing.
 * @throws {WeightsFormatError} if it is no regular file or holds more than the bound.
 * @throws {Error} naming the file or URL, for everything else.
 */
export async function readBounded(url: URL, bound: ByteBound): Promise<Uint8Array> {
  const isLocal = url.protocol === "file:";
  try {
    return await (isLocal ? readRegularFile(url, bound) : readRemote(url, bound));
  } catch (cause) {
    if (cause instanceof ModelFileMissingError || !(cause instanceof Error)) throw cause;
    const path = shownUrl(url);
    if (cause instanceof FileRefused) {
      throw new WeightsFormatError(`Cannot read ${path}: ${cause.message}`, { cause });
    }
    if (!isLocal || (cause as { code?: string }).code !== "ENOENT") {
      throw new Error(`Cannot read ${path}: ${fetchFailure(cause)}`, { cause });
    }
    throw new ModelFileMissingError(
      `Cannot load model: ${path} does not exist. ` +
        "Train one with `deno task train --preset quick`, or name a version's directory, such as models/mnist-dbn/3",
      { cause },
    );
  }
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
    throw new ModelFileMissingError(`Cannot read ${shownUrl(url)}: HTTP status 404`);
  }
  if (!ok) throw new Error(`HTTP status ${status}`);
  if (isTooLarge) throw new FileRefused(tooLarge(bound, String(declared)));
  const bytes = await collect(body ?? [], { maxBytes: bound.maxBytes, onPart: onProgress });
  if (!bytes) throw new FileRefused(tooLarge(bound, "more"));
  return bytes;
}
