/** An app with a repository and tokens, versions to push, and ways to call it. */
import { type ManifestFile, writeManifest } from "../../../src/format/manifest.ts";
import { createApp } from "../../../src/http/app.ts";
import type { AppOptions, LogRecord } from "../../../src/http/service.ts";
import { createToken, parseTokens, type Scope } from "../../../src/http/tokens.ts";
import { NotFoundError, VersionInUseError } from "../../../src/repository/errors.ts";
import type { ModelRepository } from "../../../src/repository/repository.ts";
import {
  type ServedModels,
  VersionRefusedError,
  type VersionState,
} from "../../../src/serving/served.ts";
import { digestOf, MemoryRepository } from "./memory_repository.ts";

/** The model that is served. */
export const MODEL = "digits";

/** A token of each kind, by what it may do. */
export const tokens = {
  all: await createToken({ name: "ci", scopes: ["push", "promote"] }),
  push: await createToken({ name: "pusher", scopes: ["push"] }),
  promote: await createToken({ name: "promoter", scopes: ["promote"] }),
};

/** Records of {@linkcode tokens}. */
export const records = parseTokens(
  Object.values(tokens).map(({ entry }) => entry).join("\n"),
  "the test's tokens",
);

/** Versions that are loaded by name alone: those in `bad` fail a check. */
export class FakeModels implements ServedModels {
  readonly model = MODEL;
  readonly loaded = new Set([1]);
  readonly bad = new Map<number, string>();
  production = 1;
  /** What has been asked for, in order. */
  readonly calls: string[] = [];
  readonly #repository: ModelRepository;

  constructor(repository: ModelRepository) {
    this.#repository = repository;
  }

  readonly control = {
    load: async (version: number) => {
      this.calls.push(`load ${version}`);
      const reason = this.bad.get(version);
      if (reason) throw new VersionRefusedError(reason);
      if (this.loaded.has(version)) return;
      if (!await this.#repository.readManifest({ model: MODEL, version })) {
        throw new NotFoundError(`There is no version ${version} of ${MODEL}`);
      }
      this.loaded.add(version);
    },
    unload: async (version: number) => {
      this.calls.push(`unload ${version}`);
      const aliases = (await this.#repository.aliases(MODEL)).filter((a) => a.version === version);
      if (aliases.length > 0) {
        throw new VersionInUseError({ model: MODEL, version }, aliases.map(({ alias }) => alias));
      }
      this.loaded.delete(version);
    },
    sync: async () => {
      this.calls.push("sync");
      const aliases = await this.#repository.aliases(MODEL);
      this.production = aliases.find(({ alias }) => alias === "production")?.version ?? 1;
    },
  };

  states(): VersionState[] {
    const ready = [...this.loaded].map((version): VersionState => (
      { version, status: "ready", aliases: [] }
    ));
    const refused = [...this.bad].map(([version, reason]): VersionState => (
      { version, status: "refused", reason, aliases: [] }
    ));
    return [...ready, ...refused].sort((a, b) => a.version - b.version);
  }

  readiness() {
    return { version: this.production };
  }

  lease(): never {
    throw new Error("nothing is computed here");
  }

  metrics(): never {
    throw new Error("nothing is counted here");
  }

  drain(): void {}
  dispose(): void {}
}

/** An app over a repository, in memory unless given, and what it wrote to its log. */
export function repositoryApp(options: Partial<AppOptions> = {}) {
  const repository = options.repository ?? new MemoryRepository();
  const models = (options.models ?? new FakeModels(repository)) as FakeModels;
  const log: LogRecord[] = [];
  const app = createApp({
    ...{ models, repository, tokens: records },
    log: (record) => log.push(record),
    ...options,
  });
  return { app, repository, models, log };
}

/** An app, as tests call it. */
export type TestApp = ReturnType<typeof repositoryApp>["app"];

/** Headers with a token, the one that may do everything unless named. */
export function bearer(kind: keyof typeof tokens = "all"): Record<string, string> {
  return { authorization: `Bearer ${tokens[kind].token}` };
}

/** A JSON body, and headers. */
export function json(
  method: string,
  body: unknown,
  headers: Record<string, string> = bearer(),
): RequestInit {
  return {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
}

/** Files of a version by path. */
export type Files = Record<string, Uint8Array | string>;

/** A version's manifest and the bytes of its files by SHA-256. */
export async function versionOf(version: number, files: Files, model = MODEL) {
  const blobs = new Map<string, Uint8Array>(), listed: ManifestFile[] = [];
  for (const [path, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const sha256 = await digestOf(bytes);
    blobs.set(sha256, bytes);
    listed.push({ path, size: bytes.length, sha256 });
  }
  return { manifest: writeManifest({ model, version, files: listed }), blobs, files: listed };
}

/** Sends a blob whole. */
export async function sendBlob(app: TestApp, sha256: string, bytes: Uint8Array) {
  return await app.request(`/v2/repository/blobs/${sha256}`, {
    method: "PUT",
    headers: { ...bearer("push"), "content-length": String(bytes.length) },
    body: bytes as BodyInit,
  });
}

/** Sends a version's manifest. */
export async function sendManifest(app: TestApp, version: number, manifest: Uint8Array) {
  return await app.request(`/v2/repository/models/${MODEL}/versions/${version}`, {
    method: "PUT",
    headers: bearer("push"),
    body: manifest as BodyInit,
  });
}

/** Pushes a version whole. */
export async function pushVersion(app: TestApp, version: number, files: Files) {
  const { manifest, blobs } = await versionOf(version, files);
  for (const [sha256, bytes] of blobs) await sendBlob(app, sha256, bytes);
  return await sendManifest(app, version, manifest);
}

/** Which scope a token without `scope` has. */
export function otherThan(scope: Scope): keyof typeof tokens {
  return scope === "push" ? "promote" : "push";
}
