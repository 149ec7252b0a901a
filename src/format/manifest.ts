/**
 * A version's `manifest.json`: which files it has, with their sizes and SHA-256. The SHA-256 of the
 * manifest's own bytes is the version's digest, as in the manifests of OCI's image specification, so
 * that one digest names every byte.
 * @module
 */
import { shown } from "../outside/shown.ts";
import { NAME_BOUND, NAME_PATTERN } from "./config.ts";
import { isObject } from "./safetensors.ts";
import { parseStrictJson } from "./strict_json.ts";

/** Name of the file in a version. */
export const MANIFEST_FILE = "manifest.json";

/** A file of a version. */
export interface ManifestFile {
  /** Relative to the version, with `/`, such as `images/samples.png`. */
  path: string;
  /** Bytes. */
  size: number;
  /** In hex. */
  sha256: string;
}

/** What `manifest.json` holds. */
export interface Manifest {
  /** Version of this file's format. */
  format: "dbn-edge/manifest/1";
  /** Name of the model. */
  model: string;
  /** Its version, from 1. */
  version: number;
  /** Every file but this one, by path. */
  files: ManifestFile[];
}

/** A manifest that breaks a rule of its format. */
export class ManifestError extends Error {
  override name = "ManifestError";
}

/** Bounds of what a manifest may list. */
export const manifestBounds = {
  /** Bytes of the manifest itself. */
  maxManifestBytes: 64 * 1024,
  maxFiles: 100,
  /** Bytes of one file. */
  maxFileBytes: 256 * 1024 * 1024,
  /** Bytes of all files together. */
  maxVersionBytes: 512 * 1024 * 1024,
  maxPathLength: 200,
  /** Folders in a path, and its name. */
  maxPathParts: 4,
  maxVersion: 2 ** 31 - 1,
} as const;

/** A part of a path: no hidden file, none that a file system takes for something else. */
const PART = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** Whether a text names a model in a repository: no hidden folder, none that stands for another. */
export function isModelName(name: unknown): name is string {
  return typeof name === "string" && NAME_PATTERN.test(name) && !name.startsWith(".");
}

/** Whether a text is a path that a version's file may have. */
export function isManifestPath(path: unknown): path is string {
  const { maxPathLength, maxPathParts } = manifestBounds;
  if (typeof path !== "string" || path.length > maxPathLength) return false;
  const parts = path.split("/");
  return parts.length <= maxPathParts && parts.every((part) => PART.test(part)) &&
    path.toLowerCase() !== MANIFEST_FILE;
}

/** Whether a text is a SHA-256 in hex. */
export function isSha256(text: unknown): text is string {
  return typeof text === "string" && SHA256.test(text);
}

/** @throws {ManifestError} unless it is an integer that numbers a version. */
export function checkVersion(version: unknown): number {
  const { maxVersion } = manifestBounds;
  if (Number.isInteger(version) && (version as number) >= 1 && (version as number) <= maxVersion) {
    return version as number;
  }
  return fail("version", `an integer in [1, ${maxVersion}]`, version);
}

/** The bytes of a manifest, the same for the same files in any order. @throws {ManifestError} */
export function writeManifest({ model, version, files }: Omit<Manifest, "format">): Uint8Array {
  const sorted = files.toSorted((a, b) => a.path < b.path ? -1 : 1)
    .map(({ path, size, sha256 }) => ({ path, size, sha256 }));
  const manifest: Manifest = { format: "dbn-edge/manifest/1", model, version, files: sorted };
  const bytes = new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
  readManifest(bytes);
  return bytes;
}

/**
 * What the bytes of a manifest hold.
 * @throws {ManifestError} naming the field, the bound and the value.
 */
export function readManifest(bytes: Uint8Array): Manifest {
  const { maxManifestBytes, maxFiles } = manifestBounds;
  if (bytes.length > maxManifestBytes) {
    fail("the file", `at most ${maxManifestBytes} bytes`, bytes.length);
  }
  const root = parse(bytes);
  onlyMembers("the file", root, ["format", "model", "version", "files"]);
  if (root.format !== "dbn-edge/manifest/1") fail("format", '"dbn-edge/manifest/1"', root.format);
  if (!isModelName(root.model)) fail("model", `${NAME_BOUND}, not '.' first`, root.model);
  checkVersion(root.version);
  const { files } = root;
  if (!Array.isArray(files) || files.length < 1 || files.length > maxFiles) {
    return fail("files", `1 to ${maxFiles} files`, Array.isArray(files) ? files.length : files);
  }
  files.forEach(checkFile);
  checkTogether(files);
  return root as unknown as Manifest;
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  let root: unknown;
  try {
    root = parseStrictJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof TypeError)) throw cause;
    throw new ManifestError(`Cannot read ${MANIFEST_FILE}: it is not JSON: ${cause.message}`, {
      cause,
    });
  }
  return isObject(root) ? root : fail("the file", "a JSON object", root);
}

function checkFile(file: unknown, i: number): void {
  const { maxFileBytes, maxPathLength, maxPathParts } = manifestBounds;
  const field = `files[${i}]`;
  if (!isObject(file)) return fail(field, "a JSON object", file);
  onlyMembers(field, file, ["path", "size", "sha256"]);
  const { path, size, sha256 } = file;
  if (!isManifestPath(path)) {
    fail(
      `${field}.path`,
      `at most ${maxPathParts} names of letters, digits, '_', '.' and '-' with '/' between them, of ${maxPathLength} characters in all, not ${MANIFEST_FILE}`,
      path,
    );
  }
  if (!Number.isInteger(size) || (size as number) < 0 || (size as number) > maxFileBytes) {
    fail(`${field}.size`, `an integer in [0, ${maxFileBytes}]`, size);
  }
  if (!isSha256(sha256)) fail(`${field}.sha256`, "64 hexadecimal digits in lower case", sha256);
}

/** No path twice, be it in other letters or as a folder of another; and not too much in all. */
function checkTogether(files: readonly ManifestFile[]): void {
  const { maxVersionBytes } = manifestBounds;
  const seen = new Set<string>(), folders = new Set<string>();
  let total = 0;
  for (const { path, size } of files) {
    const lower = path.toLowerCase(), parts = lower.split("/");
    if (seen.has(lower)) fail("files", "files of different paths", path);
    seen.add(lower);
    for (let i = 1; i < parts.length; i++) folders.add(parts.slice(0, i).join("/"));
    total += size;
  }
  for (const folder of folders) {
    if (seen.has(folder)) fail("files", "no file that is the folder of another", folder);
  }
  if (total > maxVersionBytes) fail("files", `at most ${maxVersionBytes} bytes in all`, total);
}

function onlyMembers(field: string, value: Record<string, unknown>, members: string[]): void {
  for (const key of Object.keys(value)) {
    if (!members.includes(key)) fail(field, `of the members ${members.join(", ")}`, key);
  }
}

function fail(field: string, bound: string, value: unknown): never {
  throw new ManifestError(
    `Cannot read ${MANIFEST_FILE}: ${field} must be ${bound}, got ${shown(value)}`,
  );
}
