/**
 * Safetensors files of other programs: floats of every width.
 * @module
 */
import { readRawTensors, WeightsFormatError } from "../../src/format/safetensors.ts";
import {
  decodeFloats,
  floatBytes,
  type FloatKind,
  ImportError,
  type NumberArray,
} from "./arrays.ts";

/**
 * The tensors of a file, in the order of their bytes.
 * @throws {ImportError} naming file, tensor, bound and value where one is no array of floats.
 */
export function readFloatTensors(bytes: Uint8Array, file: string): NumberArray[] {
  return readRaw(bytes, file).map(({ name, dtype, shape, bytes }) => ({
    name,
    shape,
    data: decodeFloats(bytes, { kind: dtype as FloatKind }, { file, array: name }),
  }));
}

function readRaw(bytes: Uint8Array, file: string) {
  try {
    return readRawTensors(bytes, file, floatBytes).tensors;
  } catch (cause) {
    if (!(cause instanceof WeightsFormatError)) throw cause;
    throw new ImportError(cause.message, { cause });
  }
}
