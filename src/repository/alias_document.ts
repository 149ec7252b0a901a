/**
 * A model's `aliases.json`: its aliases, and the moves that they made. Every store keeps the same bytes and
 * replaces them by compare-and-set.
 * @module
 */
import { checkVersion, ManifestError } from "../format/manifest.ts";
import { isObject } from "../format/safetensors.ts";
import { parseStrictJson } from "../format/strict_json.ts";
import { shown } from "../outside/shown.ts";
import { AliasMovedError, CorruptFileError, NotFoundError } from "./errors.ts";
import type { Alias, AliasChange, AliasMove, AliasSettings } from "./repository.ts";

/** Name of the file, beside a model's versions. */
export const ALIASES_FILE = "aliases.json";

/** Bounds of what the file may hold. */
export const aliasBounds = {
  maxBytes: 512 * 1024,
  /** Names of a model's aliases; one that was removed keeps its revision while there is room for it. */
  maxAliases: 64,
  /** Moves that are told; the oldest go first. */
  maxMoves: 500,
  /** Versions that are being removed at once. */
  maxRemovals: 64,
  /** Characters of who moved an alias; longer ones are cut. */
  maxByLength: 100,
} as const;

/** An alias as the file has it: one that was removed keeps its place, so that no revision comes twice. */
interface AliasRecord extends Omit<Alias, "version"> {
  version: number | null;
}

/** What the file holds. */
export interface AliasDocument {
  format: "dbn-edge/aliases/1";
  model: string;
  aliases: AliasRecord[]; // by name
  history: AliasMove[]; // the newest first
  /** Versions that are being removed, which no alias may name; only where nothing can be locked. */
  removing: Removal[];
}

/** A version that is being removed. */
export interface Removal {
  version: number;
  /** ISO 8601. */
  since: string;
}

const FORMAT = "dbn-edge/aliases/1";
const ALIAS_PATTERN = /^[A-Za-z][\w.-]{0,63}$/;

/** @throws {RangeError} unless it may name an alias; a version's number cannot. */
export function checkAliasName(alias: unknown): string {
  if (typeof alias === "string" && ALIAS_PATTERN.test(alias)) return alias;
  throw new RangeError(
    `Cannot name an alias: it must be a letter and at most 63 letters, digits, '_', '.' or '-', got ${
      shown(alias)
    }`,
  );
}

/** @throws {RangeError} naming the setting, its bound and the value. */
export function checkSettings(settings: unknown): AliasSettings {
  if (!isObject(settings)) {
    throw new RangeError(`Cannot set an alias: settings must be an object, got ${shown(settings)}`);
  }
  for (const [name, value] of Object.entries(settings)) {
    if (name !== "share" && name !== "shadow") {
      throw new RangeError(
        `Cannot set an alias: settings are share and shadow, got ${shown(name)}`,
      );
    }
    if (value === undefined) continue;
    if (typeof value !== "number" || !(value >= 0 && value <= 1)) {
      throw new RangeError(`Cannot set an alias: ${name} must be in [0, 1], got ${shown(value)}`);
    }
  }
  const { share, shadow } = settings as AliasSettings;
  return { ...share !== undefined && { share }, ...shadow !== undefined && { shadow } };
}

/** The document of a model that never had an alias. */
export function emptyDocument(model: string): AliasDocument {
  return { format: FORMAT, model, aliases: [], history: [], removing: [] };
}

/** The aliases that name a version. */
export function listAliases({ aliases }: AliasDocument): Alias[] {
  return aliases.filter((record): record is Alias => record.version !== null);
}

/**
 * The document after a move at a time, and the alias, undefined where it was removed.
 * @throws {AliasMovedError} if it has another revision than asked for.
 * @throws {NotFoundError} if it is to be removed and is not there.
 * @throws {RangeError} if it cannot be named or set so.
 */
export function applyMove(
  document: AliasDocument,
  alias: string,
  { version, settings = {}, ifRevision, by, at }: AliasChange & { at: Date },
): { document: AliasDocument; alias: Alias | undefined } {
  checkAliasName(alias);
  const checked = checkSettings(settings);
  const old = document.aliases.find((record) => record.alias === alias);
  const from = old?.version ?? null;
  const revision = old && from !== null ? old.revision : 0;
  if (ifRevision !== undefined && ifRevision !== revision) {
    throw new AliasMovedError(alias, revision, ifRevision);
  }
  if (version === null && from === null) {
    throw new NotFoundError(`Cannot remove alias ${alias} of ${document.model}: it is not there`);
  }
  const rest = document.aliases.filter((record) => record !== old), { maxAliases } = aliasBounds;
  const isFull = rest.length >= maxAliases, others = isFull ? withoutOldest(rest) : rest;
  if (!others) {
    throw new RangeError(
      `Cannot add alias ${alias}: ${document.model} must have at most ${maxAliases}`,
    );
  }
  // A name that was forgotten may come again: from then on a new name begins above all that ever were.
  const last = old?.revision ?? (isFull ? Math.max(...rest.map(({ revision }) => revision)) : 0);
  const next = { alias, version, revision: last + 1, settings: checked };
  const who = by.toWellFormed().slice(0, aliasBounds.maxByLength).toWellFormed();
  const move: AliasMove = { at: at.toISOString(), by: who, alias, from, to: version };
  return {
    document: {
      ...document,
      aliases: [...others, next].sort((a, b) => a.alias < b.alias ? -1 : 1),
      history: [move, ...document.history].slice(0, aliasBounds.maxMoves),
    },
    alias: version === null ? undefined : { ...next, version },
  };
}

/** Records without that of the removed alias of the lowest revision; undefined where none was removed. */
function withoutOldest(records: readonly AliasRecord[]): AliasRecord[] | undefined {
  const [oldest] = records.filter(({ version }) => version === null)
    .sort((a, b) => a.revision - b.revision);
  return oldest && records.filter((record) => record !== oldest);
}

/** The bytes of a document, for people too: a line a move. */
export function writeAliases(
  { format, model, aliases, history, removing }: AliasDocument,
): Uint8Array {
  const lines = (items: readonly unknown[]) =>
    items.length === 0
      ? "[]"
      : `[\n${items.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`;
  return new TextEncoder().encode(
    `{\n  "format": ${JSON.stringify(format)},\n  "model": ${JSON.stringify(model)},\n` +
      `  "aliases": ${lines(aliases)},\n  "history": ${lines(history)}` +
      `${removing.length > 0 ? `,\n  "removing": ${lines(removing)}` : ""}\n}\n`,
  );
}

/**
 * What the bytes of a model's `aliases.json` hold.
 * @throws {CorruptFileError} naming the model, the field, the bound and the value.
 */
export function readAliases(bytes: Uint8Array, model: string): AliasDocument {
  try {
    return parse(bytes, model);
  } catch (cause) {
    if (
      !(cause instanceof SyntaxError || cause instanceof TypeError ||
        cause instanceof RangeError || cause instanceof ManifestError)
    ) throw cause;
    throw new CorruptFileError(`Cannot read ${ALIASES_FILE} of ${model}: ${cause.message}`, {
      cause,
    });
  }
}

function parse(bytes: Uint8Array, model: string): AliasDocument {
  const { maxBytes, maxAliases, maxMoves, maxRemovals } = aliasBounds;
  if (bytes.length > maxBytes) refuse("the file", `at most ${maxBytes} bytes`, bytes.length);
  const root = parseStrictJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  if (!isObject(root)) return refuse("the file", "a JSON object", root);
  if (root.format !== FORMAT) refuse("format", `"${FORMAT}"`, root.format);
  if (root.model !== model) refuse("model", `"${model}"`, root.model);
  const { aliases, history, removing = [] } = root;
  if (!Array.isArray(aliases) || aliases.length > maxAliases) {
    return refuse("aliases", `a list of at most ${maxAliases}`, aliases);
  }
  if (!Array.isArray(history) || history.length > maxMoves) {
    return refuse("history", `a list of at most ${maxMoves}`, history);
  }
  if (!Array.isArray(removing) || removing.length > maxRemovals) {
    return refuse("removing", `a list of at most ${maxRemovals}`, removing);
  }
  const records = aliases.map(readRecord);
  if (new Set(records.map(({ alias }) => alias)).size < records.length) {
    refuse("aliases", "of different names", aliases);
  }
  records.sort((a, b) => a.alias < b.alias ? -1 : 1);
  const moves = history.map(readMove), removals = removing.map(readRemoval);
  return { format: FORMAT, model, aliases: records, history: moves, removing: removals };
}

function readRemoval(removal: unknown): Removal {
  if (!isObject(removal)) return refuse("removing", "objects", removal);
  const { version, since } = removal;
  return { version: checkVersion(version), since: checkTime("since", since) };
}

function checkTime(field: string, time: unknown): string {
  if (typeof time === "string" && !Number.isNaN(Date.parse(time))) return time;
  return refuse(field, "a time", time);
}

function readRecord(record: unknown): AliasRecord {
  if (!isObject(record)) return refuse("aliases", "objects", record);
  const { alias, version, revision, settings = {} } = record;
  if (!Number.isSafeInteger(revision) || (revision as number) < 1) {
    refuse("revision", "an integer from 1", revision);
  }
  return {
    alias: checkAliasName(alias),
    version: version === null ? null : checkVersion(version),
    revision: revision as number,
    settings: checkSettings(settings),
  };
}

function readMove(move: unknown): AliasMove {
  if (!isObject(move)) return refuse("history", "objects", move);
  const { at, by, alias, from, to } = move;
  if (typeof by !== "string" || by.length > aliasBounds.maxByLength) {
    refuse("by", `a text of at most ${aliasBounds.maxByLength} characters`, by);
  }
  return {
    at: checkTime("at", at),
    by: by as string,
    alias: checkAliasName(alias),
    from: from === null ? null : checkVersion(from),
    to: to === null ? null : checkVersion(to),
  };
}

function refuse(field: string, bound: string, value: unknown): never {
  throw new RangeError(`${field} must be ${bound}, got ${shown(value)}`);
}
