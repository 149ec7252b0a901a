/**
 * NPY, NumPy's file of one array. Format: numpy/lib/format.py, versions 1.0 to 3.0.
 * @module
 */
import { cut, shown } from "../../src/outside/shown.ts";
import {
  type ArrayPlace,
  countOf,
  decodeFloats,
  fail,
  floatBytes,
  type FloatKind,
  isShape,
  type NumberArray,
  shapeText,
  transposed,
} from "./arrays.ts";

const MAGIC = [0x93, ...new TextEncoder().encode("NUMPY")];

/** The longest header that is read, in bytes: NumPy's own bound. */
const MAX_HEADER_BYTES = 10_000;

const kinds: Record<string, FloatKind> = { f2: "F16", f4: "F32", f8: "F64" };

/** What an array's header says. */
interface NpyHeader {
  kind: FloatKind;
  littleEndian: boolean;
  isFortran: boolean;
  shape: number[];
  /** Where the numbers begin, in bytes. */
  start: number;
}

/**
 * The array in the bytes of an NPY file; Fortran's order becomes C's.
 * @throws {ImportError} naming file, array, bound and value where it is no array of floats.
 */
export function readNpy(bytes: Uint8Array, place: ArrayPlace): NumberArray {
  const { kind, littleEndian, isFortran, shape, start } = readHeader(bytes, place);
  const needed = countOf(shape) * floatBytes[kind], has = bytes.length - start;
  if (has !== needed) {
    fail(place, `of shape ${shapeText(shape)} needs ${needed} bytes, got ${has}`);
  }
  if (isFortran && shape.length > 2) {
    fail(place, `in Fortran order must have two sizes at most, got ${shapeText(shape)}`);
  }
  const data = decodeFloats(bytes.subarray(start), { kind, littleEndian }, place);
  const isTransposed = isFortran && shape.length === 2;
  return {
    name: place.array,
    shape,
    data: isTransposed ? transposed({ data, shape: shape.toReversed() }) : data,
  };
}

function readHeader(bytes: Uint8Array, place: ArrayPlace): NpyHeader {
  if (bytes.length < 12 || !MAGIC.every((byte, i) => bytes[i] === byte)) {
    fail(place, 'must begin as an NPY file, with "\\x93NUMPY"');
  }
  const [major, minor] = bytes.subarray(6, 8);
  if (![1, 2, 3].includes(major) || minor !== 0) {
    fail(place, `must be of NPY version 1.0, 2.0 or 3.0, got ${major}.${minor}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = major === 1 ? 10 : 12;
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const room = Math.min(MAX_HEADER_BYTES, bytes.length - at);
  if (length > room) fail(place, `must have a header of at most ${room} bytes, got ${length}`);
  const text = new TextDecoder().decode(bytes.subarray(at, at + length));
  return { ...readDictionary(text, place), start: at + length };
}

/** The header's Python dictionary: `{'descr': '<f4', 'fortran_order': False, 'shape': (784, 500), }`. */
function readDictionary(text: string, place: ArrayPlace): Omit<NpyHeader, "start"> {
  const value = (key: string, pattern: RegExp): string => {
    const found = new RegExp(String.raw`['"]${key}['"]\s*:\s*(?:${pattern.source})\s*[,}]`).exec(
      text,
    );
    return found?.[1] ?? fail(place, `has no valid ${key} in its header: ${shown(text.trim())}`);
  };
  const dtype = value("descr", /('[^']*'|"[^"]*"|\[.*\])/).replace(/^['"]|['"]$/g, "");
  const isFortran = value("fortran_order", /(True|False)/) === "True";
  const sizes = value("shape", /\(([\d\s,]*)\)/).split(",").filter((size) => size.trim() !== "");
  const shape = sizes.map(Number);
  if (!isShape(shape)) fail(place, `has no valid shape: (${cut(sizes.join(", "))})`);
  return { ...readDtype(dtype, place), isFortran, shape };
}

function readDtype(dtype: string, place: ArrayPlace): Pick<NpyHeader, "kind" | "littleEndian"> {
  const [, order, type] = /^([<>=|]?)(\w+)$/.exec(dtype) ?? [];
  if (type === "O") fail(place, "holds pickled Python objects, which are programs; save numbers");
  const kind = Object.hasOwn(kinds, type ?? "") ? kinds[type] : undefined;
  if (kind === undefined || !["<", ">"].includes(order)) {
    return fail(place, `must have dtype float16, float32 or float64, got ${shown(dtype)}`);
  }
  return { kind, littleEndian: order === "<" };
}
