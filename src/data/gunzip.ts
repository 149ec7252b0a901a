/**
 * Unpacks gzipped IDX files, of one gzip member or several, into memory of the size that their header says.
 * Node's zlib does it, because a `DecompressionStream` ends with the first member. RFC 1952, section 2.2.
 * @module
 */
import { importBuiltin } from "../outside/platform.ts";
import {
  checkIdxSize,
  type IdxForm,
  IdxFormatError,
  idxHeaderBytes,
  readIdxHeader,
} from "./idx.ts";

/** The most bytes one IDX file may hold, as it is and unpacked: 1 GiB; EMNIST's largest holds 522 MiB. */
export const MAX_IDX_BYTES = 1024 * 1024 * 1024;

/** Packed bytes that hold a header for certain, gzip's own and a block's codes before it. */
export const PACKED_START_BYTES = 4096;

/** The most bytes that one byte of a DEFLATE stream unpacks to: 258 by two codes of one bit each. */
const MAX_RATIO = 1032;

const GZIP_MAGIC = [0x1f, 0x8b];

/** Whether bytes begin as a gzip stream does. */
export function isGzipped(bytes: Uint8Array): boolean {
  return GZIP_MAGIC.every((byte, i) => bytes[i] === byte);
}

/**
 * What the first {@linkcode PACKED_START_BYTES} of a gzipped file unpack to, 4 MiB at most.
 * @throws {IdxFormatError} naming the file, if they are no gzip stream.
 */
export async function gunzipStart(packed: Uint8Array, file: string): Promise<Uint8Array> {
  const { constants, gunzipSync } = await zlib();
  try {
    // Z_SYNC_FLUSH: the end of what is there is no error.
    const options = { finishFlush: constants.Z_SYNC_FLUSH };
    return gunzipSync(packed.subarray(0, PACKED_START_BYTES), options);
  } catch (error) {
    throw broken(error, file);
  }
}

/**
 * A gzipped IDX file, unpacked. Its header is checked before anything else is unpacked, and no more than it
 * says is.
 * @throws {IdxFormatError} naming the file, if the stream is broken, or the header's size is over
 * {@linkcode MAX_IDX_BYTES} or not that of the data.
 */
export async function gunzipIdx(
  packed: Uint8Array,
  { form, file }: { form: IdxForm; file: string },
): Promise<Uint8Array> {
  const start = await gunzipStart(packed, file), headerBytes = idxHeaderBytes(form);
  // A shorter one is broken, or all of a file of few labels.
  const header = start.length < headerBytes ? undefined : readIdxHeader(start, form, file);
  const capacity = header?.fileBytes ?? headerBytes;
  if (header) checkUnpacked({ ...header, packedBytes: packed.length }, file);
  const bytes = new Uint8Array(capacity);
  const { createGunzip } = await zlib();
  const stream = createGunzip();
  stream.end(packed);
  let end = 0;
  try {
    for await (const part of stream as AsyncIterable<Uint8Array>) {
      if (end + part.length > capacity) {
        throw new IdxFormatError(
          `Cannot read ${file}: it is too long: its header needs ${capacity} bytes, it unpacks to more`,
        );
      }
      bytes.set(part, end);
      end += part.length;
    }
  } catch (error) {
    throw error instanceof IdxFormatError ? error : broken(error, file);
  }
  if (header) checkIdxSize(header, end, file);
  return bytes.subarray(0, end);
}

function checkUnpacked(
  { shape, fileBytes, packedBytes }: { shape: number[]; fileBytes: number; packedBytes: number },
  file: string,
): void {
  const needs = `shape (${shape.join(", ")}) needs ${fileBytes} bytes`;
  if (fileBytes > MAX_IDX_BYTES) {
    throw new IdxFormatError(
      `Cannot read ${file}: it must unpack to at most ${MAX_IDX_BYTES} bytes, its ${needs}`,
    );
  }
  if (fileBytes > packedBytes * MAX_RATIO) {
    throw new IdxFormatError(
      `Cannot read ${file}: it is truncated: its ${needs}, ` +
        `${packedBytes} packed bytes hold at most ${packedBytes * MAX_RATIO}`,
    );
  }
}

function broken(error: unknown, file: string): IdxFormatError {
  const { message } = error as Error;
  return new IdxFormatError(`Cannot read ${file}: its gzip stream is broken: ${message}`, {
    cause: error,
  });
}

function zlib() {
  return importBuiltin<typeof import("node:zlib")>("node:zlib");
}
