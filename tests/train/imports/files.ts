/**
 * Files as NumPy and safetensors write them, and as they do not, for tests of imports.
 * @module
 */
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";

/** An array to write; its header says what it is told to. */
export interface WrittenArray {
  shape: number[];
  /** Numbers in the order in which they lie in the file. */
  data: ArrayLike<number>;
  /** NumPy's dtype. @default "<f4" */
  descr?: string;
  /** @default "False" */
  fortran?: string;
}

/** The bytes of an NPY file, version 1.0; numbers are float32 or float64, as `descr` ends in 4 or 8. */
export function npy({ shape, data, descr = "<f4", fortran = "False" }: WrittenArray): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  return npyOf(`{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${sizes}), }`, {
    data,
    bytes: descr.endsWith("8") ? 8 : 4,
    littleEndian: !descr.startsWith(">"),
  });
}

/** The bytes of an NPY file with any header. */
export function npyOf(
  header: string,
  { data = [], bytes = 4, littleEndian = true, version = 1 }: {
    data?: ArrayLike<number>;
    bytes?: 4 | 8;
    littleEndian?: boolean;
    version?: number;
  } = {},
): Uint8Array {
  const text = new TextEncoder().encode(`${header}\n`), start = version === 1 ? 10 : 12;
  const out = new Uint8Array(start + text.length + bytes * data.length);
  out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  const view = new DataView(out.buffer);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  out.set(text, start);
  for (let i = 0, at = start + text.length; i < data.length; i++, at += bytes) {
    if (bytes === 8) view.setFloat64(at, data[i], littleEndian);
    else view.setFloat32(at, data[i], littleEndian);
  }
  return out;
}

/** The bytes of an NPZ archive of these files, each called as it is, with `.npy`. */
export async function npz(
  files: Record<string, Uint8Array>,
  { compressed = false } = {},
): Promise<Uint8Array> {
  const writer = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
  for (const [name, bytes] of Object.entries(files)) {
    await writer.add(`${name}.npy`, new Uint8ArrayReader(bytes), { level: compressed ? 6 : 0 });
  }
  return await writer.close();
}

/** The bytes of a safetensors file with this header, over so many bytes of data. */
export function safetensors(header: object, data: Uint8Array | number): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const numbers = typeof data === "number" ? new Uint8Array(data) : data;
  const out = new Uint8Array(8 + text.length + numbers.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true);
  out.set(text, 8);
  out.set(numbers, 8 + text.length);
  return out;
}

/** Small different numbers. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => (i * 37 % 101 - 50) / 64); // exact in float16
}
