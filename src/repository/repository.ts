/**
 * Where versions of models live: versions, which never change, and aliases, which are moved by
 * compare-and-set. The words are those of MLflow's model registry and of OCI's distribution
 * specification. Every implementation passes `tests/repository/conformance.ts`.
 * @module
 */
import type { Manifest, ManifestFile } from "../format/manifest.ts";

/** Names a version. */
export interface VersionRef {
  /** Name of the model. */
  model: string;
  /** Its version, from 1. */
  version: number;
}

/** A version's manifest and the bytes that its digest is of. */
export interface StoredManifest {
  /** What it says. */
  manifest: Manifest;
  /** Its bytes. */
  bytes: Uint8Array;
  /** SHA-256 of `bytes`, in hex. */
  digest: string;
}

/** A version in a list. */
export interface VersionEntry extends VersionRef {
  /** SHA-256 of its manifest, in hex. */
  digest: string;
  /** Bytes of all its files. */
  size: number;
}

/** The bytes of a file, named by what they are. */
export interface BlobRef {
  /** SHA-256 in hex. */
  sha256: string;
  /** In bytes. */
  size: number;
}

/** An alias: a name for one of a model's versions. */
export interface Alias {
  /** Its name. */
  alias: string;
  /** The version that it names. */
  version: number;
  /** Counts the moves of this alias, from 1; what compare-and-set compares. A removal counts too. */
  revision: number;
  /** Settings of the alias, such as the share of requests of a candidate. */
  settings: AliasSettings;
}

/** What an alias says besides its version. */
export interface AliasSettings {
  /** Share of requests that a candidate answers, in [0, 1]. */
  share?: number;
  /** Share of requests that a candidate classifies unseen, to be compared, in [0, 1]. */
  shadow?: number;
}

/** One move of an alias, as history tells it. */
export interface AliasMove {
  /** ISO 8601. */
  at: string;
  /** Who moved it: the name of a token, or of a user. */
  by: string;
  /** Which alias. */
  alias: string;
  /** Version before; null for none. */
  from: number | null;
  /** Version after; null for none. */
  to: number | null;
}

/** What {@linkcode ModelRepository.moveAlias} does. */
export interface AliasChange {
  /** The version that it names from now on; null removes it. */
  version: number | null;
  /** Its settings from now on; none if left out. */
  settings?: AliasSettings;
  /** The revision that it must have now, 0 where it must not be there; anything if left out. */
  ifRevision?: number;
  /** Who moves it, for the history. */
  by: string;
}

/** Versions and aliases of models. */
export interface ModelRepository {
  /** Path or URL for messages: never with a password, a key or a query. */
  readonly address: string;
  /** Whether versions and aliases can be read alone. */
  readonly isReadOnly: boolean;

  /** Where a version's files lie by their names, with a closing slash, where they do. */
  urlOf?(ref: VersionRef): URL;

  /** Names of models that have a version, sorted. */
  models(): Promise<string[]>;
  /**
   * A model's versions, in ascending order; none of a model that is not there. One whose manifest is broken
   * is left out, so that it hides no other.
   */
  versions(model: string): Promise<VersionEntry[]>;
  /**
   * A version's manifest; undefined if there is no such version.
   * @throws {ManifestError} if it is broken or names another version
   */
  readManifest(ref: VersionRef): Promise<StoredManifest | undefined>;
  /**
   * The bytes of a file of a version, of the size and the SHA-256 that its manifest says.
   * @throws {CorruptFileError} if they are not
   */
  readFile(ref: VersionRef, file: ManifestFile): Promise<Uint8Array>;

  /**
   * Bytes that are there of a blob: all of them once it is whole, 0 for one that was never sent.
   * @throws {RangeError} if it cannot be a blob, here and in {@linkcode writeBlob}
   */
  blobOffset(blob: BlobRef): Promise<number>;
  /**
   * Appends to a blob. What came before `body` failed stays, so that sending goes on from there.
   * @returns bytes that are there now
   * @throws {BlobOffsetError} unless `offset` is how many bytes are there
   * @throws {BlobMismatchError} if there are more bytes than its size, or all of them and their SHA-256 is another; nothing is kept
   */
  writeBlob(blob: BlobRef, body: ReadableStream<Uint8Array>, offset: number): Promise<number>;
  /**
   * Makes a version of blobs that are there: the last step of a push, all or nothing.
   * @returns whether it is new; the same manifest again changes nothing
   * @throws {ManifestError} if the manifest is broken
   * @throws {BlobsMissingError} naming every blob that is not whole
   * @throws {VersionConflictError} if the version is there with another digest
   */
  createVersion(manifest: Uint8Array): Promise<"created" | "unchanged">;
  /**
   * Removes a version.
   * @throws {NotFoundError} if it is not there
   * @throws {VersionInUseError} while an alias names it
   */
  deleteVersion(ref: VersionRef): Promise<void>;

  /** A model's aliases, sorted by name. */
  aliases(model: string): Promise<Alias[]>;
  /**
   * Moves, makes or removes an alias, if it has the revision that is asked for.
   * @throws {AliasMovedError} if it has another revision
   * @throws {NotFoundError} if the version is not there, or an alias to be removed
   * @throws {RangeError} if it is no name for an alias, or a setting is out of bounds
   */
  moveAlias(model: string, alias: string, change: AliasChange): Promise<Alias | undefined>;
  /** Moves of a model's aliases, the newest first. */
  history(model: string): Promise<AliasMove[]>;

  /** Removes blobs, whole or not, that no version uses and that are older than that. */
  collectGarbage(options: { olderThanMs: number }): Promise<{ blobs: number; bytes: number }>;
  /** Yields at once, and then when something may have changed, until `signal` or {@linkcode close}. */
  changes(model: string, signal: AbortSignal): AsyncIterable<void>;
  /** Ends what it holds open, and every {@linkcode changes}. */
  close(): void;
}
