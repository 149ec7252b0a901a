/**
 * IDX files small enough to write in a test.
 * @module
 */
import { encodeIdx } from "../../src/data/idx.ts";

/** One gzip member. */
export async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

/** Several gzip members, one after the other, that unpack to `bytes` cut at `cuts`. */
export async function gzipMembers(bytes: Uint8Array, cuts: number[]): Promise<Uint8Array> {
  const ends = [...cuts.toSorted((a, b) => a - b), bytes.length];
  const members = await Promise.all(
    ends.map((end, i) => gzip(bytes.subarray(i === 0 ? 0 : ends[i - 1], end))),
  );
  return await new Blob(members as BlobPart[]).bytes();
}

/** An IDX array of big-endian int32, as QMNIST's labels are. */
export function encodeInts(shape: number[], values: number[]): Uint8Array {
  const out = new Uint8Array(4 + 4 * (shape.length + values.length));
  const view = new DataView(out.buffer);
  view.setUint32(0, 0x0c00 + shape.length);
  [...shape, ...values].forEach((value, i) => view.setInt32(4 + 4 * i, value));
  return out;
}

/** An IDX array of bytes that count up from `first`. */
export function counting(shape: number[], first = 0): Uint8Array {
  const length = shape.reduce((a, b) => a * b, 1);
  return encodeIdx({ shape, data: Uint8Array.from({ length }, (_, i) => first + i) });
}

/** A new directory of these files. */
export async function writeFiles(files: Record<string, Uint8Array>): Promise<string> {
  const directory = await Deno.makeTempDir();
  for (const [name, bytes] of Object.entries(files)) {
    await Deno.writeFile(`${directory}/${name}`, bytes);
  }
  return directory;
}

/** Sizes and values of a directory's files. */
interface DirectoryOptions {
  trainImages?: number;
  trainLabels?: number;
  testCount?: number;
  size?: number;
  testSize?: number;
  label?: number;
  suffix?: "" | ".gz";
}

/** A new directory of IDX files in MNIST's shape. */
export async function writeIdxDirectory(options: DirectoryOptions = {}): Promise<string> {
  const { trainImages = 6, trainLabels = 6, testCount = 4 } = options;
  const { size = 28, testSize = size, label = 3, suffix = "" } = options;
  const filled = (shape: number[], value: number) =>
    encodeIdx({ shape, data: new Uint8Array(shape.reduce((a, b) => a * b, 1)).fill(value) });
  const files = {
    "train-images-idx3-ubyte": filled([trainImages, size, size], 7),
    "train-labels-idx1-ubyte": filled([trainLabels], label),
    "t10k-images-idx3-ubyte": filled([testCount, testSize, testSize], 8),
    "t10k-labels-idx1-ubyte": filled([testCount], label),
  };
  const written = Object.entries(files).map(async ([name, bytes]) =>
    [`${name}${suffix}`, suffix === ".gz" ? await gzip(bytes) : bytes] as const
  );
  return await writeFiles(Object.fromEntries(await Promise.all(written)));
}
