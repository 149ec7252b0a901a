/**
 * A model repository to read from, on any server of static files over HTTPS: the files of a repository in a
 * directory, as they are. A static server lists nothing, so the versions are those that `aliases.json` names
 * now or tells of, unless an `index.json` at the root lists all: `{"models":{"NAME":[1,2]}}`.
 * @module
 */
import {
  checkVersion,
  isManifestPath,
  isModelName,
  MANIFEST_FILE,
  manifestBounds,
  ManifestError,
  type ManifestFile,
} from "../format/manifest.ts";
import { isObject } from "../format/safetensors.ts";
import { parseStrictJson } from "../format/strict_json.ts";
import { cut, shownUrl } from "../outside/shown.ts";
import {
  aliasBounds,
  type AliasDocument,
  ALIASES_FILE,
  emptyDocument,
  listAliases,
  readAliases,
} from "./alias_document.ts";
import { checkFile, checkManifest, corruptFile, entryOf, isRef } from "./checks.ts";
import { CorruptFileError, ReadOnlyError, RepositoryUnreachableError } from "./errors.ts";
import { exchange, isOverloaded } from "./exchange.ts";
import { pollChanges } from "./poll.ts";
import type {
  Alias,
  AliasMove,
  ModelRepository,
  StoredManifest,
  VersionEntry,
  VersionRef,
} from "./repository.ts";

/** How a server is asked. */
export interface StaticOptions {
  /**
   * Mean time between two looks for changes, in milliseconds.
   * @default 5000
   */
  pollMs?: number;
}

const DEFAULT_POLL_MS = 5000;
const INDEX_FILE = "index.json";
const MAX_INDEX_BYTES = 1024 * 1024;
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/**
 * The URL of a repository, with a closing slash.
 * @throws {RangeError} unless it is of HTTPS, or of this machine, without password and query.
 */
export function readStaticUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isSafe = url?.protocol === "https:" ||
    url?.protocol === "http:" && LOOPBACK.includes(url.hostname);
  if (!url || !isSafe || url.username || url.password || url.search || url.hash) {
    throw new RangeError(
      "Cannot open a repository: a URL must begin with https:// (http:// on this machine alone), without user, password and query",
    );
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** Versions and aliases on a server of static files. */
export class StaticRepository implements ModelRepository {
  readonly isReadOnly = true;
  readonly address: string;
  #pollMs: number;
  #closing = new AbortController();

  /** @param root as {@linkcode readStaticUrl} gives it */
  constructor(private readonly root: URL, options: StaticOptions = {}) {
    this.address = shownUrl(root);
    this.#pollMs = options.pollMs ?? DEFAULT_POLL_MS;
  }

  /** Those of `index.json`; none without it. */
  async models(): Promise<string[]> {
    const index = await this.#index() ?? new Map<string, number[]>();
    const names: string[] = [];
    for (const name of index.keys()) {
      if ((await this.versions(name)).length > 0) names.push(name);
    }
    return names.sort();
  }

  async versions(model: string): Promise<VersionEntry[]> {
    if (!isModelName(model)) return [];
    const index = await this.#index(), entries: VersionEntry[] = [];
    for (const version of index?.get(model) ?? await this.#knownVersions(model)) {
      const stored = await this.#readIfSound({ model, version });
      if (stored) entries.push(entryOf(stored));
    }
    return entries.sort((a, b) => a.version - b.version);
  }

  async readManifest(ref: VersionRef): Promise<StoredManifest | undefined> {
    if (!isRef(ref)) return undefined;
    const { maxManifestBytes } = manifestBounds;
    const path = `${ref.model}/${ref.version}/${MANIFEST_FILE}`;
    const bytes = await this.#get(path, maxManifestBytes, ManifestError);
    return bytes && await checkManifest(bytes, ref);
  }

  async readFile(ref: VersionRef, file: ManifestFile): Promise<Uint8Array> {
    if (!isRef(ref) || !isManifestPath(file.path)) throw corruptFile(ref, file, "it is missing");
    const path = `${ref.model}/${ref.version}/${file.path}`;
    return await checkFile(await this.#get(path, file.size, CorruptFileError), ref, file);
  }

  async aliases(model: string): Promise<Alias[]> {
    return listAliases(await this.#document(model));
  }

  async history(model: string): Promise<AliasMove[]> {
    return (await this.#document(model)).history;
  }

  changes(model: string, signal: AbortSignal): AsyncIterable<void> {
    const look = async () => JSON.stringify(await this.#document(model));
    return pollChanges(look, {
      intervalMs: this.#pollMs,
      signal: AbortSignal.any([signal, this.#closing.signal]),
    });
  }

  close(): void {
    this.#closing.abort();
  }

  blobOffset(): Promise<number> {
    return this.#refuse();
  }

  writeBlob(): Promise<number> {
    return this.#refuse();
  }

  createVersion(): Promise<"created" | "unchanged"> {
    return this.#refuse();
  }

  deleteVersion(): Promise<void> {
    return this.#refuse();
  }

  moveAlias(): Promise<Alias | undefined> {
    return this.#refuse();
  }

  collectGarbage(): Promise<{ blobs: number; bytes: number }> {
    return this.#refuse();
  }

  #refuse(): Promise<never> {
    const reason = `Cannot write to ${this.address}: a repository of https can only be read`;
    return Promise.reject(new ReadOnlyError(reason));
  }

  async #document(model: string): Promise<AliasDocument> {
    if (!isModelName(model)) return emptyDocument(model);
    const path = `${model}/${ALIASES_FILE}`;
    const bytes = await this.#get(path, aliasBounds.maxBytes, CorruptFileError);
    return bytes ? readAliases(bytes, model) : emptyDocument(model);
  }

  /** Versions that aliases name, or did. */
  async #knownVersions(model: string): Promise<number[]> {
    const document = await this.#document(model);
    const named = listAliases(document).map(({ version }) => version);
    const told = document.history.flatMap(({ from, to }) => [from, to]);
    return [...new Set([...named, ...told])].filter((version) => version !== null);
  }

  async #index(): Promise<Map<string, number[]> | undefined> {
    const bytes = await this.#get(INDEX_FILE, MAX_INDEX_BYTES, CorruptFileError);
    if (!bytes) return undefined;
    try {
      const root = parseStrictJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
      if (!isObject(root) || !isObject(root.models)) throw new SyntaxError("it has no models");
      return new Map(
        Object.entries(root.models).map(([name, versions]) => {
          if (!isModelName(name) || !Array.isArray(versions)) {
            throw new SyntaxError("models must be lists of versions by name");
          }
          return [name, versions.map(checkVersion)];
        }),
      );
    } catch (cause) {
      const isBroken = cause instanceof SyntaxError || cause instanceof TypeError ||
        cause instanceof ManifestError;
      if (!isBroken) throw cause;
      throw new CorruptFileError(`Cannot read ${INDEX_FILE} of ${this.address}: ${cause.message}`, {
        cause,
      });
    }
  }

  async #readIfSound(ref: VersionRef): Promise<StoredManifest | undefined> {
    try {
      return await this.readManifest(ref);
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      return undefined;
    }
  }

  /**
   * The bytes of a file, undefined where there is none.
   * @throws {RepositoryUnreachableError} if the server does not answer, or not by HTTPS
   */
  async #get(
    path: string,
    maxBytes: number,
    Refused: new (message: string) => Error,
  ): Promise<Uint8Array | undefined> {
    const failure = (reason: string) =>
      new RepositoryUnreachableError(`Cannot read ${cut(path)} of ${this.address}: ${reason}`);
    const url = new URL(path, this.root), headers = { "cache-control": "no-cache" };
    const { status, body, url: from } = await exchange({
      request: () => Promise.resolve({ url, init: { headers } }),
      ...{ maxBytes, isPassing: isOverloaded, failure },
    });
    if (this.root.protocol === "https:" && !from.startsWith("https:")) {
      throw failure("it leads to a URL that is not of https");
    }
    if (status === 404 || status === 410) return undefined;
    if (status !== 200) throw failure(`HTTP status ${status}`);
    if (body) return body;
    throw new Refused(
      `Cannot read ${
        cut(path)
      } of ${this.address}: it must hold at most ${maxBytes} bytes, got more`,
    );
  }
}
