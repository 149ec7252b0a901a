/**
 * The IDX format of MNIST: two zero bytes, a type, a rank, one big-endian size an axis, the data.
 * Format: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
 * @module
 */

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

/** What an IDX file may hold. */
export interface IdxForm {
  /** Numbers of axes. */
  ranks: readonly number[];
  /** Types of an element, as the header has them. */
  types: readonly number[];
}

/** A header, and what follows from it. */
export interface IdxHeader {
  /** Of an element. */
  type: number;
  /** Length of each axis. */
  shape: number[];
  /** Bytes before the data. */
  headerBytes: number;
  /** Bytes of the whole file. */
  fileBytes: number;
}

const UNSIGNED_BYTE = 0x08;
const INT = 0x0c;
const MAX_RANK = 4;

/** Bytes of an element, and the type's name for error messages. */
const elementTypes: Record<number, { name: string; bytes: number }> = {
  [UNSIGNED_BYTE]: { name: "unsigned byte", bytes: 1 },
  0x09: { name: "signed byte", bytes: 1 },
  0x0b: { name: "short", bytes: 2 },
  [INT]: { name: "int", bytes: 4 },
  0x0d: { name: "float", bytes: 4 },
  0x0e: { name: "double", bytes: 8 },
};

/** Images of bytes (N, height, width). */
export const imageForm: IdxForm = { ranks: [3], types: [UNSIGNED_BYTE] };

/** Labels (N), or QMNIST's rows (N, columns) whose first column is the label; bytes or int32. */
export const labelForm: IdxForm = { ranks: [1, 2], types: [UNSIGNED_BYTE, INT] };

/**
 * Decodes an IDX array of unsigned bytes. `data` is a view of `bytes`.
 * @param rank the number of axes that the caller needs: 3 for images, 1 for labels.
 * @throws {IdxFormatError} naming the file, what was expected and what was found.
 */
export function decodeIdx(bytes: Uint8Array, rank: number, file = "IDX file"): IdxArray {
  const header = readIdxHeader(bytes, { ranks: [rank], types: [UNSIGNED_BYTE] }, file);
  checkIdxSize(header, bytes.length, file);
  return { shape: header.shape, data: bytes.subarray(header.headerBytes) };
}

/**
 * Decodes labels in any of the forms of {@linkcode labelForm}: (N), of rows the first column. A view of `bytes`
 * where they are bytes in one column.
 * @throws {IdxFormatError} naming the file, what was expected and what was found.
 */
export function decodeLabels(bytes: Uint8Array, file: string): Uint8Array | Int32Array {
  const header = readIdxHeader(bytes, labelForm, file);
  checkIdxSize(header, bytes.length, file);
  const { type, headerBytes, shape: [count, columns = 1] } = header;
  if (columns === 0) fail(file, "its rows must have at least 1 column, got 0");
  if (type === UNSIGNED_BYTE && columns === 1) return bytes.subarray(headerBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset + headerBytes);
  const stride = columns * elementTypes[type].bytes;
  const read = type === INT
    ? (at: number) => view.getInt32(at) // big-endian, as all of IDX
    : (at: number) => view.getUint8(at);
  return Int32Array.from({ length: count }, (_, row) => read(row * stride));
}

/** The most bytes that a header of this form takes. */
export function idxHeaderBytes({ ranks }: IdxForm): number {
  return 4 + 4 * Math.max(...ranks);
}

/**
 * The header of a file of which at least the first bytes are there.
 * @throws {IdxFormatError} naming the file, what was expected and what was found.
 */
export function readIdxHeader(bytes: Uint8Array, form: IdxForm, file: string): IdxHeader {
  if (bytes.length < 4) {
    fail(file, `it is truncated: expected a magic number, got ${bytes.length} bytes`);
  }
  const [zero, zeroToo, type, rank] = bytes;
  if (zero !== 0 || zeroToo !== 0) {
    fail(file, `magic number must begin with 0x0000, got 0x${hex(zero)}${hex(zeroToo)}`);
  }
  if (!form.types.includes(type)) {
    fail(file, `type must be ${form.types.map(typeName).join(" or ")}, got ${typeName(type)}`);
  }
  if (!form.ranks.includes(rank)) {
    fail(file, `it must have ${form.ranks.join(" or ")} axes, got ${rank}`);
  }
  const headerBytes = 4 + 4 * rank;
  if (bytes.length < headerBytes) {
    fail(file, `it is truncated: expected a header of ${headerBytes} bytes, got ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const dataBytes = shape.reduce((product, size) => product * size, elementTypes[type].bytes);
  return { type, shape, headerBytes, fileBytes: headerBytes + dataBytes };
}

/** @throws {IdxFormatError} naming the file, if the `size` of all of it is not what its header says, in bytes. */
export function checkIdxSize({ shape, fileBytes }: IdxHeader, size: number, file: string): void {
  if (size === fileBytes) return;
  const what = size < fileBytes ? "truncated" : "too long";
  fail(
    file,
    `it is ${what}: shape (${shape.join(", ")}) needs ${fileBytes} bytes, got ${size}`,
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

function typeName(type: number): string {
  return `0x${hex(type)} (${elementTypes[type]?.name ?? "unknown"})`;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

function fail(file: string, reason: string): never {
  throw new IdxFormatError(`Cannot read ${file}: ${reason}`);
}
