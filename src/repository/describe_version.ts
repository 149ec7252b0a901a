/**
 * Makes a version of a model directory: its files, and the manifest that lists them.
 * @module
 */
import { checkConfig, modelFiles } from "../format/config.ts";
import {
  isManifestPath,
  type Manifest,
  MANIFEST_FILE,
  manifestBounds,
  ManifestError,
  type ManifestFile,
  readManifest,
  writeManifest,
} from "../format/manifest.ts";
import { readDirectory } from "../outside/files.ts";
import { cut, shownUrl } from "../outside/shown.ts";
import { readBounded } from "./bounded_read.ts";
import { directoryUrl, MAX_TEXT_BYTES } from "./model_directory.ts";
import { sha256 } from "../outside/sha256.ts";

/** A file of a version that is on this machine. */
export interface LocalFile extends ManifestFile {
  /** Its bytes; they are read now, and may be others than they were. */
  read(): Promise<Uint8Array>;
}

/** A version that is on this machine. */
export interface LocalVersion {
  manifest: Manifest;
  /** Of manifest.json: the same for the same files. */
  bytes: Uint8Array;
  /** SHA-256 of `bytes`, in hex. */
  digest: string;
  files: LocalFile[]; // by path
}

/** What a version is called, where it is not what config.json says. */
export interface VersionName {
  model?: string;
  version?: number;
}

/**
 * The version that a model directory is: all its files but manifest.json and hidden ones, under the name
 * and version of its config.json. Another name or version changes these two of config.json, nothing else.
 * @throws {ManifestError} naming what cannot be in a version: a link, a named pipe, a name, too much.
 * @throws {WeightsFormatError} if config.json is broken.
 * @throws {ModelFileMissingError} if there is no config.json.
 */
export async function describeVersion(
  directory: string | URL,
  name: VersionName = {},
): Promise<LocalVersion> {
  const url = await directoryUrl(directory);
  const configFile = new URL(modelFiles.config, url);
  const read = await readBounded(configFile, { maxBytes: MAX_TEXT_BYTES });
  const config = renameConfig(read, shownUrl(configFile), name);
  const files: LocalFile[] = [];
  for (const path of await listFiles(url)) {
    const read = path === modelFiles.config
      ? () => Promise.resolve(config.bytes)
      : () => readBounded(new URL(path, url), { maxBytes: manifestBounds.maxFileBytes });
    const bytes = await read();
    files.push({ path, size: bytes.length, sha256: await sha256(bytes), read });
  }
  return await assemble(config, files);
}

/**
 * The same version under another name or number: its config.json says so, and every other file is as it was.
 * @throws {ManifestError} if it cannot be called so.
 */
export async function renameVersion(
  version: LocalVersion,
  name: VersionName,
): Promise<LocalVersion> {
  const old = version.files.find(({ path }) => path === modelFiles.config)!;
  const config = renameConfig(await old.read(), modelFiles.config, name);
  const renamed: LocalFile = {
    ...{ path: old.path, size: config.bytes.length, sha256: await sha256(config.bytes) },
    read: () => Promise.resolve(config.bytes),
  };
  return await assemble(config, version.files.map((file) => file === old ? renamed : file));
}

async function assemble(
  { model, version }: Required<VersionName>,
  files: LocalFile[],
): Promise<LocalVersion> {
  const bytes = writeManifest({ model, version, files });
  return { manifest: readManifest(bytes), bytes, digest: await sha256(bytes), files };
}

/** The bytes of config.json under another name and version; the same where those are its own. */
function renameConfig(read: Uint8Array, file: string, { model, version }: VersionName) {
  const config = parse(read, file);
  checkConfig(config);
  const isRenamed = model !== undefined && model !== config.name ||
    version !== undefined && version !== config.version;
  if (!isRenamed) return { bytes: read, model: config.name, version: config.version };
  const renamed = { ...config, name: model ?? config.name, version: version ?? config.version };
  const bytes = new TextEncoder().encode(`${JSON.stringify(renamed, null, 2)}\n`);
  return { bytes, model: renamed.name, version: renamed.version };
}

function parse(bytes: Uint8Array, file: string): { name: string; version: number } {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof TypeError)) throw cause;
    throw new ManifestError(`Cannot read ${file}: it is not JSON`, { cause });
  }
}

/** Paths of a directory's files, sorted. */
async function listFiles(root: URL, folder = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isFile, isDirectory } of readDirectory(new URL(folder, root))) {
    const path = `${folder}${name}`;
    if (name.startsWith(".") || path.toLowerCase() === MANIFEST_FILE) continue;
    if (!isFile && !isDirectory) refuse(root, path, "it must be a regular file or a folder");
    if (!isManifestPath(path)) {
      refuse(root, path, "its path must be of letters, digits, '_', '.' and '-', in 3 folders");
    }
    paths.push(...isFile ? [path] : await listFiles(root, `${path}/`));
    if (paths.length > manifestBounds.maxFiles) {
      refuse(root, folder, `it must hold at most ${manifestBounds.maxFiles} files`);
    }
  }
  return paths.sort();
}

function refuse(root: URL, path: string, reason: string): never {
  throw new ManifestError(`Cannot make a version of ${shownUrl(root)}: ${cut(path)}: ${reason}`);
}
