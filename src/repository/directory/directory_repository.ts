/**
 * A model repository in a directory that people can read: `NAME/VERSION/` with its files and manifest.json,
 * and `NAME/aliases.json`. A version is put together in a hidden folder and appears by one rename, which
 * fails where it is there; aliases are replaced under a lock that dies with its process. Several processes
 * may use it, on one machine or over a file system that has POSIX renames and locks.
 * @module
 */
import {
  isManifestPath,
  isModelName,
  type Manifest,
  MANIFEST_FILE,
  manifestBounds,
  ManifestError,
  type ManifestFile,
  readManifest,
} from "../../format/manifest.ts";
import { FileRefused, readRegularFile } from "../../outside/regular_file.ts";
import { shown, visible } from "../../outside/shown.ts";
import { systemFailure } from "../../outside/system_failure.ts";
import {
  aliasBounds,
  type AliasDocument,
  ALIASES_FILE,
  applyMove,
  emptyDocument,
  listAliases,
  readAliases,
  writeAliases,
} from "../alias_document.ts";
import {
  checkBlob,
  checkFile,
  checkManifest,
  entryOf,
  isRef,
  notThere,
  parseVersion,
} from "../checks.ts";
import {
  BlobMismatchError,
  BlobOffsetError,
  BlobsMissingError,
  CorruptFileError,
  NotFoundError,
  RepositoryUnreachableError,
  VersionConflictError,
  VersionInUseError,
} from "../errors.ts";
import {
  copyVerified,
  isAbsent,
  isFileOf,
  isSystemError,
  listDirectory,
  statBelow,
  syncDirectory,
  writeAll,
} from "./files.ts";
import { LocalUploads } from "./uploads.ts";
import { pollChanges } from "../poll.ts";
import type {
  Alias,
  AliasChange,
  AliasMove,
  BlobRef,
  ModelRepository,
  StoredManifest,
  VersionEntry,
  VersionRef,
} from "../repository.ts";
import { EMPTY_SHA256, sha256 } from "../../outside/sha256.ts";
import { writeWhole } from "../write_file.ts";

/** How a directory is watched. */
export interface DirectoryOptions {
  /**
   * Mean time between two looks for changes, in milliseconds.
   * @default 1000
   */
  pollMs?: number;
}

const DEFAULT_POLL_MS = 1000;

/** Versions and aliases below a directory, which need not be there yet. */
export class DirectoryRepository implements ModelRepository {
  readonly isReadOnly = false;
  #root: URL;
  #uploads: LocalUploads;
  #pollMs: number;
  #closing = new AbortController();

  /** @param root with a closing slash; `address` is how messages call it */
  constructor(root: URL, readonly address: string, options: DirectoryOptions = {}) {
    this.#root = root;
    this.#uploads = new LocalUploads(root);
    this.#pollMs = options.pollMs ?? DEFAULT_POLL_MS;
  }

  async models(): Promise<string[]> {
    const names: string[] = [];
    for (const { name, isDirectory } of await listDirectory(this.#root)) {
      if (!isDirectory || !isModelName(name)) continue;
      if ((await this.versions(name)).length > 0) names.push(name);
    }
    return names.sort();
  }

  /** Versions without a manifest, or with one that is broken, are left out. */
  async versions(model: string): Promise<VersionEntry[]> {
    const stored = await Promise.all(
      (await this.#versionNumbers(model)).map((version) => this.#readIfSound({ model, version })),
    );
    return stored.filter((each) => each !== undefined).map(entryOf);
  }

  async readManifest(ref: VersionRef): Promise<StoredManifest | undefined> {
    if (!isRef(ref)) return undefined;
    const bytes = await this.#read(`${ref.model}/${ref.version}/${MANIFEST_FILE}`, {
      maxBytes: manifestBounds.maxManifestBytes,
      Refused: ManifestError,
    });
    return bytes && await checkManifest(bytes, ref);
  }

  urlOf({ model, version }: VersionRef): URL {
    return new URL(`${model}/${version}/`, this.#root);
  }

  async readFile(ref: VersionRef, file: ManifestFile): Promise<Uint8Array> {
    const bytes = isRef(ref) && isManifestPath(file.path)
      ? await this.#read(`${ref.model}/${ref.version}/${file.path}`, {
        maxBytes: file.size,
        Refused: CorruptFileError,
      })
      : undefined;
    return await checkFile(bytes, ref, file);
  }

  async blobOffset(blob: BlobRef): Promise<number> {
    checkBlob(blob);
    const received = await this.#uploads.offset(blob);
    if (received === blob.size) return received;
    return await this.#findInVersions(blob) ? blob.size : received;
  }

  async writeBlob(
    blob: BlobRef,
    body: ReadableStream<Uint8Array>,
    offset: number,
  ): Promise<number> {
    checkBlob(blob);
    if (!await this.#isHeld(blob)) {
      await this.#writing(() => this.#uploads.prepare());
      return await this.#uploads.append(blob, body, offset);
    }
    if (offset !== blob.size) {
      await body.cancel();
      throw new BlobOffsetError(blob, blob.size, offset);
    }
    for await (const chunk of body) {
      if (chunk.length === 0) continue;
      throw new BlobMismatchError(
        `Cannot keep blob ${blob.sha256}: it has more than ${blob.size} bytes; it is there whole`,
      );
    }
    return blob.size;
  }

  async createVersion(bytes: Uint8Array): Promise<"created" | "unchanged"> {
    const manifest = readManifest(bytes), digest = await sha256(bytes);
    if (await this.#isThere(manifest, digest)) return "unchanged";
    return await this.#writing(() => this.#create(manifest, bytes, digest));
  }

  async #create(
    manifest: Manifest,
    bytes: Uint8Array,
    digest: string,
  ): Promise<"created" | "unchanged"> {
    const staged = await this.#uploads.stage();
    try {
      await this.#fill(staged, manifest);
      using file = await Deno.open(new URL(MANIFEST_FILE, staged), { write: true, create: true });
      await writeAll(file, bytes);
      await file.sync();
      await syncDirectory(staged);
      if (!await this.#publish(staged, manifest, digest)) return "unchanged";
    } finally {
      await removeTree(staged);
    }
    for (const blob of manifest.files) await this.#uploads.discard(blob);
    return "created";
  }

  async deleteVersion(ref: VersionRef): Promise<void> {
    if (!isRef(ref)) throw notThere(ref);
    await this.#writing(() => this.#delete(ref));
  }

  async #delete(ref: VersionRef): Promise<void> {
    using _lock = await this.#uploads.lock(ref.model);
    const path = `${ref.model}/${ref.version}`;
    if (!await statBelow(this.#root, `${path}/${MANIFEST_FILE}`)) throw notThere(ref);
    const naming = listAliases(await this.#document(ref.model))
      .filter(({ version }) => version === ref.version).map(({ alias }) => alias);
    if (naming.length > 0) throw new VersionInUseError(ref, naming);
    const staged = await this.#uploads.stage();
    await Deno.rename(new URL(path, this.#root), new URL("removed", staged));
    await syncDirectory(new URL(`${ref.model}/`, this.#root));
    await removeTree(staged);
  }

  async aliases(model: string): Promise<Alias[]> {
    return listAliases(await this.#document(model));
  }

  async history(model: string): Promise<AliasMove[]> {
    return (await this.#document(model)).history;
  }

  async moveAlias(model: string, alias: string, change: AliasChange): Promise<Alias | undefined> {
    if (!isModelName(model)) throw new NotFoundError(`Cannot move alias: no model ${shown(model)}`);
    return await this.#writing(() => this.#move(model, alias, change));
  }

  async #move(model: string, alias: string, change: AliasChange): Promise<Alias | undefined> {
    using _lock = await this.#uploads.lock(model);
    const document = await this.#document(model);
    const moved = applyMove(document, alias, { ...change, at: new Date() });
    if (change.version !== null) {
      const ref = { model, version: change.version };
      if (!await this.readManifest(ref)) throw notThere(ref);
    }
    const directory = new URL(`${model}/`, this.#root);
    await writeWhole(new URL(ALIASES_FILE, directory), writeAliases(moved.document));
    await syncDirectory(directory);
    return moved.alias;
  }

  async collectGarbage(
    { olderThanMs }: { olderThanMs: number },
  ): Promise<{ blobs: number; bytes: number }> {
    const used = new Set<string>();
    for await (const { manifest } of this.#soundVersions()) {
      for (const { sha256, size } of manifest.files) used.add(`${sha256}-${size}`);
    }
    return await this.#uploads.collect(
      olderThanMs,
      ({ sha256, size }) => used.has(`${sha256}-${size}`),
    );
  }

  changes(model: string, signal: AbortSignal): AsyncIterable<void> {
    return pollChanges(() => this.#state(model), {
      intervalMs: this.#pollMs,
      signal: AbortSignal.any([signal, this.#closing.signal]),
    });
  }

  close(): void {
    this.#closing.abort();
  }

  /** Runs a write. @throws {RepositoryUnreachableError} if the file system does not let us */
  async #writing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (!(cause instanceof Error) || cause instanceof RepositoryUnreachableError) throw cause;
      if (![cause, cause.cause].some(isSystemError)) throw cause;
      const reason = `Cannot write to ${visible(this.address)}: ${systemFailure(cause)}`;
      throw new RepositoryUnreachableError(reason, { cause });
    }
  }

  /** What tells one state of a model from another. */
  async #state(model: string): Promise<string> {
    if (!isModelName(model)) return "";
    const bytes = await this.#aliasBytes(model);
    const aliases = bytes ? await sha256(bytes) : "";
    return `${aliases} ${(await this.#versionNumbers(model)).join(" ")}`;
  }

  async #document(model: string): Promise<AliasDocument> {
    if (!isModelName(model)) return emptyDocument(model);
    const bytes = await this.#aliasBytes(model);
    return bytes ? readAliases(bytes, model) : emptyDocument(model);
  }

  #aliasBytes(model: string): Promise<Uint8Array | undefined> {
    const { maxBytes } = aliasBounds;
    return this.#read(`${model}/${ALIASES_FILE}`, { maxBytes, Refused: CorruptFileError });
  }

  /** The bytes of a file below the root, undefined where there is none. */
  async #read(
    path: string,
    { maxBytes, Refused }: {
      maxBytes: number;
      Refused: new (message: string, options?: ErrorOptions) => Error;
    },
  ): Promise<Uint8Array | undefined> {
    const info = await statBelow(this.#root, path);
    if (!info) return undefined;
    try {
      if (info.isSymlink) throw new FileRefused("it must be a regular file, not a link");
      return await readRegularFile(new URL(path, this.#root), { maxBytes });
    } catch (cause) {
      if (cause instanceof FileRefused) {
        throw new Refused(`Cannot read ${path}: ${cause.message}`, { cause });
      }
      if (!isAbsent(cause)) throw cause; // else it was removed meanwhile
      return undefined;
    }
  }

  async #versionNumbers(model: string): Promise<number[]> {
    if (!isModelName(model)) return [];
    if (!(await statBelow(this.#root, model))?.isDirectory) return [];
    return (await listDirectory(new URL(`${model}/`, this.#root)))
      .filter(({ isDirectory }) => isDirectory)
      .map(({ name }) => parseVersion(name)).filter((version) => version !== undefined)
      .sort((a, b) => a - b);
  }

  /** A manifest, or undefined if there is none or it is broken. */
  async #readIfSound(ref: VersionRef): Promise<StoredManifest | undefined> {
    try {
      return await this.readManifest(ref);
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      return undefined;
    }
  }

  async *#soundVersions(): AsyncGenerator<StoredManifest> {
    for (const { name, isDirectory } of await listDirectory(this.#root)) {
      if (!isDirectory || !isModelName(name)) continue;
      for (const version of await this.#versionNumbers(name)) {
        const stored = await this.#readIfSound({ model: name, version });
        if (stored) yield stored;
      }
    }
  }

  /** Files of versions that should have a blob's bytes. */
  async *#inVersions({ sha256, size }: BlobRef): AsyncGenerator<URL> {
    for await (const { manifest: { model, version, files } } of this.#soundVersions()) {
      const file = files.find((each) => each.sha256 === sha256 && each.size === size);
      if (!file) continue;
      const path = `${model}/${version}/${file.path}`;
      if ((await statBelow(this.#root, path))?.isFile) yield new URL(path, this.#root);
    }
  }

  /** A file of a version that has a blob's bytes. */
  async #findInVersions(blob: BlobRef): Promise<URL | undefined> {
    for await (const file of this.#inVersions(blob)) {
      if (await isFileOf(file, blob)) return file;
    }
  }

  /** Whether a blob is whole. */
  async #isHeld(blob: BlobRef): Promise<boolean> {
    if (blob.size === 0) return blob.sha256 === EMPTY_SHA256;
    return await this.blobOffset(blob) === blob.size;
  }

  /** Copies a version's blobs into a directory. @throws {BlobsMissingError} naming all that are not whole */
  async #fill(directory: URL, { files }: Manifest): Promise<void> {
    const missing: BlobRef[] = [], folders = new Set([directory.href]);
    for (const { sha256, size } of files) {
      if (!await this.#isHeld({ sha256, size })) missing.push({ sha256, size });
    }
    if (missing.length > 0) throw new BlobsMissingError(missing);
    for (const { path, sha256, size } of files) {
      const to = new URL(path, directory), folder = new URL(".", to);
      await Deno.mkdir(folder, { recursive: true });
      folders.add(folder.href);
      if (!await this.#copy({ sha256, size }, to)) missing.push({ sha256, size });
    }
    if (missing.length > 0) throw new BlobsMissingError(missing);
    for (const folder of folders) await syncDirectory(new URL(folder));
  }

  async #copy(blob: BlobRef, to: URL): Promise<boolean> {
    if (blob.size === 0) {
      await Deno.writeFile(to, new Uint8Array());
      return true;
    }
    if (await this.#uploads.copy(blob, to)) return true;
    for await (const file of this.#inVersions(blob)) {
      if (await copyVerified(file, to, blob)) return true;
    }
    return false;
  }

  /** Gives a version its place. @returns whether it is new. @throws {VersionConflictError} */
  async #publish(staged: URL, ref: VersionRef, digest: string): Promise<boolean> {
    const parent = new URL(`${ref.model}/`, this.#root);
    await Deno.mkdir(parent, { recursive: true });
    if ((await statBelow(this.#root, ref.model))?.isSymlink) {
      throw new NotFoundError(
        `Cannot create version: ${ref.model} must be a directory, not a link`,
      );
    }
    try {
      await Deno.rename(staged, new URL(String(ref.version), parent));
    } catch (error) {
      if (
        !(error instanceof Error) || !OCCUPIED.includes(String((error as { code?: string }).code))
      ) throw error;
      if (await this.#isThere(ref, digest)) return false;
      if (!await statBelow(this.#root, `${ref.model}/${ref.version}`)) throw error;
      throw new VersionConflictError(ref, "a directory without a manifest");
    }
    await syncDirectory(parent);
    await syncDirectory(this.#root);
    return true;
  }

  /** Whether a version is there with that digest. @throws {VersionConflictError} if with another */
  async #isThere(ref: VersionRef, digest: string): Promise<boolean> {
    const path = `${ref.model}/${ref.version}/${MANIFEST_FILE}`;
    const bytes = await this.#read(path, {
      maxBytes: manifestBounds.maxManifestBytes,
      Refused: ManifestError,
    });
    if (!bytes) return false;
    const other = await sha256(bytes);
    if (other !== digest) throw new VersionConflictError(ref, other);
    return true;
  }
}

/** How file systems say that a directory cannot replace what is there. */
const OCCUPIED = ["ENOTEMPTY", "EEXIST", "ENOTDIR", "EPERM", "EACCES"];

async function removeTree(directory: URL): Promise<void> {
  try {
    await Deno.remove(directory, { recursive: true });
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
