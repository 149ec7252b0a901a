/**
 * Gzipped tar archives in memory, the same bytes for the same files.
 * @module
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { packTar, unpackTar } from "npm:modern-tar@0.8.6";

/** 1985-10-26, the time that npm gives every file of a package. */
const MTIME = new Date(499_162_500_000);

/** A file to pack. */
export interface PackedFile {
  path: string;
  bytes: Uint8Array;
  isExecutable?: boolean;
}

/** The files of an archive by their path. */
export async function readTar(archive: Uint8Array): Promise<Map<string, Uint8Array>> {
  const entries = await unpackTar(gunzipSync(archive));
  return new Map(
    entries.flatMap(({ header, data }) => data ? [[header.name, data] as const] : []),
  );
}

/** An archive of files, in the order of their paths. */
export async function writeTar(files: readonly PackedFile[]): Promise<Uint8Array<ArrayBuffer>> {
  const sorted = files.toSorted((a, b) => a.path < b.path ? -1 : 1);
  const entries = sorted.map(({ path, bytes, isExecutable }) => ({
    header: { name: path, size: bytes.length, mode: isExecutable ? 0o755 : 0o644, mtime: MTIME },
    body: bytes,
  }));
  return new Uint8Array(gzipSync(await packTar(entries), { level: 9 }));
}
