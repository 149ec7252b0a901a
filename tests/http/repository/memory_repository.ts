/** A repository in memory, for tests of what uses one. */
import { encodeHex } from "@std/encoding/hex";
import { type Manifest, type ManifestFile, readManifest } from "../../../src/format/manifest.ts";
import {
  AliasMovedError,
  BlobMismatchError,
  BlobOffsetError,
  BlobsMissingError,
  NotFoundError,
  VersionConflictError,
  VersionInUseError,
} from "../../../src/repository/errors.ts";
import type {
  Alias,
  AliasChange,
  AliasMove,
  BlobRef,
  ModelRepository,
  StoredManifest,
  VersionEntry,
  VersionRef,
} from "../../../src/repository/repository.ts";

/** Versions and aliases in maps. */
export class MemoryRepository implements ModelRepository {
  readonly address = "memory:";
  readonly isReadOnly = false;
  /** Bytes of blobs, whole or not, by digest. */
  readonly blobs = new Map<string, Uint8Array>();
  readonly #versions = new Map<string, StoredManifest>();
  readonly #aliases = new Map<string, Omit<Alias, "version"> & { version: number | null }>();
  readonly #moves = new Map<string, AliasMove[]>();

  models(): Promise<string[]> {
    const names = [...this.#versions.values()].map(({ manifest }) => manifest.model);
    return Promise.resolve([...new Set(names)].sort());
  }

  versions(model: string): Promise<VersionEntry[]> {
    const all = [...this.#versions.values()].filter(({ manifest }) => manifest.model === model);
    return Promise.resolve(
      all.map(({ manifest: { model, version, files }, digest }) => ({
        ...{ model, version, digest },
        size: files.reduce((sum, { size }) => sum + size, 0),
      })).sort((a, b) => a.version - b.version),
    );
  }

  readManifest(ref: VersionRef): Promise<StoredManifest | undefined> {
    return Promise.resolve(this.#versions.get(keyOf(ref)));
  }

  readFile(_: VersionRef, { sha256 }: ManifestFile): Promise<Uint8Array> {
    return Promise.resolve(this.blobs.get(sha256)!);
  }

  blobOffset({ sha256 }: BlobRef): Promise<number> {
    return Promise.resolve(this.blobs.get(sha256)?.length ?? 0);
  }

  async writeBlob(
    blob: BlobRef,
    body: ReadableStream<Uint8Array>,
    offset: number,
  ): Promise<number> {
    const there = this.blobs.get(blob.sha256) ?? new Uint8Array();
    if (there.length !== offset) throw new BlobOffsetError(blob, there.length, offset);
    let bytes = there;
    for await (const part of body) {
      bytes = new Uint8Array([...bytes, ...part]);
      if (bytes.length > blob.size) throw this.#mismatch(blob, "has too many bytes");
      this.blobs.set(blob.sha256, bytes);
    }
    if (bytes.length === blob.size && await digestOf(bytes) !== blob.sha256) {
      throw this.#mismatch(blob, "has another SHA-256");
    }
    this.blobs.set(blob.sha256, bytes);
    return bytes.length;
  }

  #mismatch({ sha256 }: BlobRef, what: string): BlobMismatchError {
    this.blobs.delete(sha256);
    return new BlobMismatchError(`Cannot keep blob ${sha256}: it ${what}`);
  }

  async createVersion(bytes: Uint8Array): Promise<"created" | "unchanged"> {
    const manifest = readManifest(bytes), digest = await digestOf(bytes), key = keyOf(manifest);
    const missing = missingOf(manifest, this.blobs);
    const old = this.#versions.get(key);
    if (old && old.digest !== digest) throw new VersionConflictError(manifest, old.digest);
    if (old) return "unchanged";
    if (missing.length > 0) throw new BlobsMissingError(missing);
    this.#versions.set(key, { manifest, bytes, digest });
    return "created";
  }

  deleteVersion(ref: VersionRef): Promise<void> {
    if (!this.#versions.has(keyOf(ref))) return Promise.reject(new NotFoundError("no version"));
    const naming = [...this.#aliases].filter(([key, { version }]) =>
      key.startsWith(`${ref.model}/`) && version === ref.version
    ).map(([, { alias }]) => alias);
    if (naming.length > 0) return Promise.reject(new VersionInUseError(ref, naming));
    this.#versions.delete(keyOf(ref));
    return Promise.resolve();
  }

  aliases(model: string): Promise<Alias[]> {
    const all = [...this.#aliases].filter(([key]) => key.startsWith(`${model}/`));
    return Promise.resolve(
      all.map(([, alias]) => alias).filter((alias): alias is Alias => alias.version !== null),
    );
  }

  moveAlias(
    model: string,
    alias: string,
    { version, settings = {}, ifRevision, by }: AliasChange,
  ): Promise<Alias | undefined> {
    const key = `${model}/${alias}`, old = this.#aliases.get(key), from = old?.version ?? null;
    const revision = old && from !== null ? old.revision : 0;
    if (ifRevision !== undefined && ifRevision !== revision) {
      return Promise.reject(new AliasMovedError(alias, revision, ifRevision));
    }
    if (version !== null && !this.#versions.has(keyOf({ model, version }))) {
      return Promise.reject(new NotFoundError(`There is no version ${version} of ${model}`));
    }
    const next = { alias, version, revision: (old?.revision ?? 0) + 1, settings };
    this.#aliases.set(key, next);
    const move = { at: new Date().toISOString(), by, alias, from, to: version };
    this.#moves.set(model, [move, ...this.#moves.get(model) ?? []]);
    return Promise.resolve(version === null ? undefined : { ...next, version });
  }

  history(model: string): Promise<AliasMove[]> {
    return Promise.resolve(this.#moves.get(model) ?? []);
  }

  collectGarbage(): Promise<{ blobs: number; bytes: number }> {
    const used = new Set(
      [...this.#versions.values()].flatMap(({ manifest }) =>
        manifest.files.map(({ sha256 }) => sha256)
      ),
    );
    const unused = [...this.blobs].filter(([sha256]) => !used.has(sha256));
    for (const [sha256] of unused) this.blobs.delete(sha256);
    const bytes = unused.reduce((sum, [, { length }]) => sum + length, 0);
    return Promise.resolve({ blobs: unused.length, bytes });
  }

  async *changes(): AsyncIterable<void> {}

  close(): void {}
}

function keyOf({ model, version }: VersionRef): string {
  return `${model}/${version}`;
}

function missingOf({ files }: Manifest, blobs: ReadonlyMap<string, Uint8Array>): BlobRef[] {
  return files.filter(({ sha256, size }) => blobs.get(sha256)?.length !== size)
    .map(({ sha256, size }) => ({ sha256, size }));
}

/** SHA-256 in hex. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  return encodeHex(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
}
