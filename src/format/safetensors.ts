/**
 * The safetensors container: an 8-byte little-endian header length, a JSON header, then raw
 * little-endian tensors. Format: Hugging Face safetensors, "Format" section of its README.
 * @module
 */
import { cut, shown } from "../outside/shown.ts";
import { readFloat16, writeFloat16 } from "./float16.ts";
import { parseStrictJson } from "./strict_json.ts";

/** A weights or config file that does not hold what it should. */
export class WeightsFormatError extends Error {
  /** The class's name, as `Error` has it. */
  override name = "WeightsFormatError";
}

/** How numbers are stored: float32, float16 or 8-bit integers. */
export type Dtype = "F32" | "F16" | "I8";

/** Bytes of a number. */
export const bytesOfDtype: Readonly<Record<Dtype, number>> = { F32: 4, F16: 2, I8: 1 };

/** The numbers of a tensor in memory; those of F16 are widened. */
export type TensorData = Float32Array | Int8Array;

/** A tensor in row-major order. */
export interface Tensor<D extends TensorData = Float32Array> {
  /** Length of each dimension. */
  shape: readonly number[];
  /** Its numbers, as many as the product of the shape. */
  data: D;
}

/** What a safetensors file holds. */
export interface TensorFile<D extends TensorData = Float32Array> {
  tensors: Map<string, Tensor<D>>;
  metadata: Record<string, string>;
}

/** Where a tensor's bytes lie in a file, as ONNX external data needs it. */
export interface TensorLocation {
  dtype: Dtype;
  offset: number; // bytes from the start of the file
  length: number; // bytes
}

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** The format's own bound on its header, in bytes. */
const MAX_HEADER_BYTES = 100_000_000;
const ALIGNMENT_BYTES = 8;

/** How tensors are written. */
export interface WriteOptions {
  /** What floats are rounded to. @default "F32" */
  floats?: "F32" | "F16";
}

/**
 * Serialises tensors in the order given, floats before integers so that they are aligned. The header is
 * padded with spaces to 8 bytes.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor<TensorData>>,
  metadata: Record<string, string> = {},
  { floats = "F32" }: WriteOptions = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const written = [...tensors].map(([name, { shape, data }]) => {
    checkCount(name, shape, data.length);
    const dtype: Dtype = data instanceof Int8Array ? "I8" : floats;
    return { name, shape, data, dtype, length: bytesOfDtype[dtype] * data.length };
  }).sort((a, b) => bytesOfDtype[b.dtype] - bytesOfDtype[a.dtype]);
  let end = 0;
  for (const { name, dtype, shape, length } of written) {
    header[name] = { dtype, shape, data_offsets: [end, end += length] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  const out = new Uint8Array(8 + headerBytes + end).fill(0x20, 8, 8 + headerBytes);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(headerBytes), true);
  out.set(text, 8);
  let at = 8 + headerBytes;
  for (const { data, dtype, length } of written) {
    const part = out.subarray(at, at += length);
    if (data instanceof Int8Array) part.set(data);
    else if (dtype === "F16") writeFloat16(part, data);
    else {for (let i = 0; i < data.length; i++) {
        view.setFloat32(part.byteOffset + 4 * i, data[i], true);
      }}
  }
  return out;
}

/**
 * Reads a safetensors file whose tensors are all F32, as strictly as the reference reader: no key twice,
 * metadata of strings, tensors one after the other without gap or overlap. They are views of `bytes`
 * where that is aligned.
 * @throws {WeightsFormatError} naming the file, the tensor and the bound that was broken.
 */
export function readSafetensors(bytes: Uint8Array, file = "weights"): TensorFile {
  return readTensors(bytes, file, ["F32"]) as TensorFile;
}

/**
 * The same of tensors of several dtypes. Of I8 every number is allowed, −128 too.
 * @throws {WeightsFormatError} naming the file, the tensor and the bound that was broken.
 */
export function readTensors(
  bytes: Uint8Array,
  file: string,
  dtypes: readonly Dtype[],
): TensorFile<TensorData> {
  const allowed = Object.fromEntries(dtypes.map((dtype) => [dtype, bytesOfDtype[dtype]]));
  const { metadata, tensors } = readRawTensors(bytes, file, allowed);
  return {
    tensors: new Map(tensors.map((raw) => [raw.name, readTensor(raw as RawTensor<Dtype>, file)])),
    metadata,
  };
}

/** A tensor's bytes, before they are read as numbers. */
export interface RawTensor<D extends string = string> {
  name: string;
  dtype: D;
  shape: readonly number[];
  bytes: Uint8Array;
}

/**
 * The tensors of a file by their bytes, in the order in which these lie.
 * @param itemBytes the dtypes that they may have, with the bytes of a number
 * @throws {WeightsFormatError} naming the file, the tensor and the bound that was broken.
 */
export function readRawTensors(
  bytes: Uint8Array,
  file: string,
  itemBytes: Readonly<Record<string, number>>,
): { metadata: Record<string, string>; tensors: RawTensor[] } {
  const { metadata, entries, start } = readHeader(bytes, file);
  let expected = 0;
  const tensors = sortedEntries(entries, { file, itemBytes }).map(([name, entry]) => {
    const { dtype, shape, data_offsets: [from, to] } = entry, tensor = `tensor ${shown(name)}`;
    if (from !== expected) {
      fail(file, `${tensor} must start at byte ${expected} of the data, got ${from}`);
    }
    if (start + to > bytes.length) {
      fail(file, `${tensor} ends at byte ${start + to}, the file has ${bytes.length}`);
    }
    expected = to;
    return { name, dtype, shape, bytes: bytes.subarray(start + from, start + to) };
  });
  if (start + expected !== bytes.length) {
    fail(file, `expected ${start + expected} bytes in all, got ${bytes.length}`);
  }
  return { metadata, tensors };
}

/** Where every tensor of a safetensors file lies, in bytes from the start of the file. */
export function tensorLocations(bytes: Uint8Array, file = "weights"): Map<string, TensorLocation> {
  const { tensors } = readRawTensors(bytes, file, bytesOfDtype);
  return new Map(tensors.map(({ name, dtype, bytes: own }) => [
    name,
    { dtype: dtype as Dtype, offset: own.byteOffset - bytes.byteOffset, length: own.length },
  ]));
}

/**
 * The tensor `name`, checked against the shape that the architecture needs.
 * @throws {WeightsFormatError} if it is missing or has another shape.
 */
export function takeTensor<D extends TensorData>(
  { tensors }: TensorFile<D>,
  name: string,
  shape: readonly number[],
  file = "weights",
): D {
  const tensor = tensors.get(name);
  if (!tensor) {
    const names = cut([...tensors.keys()].join(", "));
    return fail(file, `tensor "${name}" is missing; there are ${names}`);
  }
  if (tensor.shape.join() !== shape.join()) {
    fail(
      file,
      `tensor "${name}" must have shape (${shape.join(", ")}), got (${
        cut(tensor.shape.join(", "))
      })`,
    );
  }
  return tensor.data;
}

/** The entries of `tensors` under `prefix.`, without it. */
export function tensorsUnder(
  tensors: ReadonlyMap<string, Tensor>,
  prefix: string,
): Map<string, Tensor> {
  const under = new Map<string, Tensor>();
  for (const [name, tensor] of tensors) {
    if (name.startsWith(`${prefix}.`)) under.set(name.slice(prefix.length + 1), tensor);
  }
  return under;
}

/** A header: metadata, the tensors' entries as they are, and where the data begins, in bytes. */
interface Header {
  metadata: Record<string, string>;
  entries: Record<string, unknown>;
  start: number;
}

function readHeader(bytes: Uint8Array, file: string): Header {
  if (bytes.length < 8) fail(file, `expected at least 8 bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const declared = view.getBigUint64(0, true);
  const room = Math.min(MAX_HEADER_BYTES, bytes.length - 8);
  if (declared < 2n || declared > BigInt(room)) {
    fail(file, `header length must be in [2, ${room}] bytes, got ${declared}`);
  }
  const start = 8 + Number(declared);
  const header = parseHeader(bytes.subarray(8, start), file);
  const { __metadata__: metadata, ...entries } = header;
  return { metadata: checkMetadata(metadata ?? {}, file), entries, start };
}

function parseHeader(bytes: Uint8Array, file: string): Record<string, unknown> {
  let header: unknown;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    header = parseStrictJson(decoder.decode(bytes));
  } catch (error) { // of the decoder, or of JSON
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    return fail(file, `the header is not JSON of the format: ${cut(error.message)}`);
  }
  if (!isObject(header)) return fail(file, "the header is not a JSON object");
  if (bytes[0] !== 0x7b) return fail(file, 'the header must begin with "{"');
  return header;
}

function checkMetadata(metadata: unknown, file: string): Record<string, string> {
  if (!isObject(metadata)) {
    return fail(file, `__metadata__ must be an object of strings, got ${shown(metadata)}`);
  }
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") {
      fail(file, `__metadata__ ${shown(key)} must be a string, got ${shown(value)}`);
    }
  }
  return metadata as Record<string, string>;
}

/** Which file is read, and what its tensors may be. */
interface Allowed {
  file: string;
  /** Bytes of a number, by dtype. */
  itemBytes: Readonly<Record<string, number>>;
}

function sortedEntries(
  entries: Record<string, unknown>,
  allowed: Allowed,
): [string, HeaderEntry][] {
  return Object.entries(entries)
    .map(([name, entry]) => [name, checkEntry(name, entry, allowed)] as [string, HeaderEntry])
    .sort(([, a], [, b]) =>
      a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1]
    );
}

function checkEntry(name: string, entry: unknown, { file, itemBytes }: Allowed): HeaderEntry {
  const tensor = `tensor ${shown(name)}`;
  if (!isObject(entry)) return fail(file, `entry ${shown(name)} of the header is not an object`);
  const { dtype, shape, data_offsets: offsets } = entry as Partial<HeaderEntry>;
  if (typeof dtype !== "string" || !Object.hasOwn(itemBytes, dtype)) {
    const known = Object.keys(itemBytes).join(" or ");
    return fail(file, `${tensor} must have dtype ${known}, got ${shown(dtype)}`);
  }
  if (!isSizes(shape)) return fail(file, `${tensor} has no valid shape: ${shown(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[1] < offsets[0]) {
    return fail(file, `${tensor} has no valid data_offsets: ${shown(offsets)}`);
  }
  const needed = shape.reduce(safeProduct, itemBytes[dtype]), has = offsets[1] - offsets[0];
  if (has !== needed) {
    const sizes = cut(shape.join(", "));
    fail(file, `${tensor} of shape (${sizes}) needs ${needed} bytes, got ${has}`);
  }
  return { dtype, shape, data_offsets: offsets as [number, number] };
}

/** A product of sizes; infinite for good where it is not exact, whatever it is multiplied by. */
function safeProduct(a: number, b: number): number {
  return Number.isSafeInteger(a * b) ? a * b : Infinity;
}

function readTensor({ name, dtype, shape, bytes }: RawTensor<Dtype>, file: string) {
  if (dtype === "I8") {
    return { shape, data: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length) };
  }
  const data = dtype === "F16" ? readFloat16(bytes) : readFloats(bytes);
  const bad = findNotFinite(data);
  if (bad >= 0) {
    fail(file, `tensor ${shown(name)} must be finite, got ${data[bad]} at index ${bad}`);
  }
  return { shape, data };
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The bytes as floats, without a copy where the machine allows it: models load at every start. */
function readFloats(bytes: Uint8Array): Float32Array {
  if (littleEndian && bytes.byteOffset % 4 === 0) {
    return new Float32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / 4);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

/**
 * Index of the first number that is not finite; -1 if all are. By the platform's own loops: one of ours would be
 * compiled before a server's first answer.
 */
export function findNotFinite(data: Float32Array): number {
  const isBad = data.includes(NaN) || data.includes(Infinity) || data.includes(-Infinity);
  return isBad ? data.findIndex((x) => !Number.isFinite(x)) : -1;
}

function checkCount(name: string, shape: readonly number[], length: number): void {
  const count = shape.reduce((product, size) => product * size, 1);
  if (count !== length) {
    throw new RangeError(
      `Cannot write tensor "${name}": shape (${
        shape.join(", ")
      }) needs ${count} numbers, got ${length}`,
    );
  }
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Whether `value` is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fail(file: string, reason: string): never {
  throw new WeightsFormatError(`Cannot read ${file}: ${reason}`);
}
