/**
 * A model repository in a store of objects: `models/NAME/VERSION/manifest.json`, `models/NAME/aliases.json`,
 * and blobs by their SHA-256, which versions share. A version is there when its manifest is: one write, only
 * where there was none, after all of its blobs. Aliases are replaced by compare-and-set.
 * @module
 */
import {
  isManifestPath,
  isModelName,
  MANIFEST_FILE,
  manifestBounds,
  ManifestError,
  type ManifestFile,
  readManifest,
} from "../../format/manifest.ts";
import { shown } from "../../outside/shown.ts";
import {
  aliasBounds,
  type AliasDocument,
  ALIASES_FILE,
  applyMove,
  emptyDocument,
  listAliases,
  readAliases,
  type Removal,
  writeAliases,
} from "../alias_document.ts";
import {
  checkBlob,
  checkFile,
  checkManifest,
  corruptFile,
  entryOf,
  isRef,
  notThere,
  parseVersion,
} from "../checks.ts";
import {
  BlobsMissingError,
  CorruptFileError,
  NotFoundError,
  RepositoryBusyError,
  VersionConflictError,
  VersionInUseError,
} from "../errors.ts";
import { pause } from "../poll.ts";
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
import { sha256 } from "../../outside/sha256.ts";
import { type LeaseOptions, whileCollecting, whileMaking } from "./leases.ts";
import { type ObjectInfo, type ObjectStore, ObjectTooLargeError } from "./object_store.ts";
import { blobOfKey, BLOBS, ObjectUploads, PARTS } from "./uploads.ts";

const MODELS = "models/";
/** How often a compare-and-set is tried again where nobody asked for a revision. */
const MAX_TRIES = 100;
const TRY_PAUSE_MS = 10;
/** Requests at once. */
const PARALLEL = 8;
/** Manifests that are kept, which never change. */
const MAX_CACHED = 1000;

/** Versions and aliases in a store of objects. */
export class ObjectRepository implements ModelRepository {
  readonly isReadOnly = false;
  #store: ObjectStore;
  #leases: LeaseOptions;
  #uploads: ObjectUploads;
  #closing = new AbortController();
  #cached = new Map<string, StoredManifest>(); // by key and etag

  constructor(store: ObjectStore, { leaseMs }: { leaseMs?: number } = {}) {
    this.#store = store;
    this.#leases = { store, leaseMs };
    this.#uploads = new ObjectUploads(store);
  }

  get address(): string {
    return this.#store.address;
  }

  async models(): Promise<string[]> {
    const names = new Set<string>();
    for await (const { key } of this.#store.list(MODELS)) {
      const ref = refOfKey(key);
      if (ref) names.add(ref.model);
    }
    return [...names].sort();
  }

  async versions(model: string): Promise<VersionEntry[]> {
    if (!isModelName(model)) return [];
    const stored = await this.#soundVersions(prefixOf(model));
    return stored.map(entryOf).sort((a, b) => a.version - b.version);
  }

  async readManifest(ref: VersionRef): Promise<StoredManifest | undefined> {
    if (!isRef(ref)) return undefined;
    const object = await this.#get(
      manifestKey(ref),
      manifestBounds.maxManifestBytes,
      ManifestError,
    );
    return object && await checkManifest(object.bytes, ref);
  }

  async readFile(ref: VersionRef, file: ManifestFile): Promise<Uint8Array> {
    const isThere = isRef(ref) && isManifestPath(file.path);
    try {
      checkBlob(file);
      return await checkFile(isThere ? await this.#uploads.read(file) : undefined, ref, file);
    } catch (error) {
      if (!(error instanceof ObjectTooLargeError || error instanceof RangeError)) throw error;
      throw corruptFile(ref, file, error.message);
    }
  }

  async blobOffset(blob: BlobRef): Promise<number> {
    checkBlob(blob);
    return await this.#uploads.offset(blob);
  }

  async writeBlob(
    blob: BlobRef,
    body: ReadableStream<Uint8Array>,
    offset: number,
  ): Promise<number> {
    checkBlob(blob);
    return await this.#uploads.append(blob, body, offset);
  }

  async createVersion(bytes: Uint8Array): Promise<"created" | "unchanged"> {
    const manifest = readManifest(bytes), key = manifestKey(manifest);
    await this.#finishRemoval(manifest);
    if (await this.#isThere(manifest, bytes)) return "unchanged";
    return await whileMaking(this.#leases, async (lease) => {
      const missing: BlobRef[] = [];
      await inParallel(manifest.files, async ({ sha256, size }) => {
        if (!await this.#uploads.isWhole({ sha256, size })) missing.push({ sha256, size });
      });
      if (missing.length > 0) throw new BlobsMissingError(missing);
      lease.check();
      const options = { only: "absent", topic: prefixOf(manifest.model) } as const;
      if (await this.#store.put(key, bytes, options)) return "created";
      if (await this.#isThere(manifest, bytes)) return "unchanged";
      throw new RepositoryBusyError(`Cannot create ${key}: it was removed just now; try again`);
    });
  }

  /**
   * Removes a version in three steps, so that no alias comes to name it meanwhile: the aliases say that it is
   * being removed, it is removed, the aliases forget it.
   */
  async deleteVersion(ref: VersionRef): Promise<void> {
    const key = manifestKey(ref);
    if (!isRef(ref) || !await this.#store.stat(key)) throw notThere(ref);
    await this.#change(ref.model, (document) => {
      const naming = listAliases(document).filter(({ version }) => version === ref.version);
      if (naming.length > 0) throw new VersionInUseError(ref, naming.map(({ alias }) => alias));
      const others = document.removing.filter(({ version }) => version !== ref.version);
      if (others.length >= aliasBounds.maxRemovals) {
        throw new RepositoryBusyError(
          `Cannot remove ${key}: at most ${aliasBounds.maxRemovals} can be removed at once; try again`,
        );
      }
      const removal = { version: ref.version, since: new Date().toISOString() };
      return { ...document, removing: [...others, removal] };
    });
    await this.#remove(ref);
  }

  async aliases(model: string): Promise<Alias[]> {
    return listAliases((await this.#document(model)).document);
  }

  async history(model: string): Promise<AliasMove[]> {
    return (await this.#document(model)).document.history;
  }

  async moveAlias(model: string, alias: string, change: AliasChange): Promise<Alias | undefined> {
    if (!isModelName(model)) throw new NotFoundError(`Cannot move alias: no model ${shown(model)}`);
    let moved: Alias | undefined;
    await this.#change(model, async (document) => {
      const next = applyMove(document, alias, { ...change, at: new Date() });
      const { version } = change;
      if (version !== null) {
        const isRemoved = document.removing.some((removal) => removal.version === version);
        if (isRemoved || !await this.readManifest({ model, version })) {
          throw notThere({ model, version });
        }
      }
      moved = next.alias;
      return next.document;
    });
    return moved;
  }

  async collectGarbage(
    { olderThanMs }: { olderThanMs: number },
  ): Promise<{ blobs: number; bytes: number }> {
    await this.#finishRemovals();
    return await whileCollecting(this.#leases, async (lease) => {
      const used = new Set<string>(), removed = new Set<string>();
      for (const { manifest } of await this.#soundVersions(MODELS)) {
        for (const { sha256, size } of manifest.files) used.add(`${sha256}-${size}`);
      }
      let bytes = 0;
      for (const prefix of [BLOBS, PARTS]) {
        for await (const { key, size, ageMs } of this.#store.list(prefix)) {
          const blob = blobOfKey(key), name = blob && `${blob.sha256}-${blob.size}`;
          const isLeftOver = prefix === PARTS || name === undefined || !used.has(name);
          if (ageMs < olderThanMs || !isLeftOver) continue;
          lease.check();
          await this.#store.delete(key);
          if (name === undefined || used.has(name)) continue;
          removed.add(name);
          bytes += size;
        }
      }
      await this.#store.collect(olderThanMs);
      return { blobs: removed.size, bytes };
    });
  }

  async *changes(model: string, signal: AbortSignal): AsyncGenerator<void> {
    if (!isModelName(model)) return;
    yield* this.#store.changes(prefixOf(model), AbortSignal.any([signal, this.#closing.signal]));
  }

  close(): void {
    this.#closing.abort();
    this.#store.close();
  }

  /** Versions below a prefix of keys, without those whose manifest is broken. */
  async #soundVersions(prefix: string): Promise<StoredManifest[]> {
    const infos: ObjectInfo[] = [];
    for await (const info of this.#store.list(prefix)) if (refOfKey(info.key)) infos.push(info);
    const stored = await inParallel(infos, (info) => this.#readIfSound(info));
    return stored.filter((each) => each !== undefined);
  }

  async #readIfSound({ key, etag }: ObjectInfo): Promise<StoredManifest | undefined> {
    const id = `${key} ${etag}`, cached = this.#cached.get(id);
    if (cached) return cached;
    try {
      const stored = await this.readManifest(refOfKey(key)!);
      if (this.#cached.size >= MAX_CACHED) this.#cached.clear();
      if (stored) this.#cached.set(id, stored);
      return stored;
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      return undefined;
    }
  }

  /** An object of at most so many bytes, or an error of a class of the repository's. */
  async #get(key: string, maxBytes: number, Refused: new (message: string) => Error) {
    try {
      return await this.#store.get(key, maxBytes);
    } catch (error) {
      if (!(error instanceof ObjectTooLargeError)) throw error;
      throw new Refused(error.message);
    }
  }

  async #document(model: string): Promise<{ document: AliasDocument; etag?: string }> {
    if (!isModelName(model)) return { document: emptyDocument(model) };
    const key = `${prefixOf(model)}${ALIASES_FILE}`;
    const object = await this.#get(key, aliasBounds.maxBytes, CorruptFileError);
    if (!object) return { document: emptyDocument(model) };
    return { document: readAliases(object.bytes, model), etag: object.etag };
  }

  /** Replaces a model's aliases by what `next` makes of them, which is asked again if somebody was faster. */
  async #change(
    model: string,
    next: (document: AliasDocument) => AliasDocument | Promise<AliasDocument>,
  ): Promise<void> {
    const topic = prefixOf(model);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { document, etag } = await this.#document(model);
      const bytes = writeAliases(await next(document));
      const only = etag === undefined ? "absent" : { etag };
      if (await this.#store.put(`${topic}${ALIASES_FILE}`, bytes, { only, topic })) return;
      await pause(TRY_PAUSE_MS * (1 + tries) * Math.random());
    }
    throw new RepositoryBusyError(
      `Cannot change the aliases of ${model}: others were faster ${MAX_TRIES} times; try again`,
    );
  }

  /** Removes a version that the aliases say is being removed. */
  async #remove({ model, version }: VersionRef): Promise<void> {
    await this.#store.delete(manifestKey({ model, version }), { topic: prefixOf(model) });
    await this.#change(model, (document) => ({
      ...document,
      removing: document.removing.filter((removal) => removal.version !== version),
    }));
  }

  /** Goes on where the removal of a version broke off. @throws {RepositoryBusyError} while it goes on */
  async #finishRemoval({ model, version }: VersionRef): Promise<void> {
    const { removing } = (await this.#document(model)).document;
    const removal = removing.find((each) => each.version === version);
    if (!removal) return;
    if (isUnderWay(removal)) {
      throw new RepositoryBusyError(
        `Cannot create version ${version} of ${model}: it is being removed; try again`,
      );
    }
    await this.#remove({ model, version });
  }

  /** The same of all removals that broke off long ago. */
  async #finishRemovals(): Promise<void> {
    for await (const { key } of this.#store.list(MODELS)) {
      const [, model, file, ...rest] = key.split("/");
      if (file !== ALIASES_FILE || rest.length > 0) continue;
      for (const removal of (await this.#document(model)).document.removing) {
        if (!isUnderWay(removal)) await this.#remove({ model, version: removal.version });
      }
    }
  }

  /** Whether a version is there with that manifest. @throws {VersionConflictError} if with another */
  async #isThere(ref: VersionRef, bytes: Uint8Array): Promise<boolean> {
    const { maxManifestBytes } = manifestBounds;
    const object = await this.#get(manifestKey(ref), maxManifestBytes, ManifestError);
    if (!object) return false;
    const digest = await sha256(object.bytes);
    if (digest !== await sha256(bytes)) throw new VersionConflictError(ref, digest);
    return true;
  }
}

/** A removal has ended after that, in milliseconds, or whoever began it has died. */
const REMOVAL_MS = 120_000;

function isUnderWay({ since }: Removal): boolean {
  return Date.now() - Date.parse(since) < REMOVAL_MS;
}

function prefixOf(model: string): string {
  return `${MODELS}${model}/`;
}

function manifestKey({ model, version }: VersionRef): string {
  return `${prefixOf(model)}${version}/${MANIFEST_FILE}`;
}

/** The version whose manifest a key is of. */
function refOfKey(key: string): VersionRef | undefined {
  const [root, model, name, file, ...rest] = key.split("/");
  const version = parseVersion(name ?? "");
  const isManifest = `${root}/` === MODELS && file === MANIFEST_FILE && rest.length === 0;
  return isManifest && version !== undefined && isModelName(model) ? { model, version } : undefined;
}

/** Results of `work` over items, some at once, in the items' order. */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const i = next++;
      results[i] = await work(items[i]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, items.length) }, worker));
  return results;
}
