/**
 * What the service answers of its model repository: JSON bodies.
 * @module
 */
import type { Manifest, ManifestFile } from "../format/manifest.ts";
import type { Alias, AliasMove, AliasSettings } from "../repository/repository.ts";

export type { Alias, AliasMove, AliasSettings, Manifest, ManifestFile };
export type { BlobRef, VersionEntry, VersionRef } from "../repository/repository.ts";

/** Of `GET /v2/repository/models`. */
export interface ModelList {
  /** Names of models that have a version. */
  models: string[];
  /** The model that is served. */
  served: string;
}

/** A version in a list. */
export interface VersionListEntry {
  /** From 1. */
  version: number;
  /** SHA-256 of the manifest, in hex. */
  digest: string;
  /** Bytes of all files. */
  size: number;
  /** Names of the aliases that name it. */
  aliases: string[];
}

/** Of `GET …/versions`. */
export interface VersionList {
  /** The model's name. */
  model: string;
  /** In ascending order. */
  versions: VersionListEntry[];
}

/** Of `PUT …/versions/{v}`. */
export interface CreatedVersion {
  /** The model's name. */
  model: string;
  /** The number that the path names. */
  version: number;
  /** Whether it was there. */
  outcome: "created" | "unchanged";
}

/** Of `GET …/aliases`. */
export interface AliasList {
  /** The model's name. */
  model: string;
  /** Sorted by name. */
  aliases: Alias[];
}

/** Of `GET …/history`. */
export interface AliasHistory {
  /** The model's name. */
  model: string;
  /** Moves of aliases, the newest first. */
  moves: AliasMove[];
}

/** Of `POST /v2/repository/gc`. */
export interface GarbageAnswer {
  /** Blobs that were removed. */
  blobs: number;
  /** Their bytes. */
  bytes: number;
}

/** An entry of `POST /v2/repository/index`, as Triton names its members. */
export interface IndexEntry {
  /** The model's name. */
  name: string;
  /** A number as text. */
  version: string;
  /** Whether it answers requests, or could at once. */
  state: "READY" | "LOADING" | "UNAVAILABLE";
  /** Why it is not ready. */
  reason: string;
}

/** Of `GET /v2/models/{model}/versions/{v}`: where a version is on its way to requests. */
export interface VersionStateAnswer {
  /** The model's name. */
  name: string;
  /** The number that the path names. */
  version: number;
  /** SHA-256 of its manifest, where that is known. */
  digest?: string;
  /** Where it is. */
  status: "loading" | "ready" | "refused" | "unloaded";
  /** Why it was refused. */
  reason?: string;
  /** Names of the aliases that name it. */
  aliases: string[];
}
