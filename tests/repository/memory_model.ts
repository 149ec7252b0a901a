/**
 * What a model repository is, in a few maps: the truth that implementations are compared with.
 * @module
 */
import type { Alias } from "../../src/repository/repository.ts";

/** What an operation ended with: a value, or the name of an error. */
export type Outcome = string;

/** A repository of one model whose versions have one file each. */
export class MemoryModel {
  /** Blobs by their content: bytes that are there. */
  readonly blobs = new Map<string, number>();
  /** Contents by version. */
  readonly versions = new Map<number, string>();
  readonly aliases = new Map<string, Alias>();
  readonly revisions = new Map<string, number>();
  readonly history: string[] = []; // the newest first

  send(content: string, from: number, count: number): Outcome {
    const received = this.blobs.get(content) ?? 0;
    if (from !== received) return `BlobOffsetError ${received}`;
    const end = Math.min(content.length, from + count);
    this.blobs.set(content, end);
    return String(end);
  }

  create(version: number, content: string): Outcome {
    const held = this.versions.get(version);
    if (held !== undefined) return held === content ? "unchanged" : "VersionConflictError";
    if (this.blobs.get(content) !== content.length) return "BlobsMissingError";
    this.versions.set(version, content);
    return "created";
  }

  delete(version: number): Outcome {
    if (!this.versions.has(version)) return "NotFoundError";
    const isNamed = [...this.aliases.values()].some((alias) => alias.version === version);
    if (isNamed) return "VersionInUseError";
    this.versions.delete(version);
    return "deleted";
  }

  move(alias: string, version: number | null, ifRevision: number | undefined): Outcome {
    const old = this.aliases.get(alias), revision = old?.revision ?? 0;
    if (ifRevision !== undefined && ifRevision !== revision) return `AliasMovedError ${revision}`;
    if (version === null ? !old : !this.versions.has(version)) return "NotFoundError";
    const next = (this.revisions.get(alias) ?? 0) + 1;
    this.revisions.set(alias, next);
    this.history.unshift(`${alias} ${old?.version ?? null} ${version}`);
    if (version === null) this.aliases.delete(alias);
    else this.aliases.set(alias, { alias, version, revision: next, settings: {} });
    return version === null ? "removed" : `revision ${next}`;
  }

  /** Removes all blobs that no version uses. */
  collect(): void {
    const used = new Set(this.versions.values());
    for (const content of this.blobs.keys()) if (!used.has(content)) this.blobs.delete(content);
  }

  /** All that can be seen of it. */
  state(): unknown {
    return {
      versions: [...this.versions].sort(([a], [b]) => a - b),
      aliases: [...this.aliases.values()].sort((a, b) => a.alias < b.alias ? -1 : 1),
      history: this.history,
    };
  }
}
