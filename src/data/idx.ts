/**
 * The IDX format of MNIST: two zero bytes, a type, a rank, one big-endian size an axis, the data.
 * Format: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
 * @module
 */

import { collect } from "../outside/collect.ts";

/** An IDX file that does not hold what its header says. */
export class IdxFormatError extends Error {
  /** The class's name, as `Error` has it. */
  override name = "IdxFormatError";
}

/** An array of unsigned bytes in row-major order. */
export interface IdxArray {
  /** Length of each dimension. */
  shape: number[];
  /** Its bytes, as many as the product of the shape. */
  data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;
const MAX_RANK = 4;
const GZIP_MAGIC = [0x1f, 0x8b];

/** Other types that the format knows, for the error message. */
const typeNames: Record<number, string> = {
  0x09: "signed byte",
  0x0b: "short",
  0x0c: "int",
  0x0d: "float",
  0x0e: "double",
};

/**
 * Decodes an IDX array of unsigned bytes. `data` is a view of `bytes`.
 * @param rank the number of axes that the caller needs: 3 for images, 1 for labels.
 * @throws {IdxFormatError} naming the file, what was expected and what was found.
 */
export function decodeIdx(bytes: Uint8Array, rank: number, file = "IDX file"): IdxArray {
  const shape = checkIdxSize(bytes, { rank, size: bytes.length, file });
  return { shape, data: bytes.subarray(idxHeaderBytes(rank)) };
}

/** Bytes before the data. */
export function idxHeaderBytes(rank: number): number {
  return 4 + 4 * rank;
}

/**
 * The shape of an array of which at least the header is there, checked against the `size` of all of it, in bytes.
 * @throws {IdxFormatError} naming the file, what was expected and what was found.
 */
export function checkIdxSize(
  header: Uint8Array,
  { rank, size, file }: { rank: number; size: number; file: string },
): number[] {
  const shape = readHeader(header, rank, file);
  const expected = shape.reduce((product, length) => product * length, 1) + idxHeaderBytes(rank);
  if (size === expected) return shape;
  const what = size < expected ? "truncated" : "too long";
  return fail(
    file,
    `it is ${what}: shape (${shape.join(", ")}) needs ${expected} bytes, got ${size}`,
  );
}

/** Encodes unsigned bytes as IDX. @throws {RangeError} if the data does not fill the shape. */
export function encodeIdx({ shape, data }: IdxArray): Uint8Array {
  const count = shape.reduce((product, size) => product * size, 1);
  if (shape.length < 1 || shape.length > MAX_RANK || count !== data.length) {
    throw new RangeError(
      `Cannot encode IDX: shape (${shape.join(", ")}) needs ${count} bytes, got ${data.length}`,
    );
  }
  const out = new Uint8Array(4 + 4 * shape.length + count);
  const view = new DataView(out.buffer);
  out[2] = UNSIGNED_BYTE;
  out[3] = shape.length;
  shape.forEach((size, axis) => view.setUint32(4 + 4 * axis, size));
  out.set(data, 4 + 4 * shape.length);
  return out;
}

/**
 * The bytes themselves, or what they inflate to if they are gzipped.
 * @throws {IdxFormatError} if the stream is broken or inflates to more than `maxBytes`.
 */
export async function gunzipIfNeeded(
  bytes: Uint8Array,
  maxBytes: number,
  file = "IDX file",
): Promise<Uint8Array> {
  if (!isGzipped(bytes)) return bytes;
  let inflated: Uint8Array | undefined;
  try {
    const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(
      new DecompressionStream("gzip"),
    );
    inflated = await collect(stream, { maxBytes });
  } catch (cause) {
    throw new IdxFormatError(`Cannot read ${file}: its gzip stream is broken`, { cause });
  }
  return inflated ?? fail(file, `it inflates to more than ${maxBytes} bytes`);
}

/** Whether bytes begin as a gzip stream does. */
export function isGzipped(bytes: Uint8Array): boolean {
  return GZIP_MAGIC.every((byte, i) => bytes[i] === byte);
}

function readHeader(bytes: Uint8Array, rank: number, file: string): number[] {
  const headerBytes = idxHeaderBytes(rank);
  if (bytes.length < 4) {
    fail(file, `it is truncated: expected a magic number, got ${bytes.length} bytes`);
  }
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    fail(file, `magic number must begin with 0x0000, got 0x${hex(bytes[0])}${hex(bytes[1])}`);
  }
  if (bytes[2] !== UNSIGNED_BYTE) {
    const name = typeNames[bytes[2]] ?? "unknown";
    fail(file, `type must be 0x08 (unsigned byte), got 0x${hex(bytes[2])} (${name})`);
  }
  if (bytes[3] !== rank) fail(file, `it must have ${rank} axes, got ${bytes[3]}`);
  if (bytes.length < headerBytes) {
    fail(file, `it is truncated: expected a header of ${headerBytes} bytes, got ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

function fail(file: string, reason: string): never {
  throw new IdxFormatError(`Cannot read ${file}: ${reason}`);
}
