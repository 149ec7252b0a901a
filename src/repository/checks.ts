/**
 * What every model repository checks in the same way: names, and that bytes are what they should be.
 * @module
 */
import {
  isModelName,
  isSha256,
  MANIFEST_FILE,
  manifestBounds,
  ManifestError,
  type ManifestFile,
  readManifest,
} from "../format/manifest.ts";
import { cut, shown } from "../outside/shown.ts";
import { CorruptFileError, NotFoundError } from "./errors.ts";
import type { BlobRef, StoredManifest, VersionEntry, VersionRef } from "./repository.ts";
import { sha256 } from "../outside/sha256.ts";

/** Whether it can name a version; what cannot is nowhere. */
export function isRef({ model, version }: VersionRef): boolean {
  return isModelName(model) && Number.isInteger(version) && version >= 1 &&
    version <= manifestBounds.maxVersion;
}

/** The version that a directory or a key is called by, undefined where it can be none. */
export function parseVersion(name: string): number | undefined {
  const version = Number(name);
  return /^[1-9]\d{0,9}$/.test(name) && version <= manifestBounds.maxVersion ? version : undefined;
}

/** @throws {RangeError} unless it can be a blob of a version. */
export function checkBlob({ sha256, size }: BlobRef): void {
  const { maxFileBytes } = manifestBounds;
  if (!isSha256(sha256)) {
    throw new RangeError(`Cannot name a blob: SHA-256 must be 64 hex digits, got ${shown(sha256)}`);
  }
  if (!Number.isInteger(size) || size < 0 || size > maxFileBytes) {
    throw new RangeError(
      `Cannot keep blob ${sha256}: its size must be an integer in [0, ${maxFileBytes}], got ${
        shown(size)
      }`,
    );
  }
}

/** A version's manifest. @throws {ManifestError} if it is broken or names another version */
export async function checkManifest(bytes: Uint8Array, ref: VersionRef): Promise<StoredManifest> {
  const manifest = readManifest(bytes);
  if (manifest.model !== ref.model || manifest.version !== ref.version) {
    const other = `version ${manifest.version} of ${shown(manifest.model)}`;
    throw new ManifestError(
      `Cannot read ${MANIFEST_FILE} of version ${ref.version} of ${ref.model}: it is of ${other}`,
    );
  }
  return { manifest, bytes, digest: await sha256(bytes) };
}

/** The bytes of a version's file, if they are. @throws {CorruptFileError} */
export async function checkFile(
  bytes: Uint8Array | undefined,
  ref: VersionRef,
  file: ManifestFile,
): Promise<Uint8Array> {
  if (!bytes) throw corruptFile(ref, file, "it is missing");
  const { size, sha256: expected } = file;
  if (bytes.length !== size) {
    throw corruptFile(ref, file, `it must have ${size} bytes, got ${bytes.length}`);
  }
  const digest = await sha256(bytes);
  if (digest === expected) return bytes;
  throw corruptFile(ref, file, `its SHA-256 must be ${expected}, got ${digest}`);
}

/** The error of a file that is not what its manifest says. */
export function corruptFile(
  { model, version }: VersionRef,
  { path }: ManifestFile,
  reason: string,
): CorruptFileError {
  return new CorruptFileError(
    `Cannot read ${cut(path)} of version ${version} of ${cut(model)}: ${reason}`,
  );
}

/** A version as lists show it. */
export function entryOf(
  { manifest: { model, version, files }, digest }: StoredManifest,
): VersionEntry {
  return { model, version, digest, size: files.reduce((sum, { size }) => sum + size, 0) };
}

/** The error of a version that is not there. */
export function notThere({ model, version }: VersionRef): NotFoundError {
  return new NotFoundError(`${cut(model)} has no version ${shown(version)}`);
}
