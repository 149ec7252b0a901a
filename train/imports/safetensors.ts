/**
 * Safetensors files of other programs: floats of every width, and parameters only where they are asked for.
 * Format: Hugging Face safetensors, "Format" section of its README.
 * @module
 */
import { isObject } from "../../src/format/safetensors.ts";
import { parseStrictJson } from "../../src/format/strict_json.ts";
import { cut, shown } from "../../src/outside/shown.ts";
import {
  countOf,
  decodeFloats,
  fail,
  failFile,
  floatBytes,
  type FloatKind,
  isShape,
  type NumberArray,
  shapeText,
} from "./arrays.ts";

/** The longest header that is read, in bytes: some thousand tensors. */
const MAX_HEADER_BYTES = 1024 * 1024;

/** A tensor before its numbers are read. */
interface Entry {
  name: string;
  dtype: unknown;
  shape: number[];
  /** Of its bytes, from the header's end. */
  start: number;
  end: number;
}

/**
 * The tensors of a file.
 * @throws {ImportError} naming file, tensor, bound and value where one is no array of floats.
 */
export function readFloatTensors(bytes: Uint8Array, file: string): NumberArray[] {
  const { header, start } = readHeader(bytes, file), data = bytes.subarray(start);
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => checkEntry(name, entry, file))
    .sort((a, b) => a.start - b.start || a.end - b.end);
  let end = 0;
  for (const entry of entries) {
    if (entry.start !== end) {
      const place = { file, array: entry.name };
      fail(place, `must start at byte ${end} of the data, got ${entry.start}`);
    }
    end = entry.end;
  }
  if (end !== data.length) failFile(file, `it must hold ${start + end} bytes, got ${bytes.length}`);
  return entries.map((entry) => readTensor(entry, data, file));
}

function readHeader(bytes: Uint8Array, file: string) {
  const declared = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  const room = Math.min(MAX_HEADER_BYTES, bytes.length - 8);
  if (declared > BigInt(room)) {
    failFile(file, `a safetensors header must have at most ${room} bytes, got ${declared}`);
  }
  const start = 8 + Number(declared);
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const header = parseStrictJson(decoder.decode(bytes.subarray(8, start)));
    if (isObject(header)) return { header, start };
  } catch (error) { // of the decoder, or of JSON
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    return failFile(file, `its header is not JSON: ${cut(error.message)}`);
  }
  return failFile(file, "its header is no JSON object");
}

function checkEntry(name: string, entry: unknown, file: string): Entry {
  const place = { file, array: name };
  if (!isObject(entry)) return fail(place, `must be a JSON object, got ${shown(entry)}`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isShape(shape)) return fail(place, `has no valid shape: ${shown(shape)}`);
  if (!isShape(offsets) || offsets.length !== 2 || offsets[1] < offsets[0]) {
    return fail(place, `has no valid data_offsets: ${shown(offsets)}`);
  }
  return { name, dtype, shape, start: offsets[0], end: offsets[1] };
}

function readTensor({ name, dtype, shape, start, end }: Entry, data: Uint8Array, file: string) {
  const place = { file, array: name };
  if (typeof dtype !== "string" || !Object.hasOwn(floatBytes, dtype)) {
    const known = Object.keys(floatBytes).join(", ");
    return fail(place, `must have one of the dtypes ${known}, got ${shown(dtype)}`);
  }
  const kind = dtype as FloatKind, needed = countOf(shape) * floatBytes[kind];
  if (end - start !== needed) {
    fail(place, `of shape ${shapeText(shape)} needs ${needed} bytes, got ${end - start}`);
  }
  return { name, shape, data: decodeFloats(data.subarray(start, end), { kind }, place) };
}
