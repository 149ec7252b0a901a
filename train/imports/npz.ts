/**
 * NPZ, NumPy's ZIP archive of NPY files. zip.js reads it, an entry at a time and of no more bytes than the
 * entry declares, so that a small file cannot unpack to a large one.
 * @module
 */
import { type Entry, type FileEntry, Uint8ArrayReader, ZipReader } from "@zip.js/zip.js";
import { cut } from "../../src/outside/shown.ts";
import { fail, failFile, ImportError, MAX_IMPORT_BYTES, type NumberArray } from "./arrays.ts";
import { readNpy } from "./npy.ts";

/** The most entries of an archive: parameters of a network, or attributes of an estimator. */
const MAX_ENTRIES = 1000;

const SUFFIX = ".npy";

/** Which arrays to read, and what errors call the file. */
export interface NpzOptions {
  file: string;
  /** All if left out; others are not unpacked. */
  names?: readonly string[];
}

/**
 * The arrays of an archive, in its order.
 * @throws {ImportError} naming file, array, bound and value where it is no archive of arrays of floats.
 */
export async function readNpz(
  bytes: Uint8Array,
  { file, names }: NpzOptions,
): Promise<NumberArray[]> {
  try {
    const arrays: NumberArray[] = [];
    for (const entry of await listEntries(bytes, file)) {
      const array = arrayName(entry);
      if (names !== undefined && !names.includes(array)) continue;
      arrays.push(readNpy(await unpack(entry, file), { file, array }));
    }
    return arrays;
  } catch (cause) {
    if (cause instanceof ImportError || !(cause instanceof Error)) throw cause;
    const message = `Cannot import ${file}: it is no NPZ archive: ${cut(cause.message)}`;
    throw new ImportError(message, { cause });
  }
}

/** The archive's entries, none twice, of no more bytes in all than is allowed. */
async function listEntries(bytes: Uint8Array, file: string): Promise<FileEntry[]> {
  const entries: FileEntry[] = [], names = new Set<string>();
  let total = 0;
  const reader = new ZipReader(new Uint8ArrayReader(bytes), { useWebWorkers: false });
  for await (const entry of reader.getEntriesGenerator()) {
    const place = { file, array: arrayName(entry) };
    if (entry.directory) return fail(place, "must be an NPY file, got a directory");
    if (entry.encrypted) fail(place, "must not be encrypted");
    if (names.has(place.array)) fail(place, "is there twice");
    names.add(place.array);
    entries.push(entry);
    total += entry.uncompressedSize;
    if (entries.length > MAX_ENTRIES) failFile(file, `it must hold at most ${MAX_ENTRIES} arrays`);
    if (total > MAX_IMPORT_BYTES) {
      failFile(file, `it must unpack to at most ${MAX_IMPORT_BYTES} bytes, got ${total} or more`);
    }
  }
  return entries;
}

function arrayName({ filename }: Entry): string {
  return filename.endsWith(SUFFIX) ? filename.slice(0, -SUFFIX.length) : filename;
}

/** An entry's bytes: as many as it declares, with its CRC-32. */
async function unpack(entry: FileEntry, file: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(entry.uncompressedSize), place = { file, array: arrayName(entry) };
  let end = 0;
  const writable = new WritableStream<Uint8Array>({
    write(part) {
      if (end + part.length > bytes.length) {
        fail(place, `must unpack to ${bytes.length} bytes, as it declares, got more`);
      }
      bytes.set(part, end);
      end += part.length;
    },
  });
  await entry.getData(writable, { checkCrc32: true, checkOverlappingEntry: true });
  if (end < bytes.length) {
    fail(place, `must unpack to ${bytes.length} bytes, as it declares, got ${end}`);
  }
  return bytes;
}
