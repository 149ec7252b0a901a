/**
 * Sends a blob, from where the service has it: after a broken connection it asks how much arrived.
 * @module
 */
import type { ManifestFile } from "../format/manifest.ts";
import type { Connection } from "./connection.ts";
import { ServiceError } from "./errors.ts";
import { PassingFailure, withRetries } from "./retry.ts";

/** Bytes of a blob that are handed to the connection at a time. */
const PART_BYTES = 64 * 1024;
const CONFLICT = 409, NOT_FOUND = 404;

/** How far a blob is. */
export interface UploadProgress {
  /** Bytes that have been handed to the connection, those of earlier tries included that arrived. */
  onProgress(sent: number): void;
}

/**
 * Sends the bytes of a file that the service does not have.
 * @returns bytes that the service lacked
 */
export async function uploadBlob(
  connection: Connection,
  { sha256, size }: Pick<ManifestFile, "sha256" | "size">,
  bytes: Uint8Array,
  { onProgress }: UploadProgress,
): Promise<number> {
  const path = `v2/repository/blobs/${sha256}`, { signal, retries } = connection;
  let first: number | undefined, best = 0;
  await withRetries(async (progressed) => {
    const head = await connection.send(`${path}?size=${size}`, {
      ...{ method: "HEAD", expected: [NOT_FOUND], isOnce: true },
    });
    const offset = head.status === NOT_FOUND ? offsetOf(head.headers) : size;
    onProgress(offset);
    if (offset > best && first !== undefined) progressed();
    first ??= offset;
    best = Math.max(best, offset);
    if (offset === size && size > 0) return;
    await sendFrom(offset);
  }, { ...retries, signal });
  return size - (first ?? 0);

  async function sendFrom(offset: number): Promise<void> {
    let alive = () => {};
    const body = partsOf(bytes.subarray(offset), (end) => {
      alive();
      onProgress(offset + end);
    });
    const range = { "content-range": `bytes ${offset}-${size - 1}/${size}` };
    try {
      await connection.send(path, {
        method: "PUT",
        headers: size > 0 ? range : {},
        body: size > 0 ? body : new Uint8Array(),
        isOnce: true,
        onStart: (restart) => alive = restart,
      });
    } catch (error) {
      // Somebody else sends the same blob: what is there by now is asked again.
      if (!(error instanceof ServiceError && error.status === CONFLICT)) throw error;
      throw new PassingFailure(error.message, undefined, { cause: error });
    }
  }
}

function offsetOf(headers: Headers): number {
  const offset = Number(headers.get("upload-offset") ?? NaN);
  return Number.isSafeInteger(offset) && offset >= 0 ? offset : 0;
}

/** A stream of the bytes, read as the connection takes them. */
function partsOf(
  bytes: Uint8Array,
  onPart: (end: number) => void,
): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at > 0) onPart(at); // what was handed over before has been taken
      if (at >= bytes.length) return controller.close();
      const end = Math.min(bytes.length, at + PART_BYTES);
      controller.enqueue(bytes.slice(at, end));
      at = end;
    },
  }, { highWaterMark: 0 });
}
