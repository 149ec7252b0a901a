/**
 * A service's model repository, as its HTTP routes tell it.
 * @module
 */
import {
  isSha256,
  type Manifest,
  MANIFEST_FILE,
  type ManifestFile,
  readManifest,
} from "../format/manifest.ts";
import { isObject } from "../format/safetensors.ts";
import { cut } from "../outside/shown.ts";
import type {
  Alias,
  AliasMove,
  AliasSettings,
  BlobRef,
  VersionEntry,
  VersionRef,
} from "../repository/repository.ts";
import { sha256 as hash } from "../outside/sha256.ts";
import { Connection, type ServiceOptions } from "./connection.ts";
import { PushError, ServiceError } from "./errors.ts";

const NOT_FOUND = 404, CONFLICT = 409, PRECONDITION_FAILED = 412, UNPROCESSABLE = 422;

/** A version of a service's repository, and what the service does with it. */
export interface ListedVersion extends Omit<VersionEntry, "model"> {
  /** Aliases that name it. */
  aliases: string[];
  /** `READY` where it answers requests, as Triton names it. */
  state: string;
  /** Why it is not. */
  reason: string;
}

/** What {@linkcode RepositoryClient.createVersion} came to. */
export type Creation =
  | { outcome: "created" | "unchanged" }
  /** Blobs that must be sent first. */
  | { outcome: "missing"; missing: BlobRef[] }
  /** There is another version of that number. */
  | { outcome: "conflict"; detail: string };

/** Calls of a service's repository. */
export class RepositoryClient {
  /** @internal */
  readonly connection: Connection;

  /** Makes no call yet. */
  constructor(options: ServiceOptions) {
    this.connection = new Connection(options);
  }

  /** Name of the model that the service serves. */
  async servedModel(): Promise<string> {
    const { served } = await this.connection.json("v2/repository/models");
    if (typeof served === "string") return served;
    throw new PushError(`${this.connection.origin} does not say which model it serves`);
  }

  /** A model's versions, in ascending order. */
  async versions(model: string): Promise<ListedVersion[]> {
    const { versions } = await this.connection.json(`${pathOf(model)}/versions`);
    const index = await this.connection.list("v2/repository/index", { method: "POST" });
    const states = new Map(
      index.filter(isObject).filter(({ name }) => name === model).map((entry) => [
        entry.version,
        { state: cut(String(entry.state)), reason: cut(String(entry.reason ?? "")) },
      ]),
    );
    return this.#list(versions, "versions").map(({ version, digest, size, aliases }) => {
      if (!Number.isSafeInteger(version) || !isSha256(digest) || typeof size !== "number") {
        throw this.#unclear("versions");
      }
      return {
        ...{ version: version as number, digest, size },
        aliases: Array.isArray(aliases) ? aliases.map((alias) => cut(String(alias))) : [],
        ...states.get(String(version)) ?? { state: "UNAVAILABLE", reason: "" },
      };
    });
  }

  /** A version's manifest and its bytes, undefined where it is not there. */
  async manifest(ref: VersionRef): Promise<{ manifest: Manifest; bytes: Uint8Array } | undefined> {
    const path = `${pathOf(ref.model)}/versions/${ref.version}`;
    const { status, bytes } = await this.connection.send(path, { expected: [NOT_FOUND] });
    if (status === NOT_FOUND) return undefined;
    const manifest = readManifest(bytes);
    if (manifest.model === ref.model && manifest.version === ref.version) {
      return { manifest, bytes };
    }
    throw new PushError(
      `${MANIFEST_FILE} of version ${ref.version} of ${ref.model} is that of ${manifest.model}/${manifest.version}`,
    );
  }

  /** A file of a version, of the size and SHA-256 that its manifest says. @throws {PushError} if not */
  async file({ model, version }: VersionRef, file: ManifestFile): Promise<Uint8Array> {
    const path = `${pathOf(model)}/versions/${version}/files/${file.path}`;
    const { bytes } = await this.connection.send(path, { maxBytes: file.size });
    if (bytes.length === file.size && await hash(bytes) === file.sha256) return bytes;
    throw new PushError(
      `${file.path} of version ${version} of ${model} is not what its manifest says (SHA-256 ${file.sha256}, ${file.size} bytes)`,
    );
  }

  /** Asks for a version of blobs that the service has. */
  async createVersion({ model, version }: VersionRef, manifest: Uint8Array): Promise<Creation> {
    try {
      const answer = await this.connection.json(`${pathOf(model)}/versions/${version}`, {
        ...{ method: "PUT", body: manifest },
        headers: { "content-type": "application/json" },
      });
      return { outcome: answer.outcome === "created" ? "created" : "unchanged" };
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const { status, problem: { missing, detail } } = error;
      if (status === CONFLICT) return { outcome: "conflict", detail: cut(String(detail)) };
      if (status === UNPROCESSABLE && Array.isArray(missing)) {
        return { outcome: "missing", missing: missing.filter(isObject) as unknown as BlobRef[] };
      }
      throw error;
    }
  }

  /** A model's aliases, by name. */
  async aliases(model: string): Promise<Map<string, Alias>> {
    const { aliases } = await this.connection.json(`${pathOf(model)}/aliases`);
    return new Map(
      this.#list(aliases, "aliases").map((entry) => {
        const { alias, version, revision, settings } = entry as unknown as Alias;
        const isClear = Number.isSafeInteger(version) && Number.isSafeInteger(revision);
        if (!isClear || typeof alias !== "string" || !isObject(settings)) {
          throw this.#unclear("aliases");
        }
        return [alias, { alias: cut(alias), version, revision, settings }];
      }),
    );
  }

  /** Moves of a model's aliases, the newest first. */
  async history(model: string): Promise<AliasMove[]> {
    const { moves } = await this.connection.json(`${pathOf(model)}/history`);
    return this.#list(moves, "moves") as unknown as AliasMove[];
  }

  /**
   * Moves an alias that is as it was seen.
   * @param seen the alias as it was, undefined where it was not there
   * @throws {ServiceError} 412 if somebody moved it, 422 if the version is refused
   */
  async moveAlias(
    model: string,
    alias: string,
    { seen, version, settings = {} }: {
      seen: Alias | undefined;
      version: number;
      settings?: AliasSettings;
    },
  ): Promise<Alias> {
    const path = `${pathOf(model)}/aliases/${alias}`;
    try {
      return await this.connection.json(path, {
        method: "PUT",
        headers: {
          "content-type": "application/json",
          ...seen ? { "if-match": `"${seen.revision}"` } : { "if-none-match": "*" },
        },
        body: JSON.stringify({ version, settings }),
      }) as unknown as Alias;
    } catch (error) {
      if (!(error instanceof ServiceError && error.status === PRECONDITION_FAILED)) throw error;
      // The answer of a first try may have been lost: then the alias is where it should be.
      const now = (await this.aliases(model)).get(alias);
      const isNext = !seen || now?.revision === seen.revision + 1;
      if (isNext && now?.version === version && isSame(now.settings, settings)) return now;
      throw error;
    }
  }

  /** Removes an alias that is as it was seen; nothing if it is gone. */
  async removeAlias(model: string, { alias, revision }: Alias): Promise<void> {
    await this.connection.send(`${pathOf(model)}/aliases/${alias}`, {
      method: "DELETE",
      headers: { "if-match": `"${revision}"` },
      expected: [NOT_FOUND],
    });
  }

  #list(value: unknown, what: string): Record<string, unknown>[] {
    if (Array.isArray(value) && value.every(isObject)) return value;
    throw this.#unclear(what);
  }

  #unclear(what: string): PushError {
    return new PushError(`${this.connection.origin} must tell ${what} as a list`);
  }
}

/** Whether two aliases are set in the same way. */
export function isSame(a: AliasSettings, b: AliasSettings): boolean {
  return (a.share ?? 0) === (b.share ?? 0) && (a.shadow ?? 0) === (b.shadow ?? 0);
}

function pathOf(model: string): string {
  return `v2/repository/models/${encodeURIComponent(model)}`;
}
