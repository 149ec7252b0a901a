/**
 * What the routes share: the options of {@linkcode createApp} with their defaults.
 * @module
 */
import type { Engine } from "../engine/engine.ts";
import { modelFiles } from "../format/config.ts";
import { readOptionalModelFile, type StoredModel } from "../repository/directory.ts";
import { type Bounds, defaultBounds } from "./bounds.ts";

/** One line of the structured log. */
export type LogRecord = { level: "info" | "error" } & Record<string, unknown>;

/** What {@linkcode createApp} needs. */
export interface AppOptions {
  model: StoredModel;
  /** Must run the same model. */
  engine: Engine;
  /** Limits to change. */
  bounds?: Partial<Bounds>;
  /** Hears of every request and every unexpected error. @default silence */
  log?: (record: LogRecord) => void;
  /** Milliseconds since any fixed moment. @default performance.now */
  nowMs?: () => number;
  /** Seed of a request that names none. @default 32 bits of the platform's cryptographic source */
  randomSeed?: () => number;
  /** Aborted when the server stops: ends chains and turns readiness off. */
  shutdown?: AbortSignal;
  /** Whether other origins' pages may call the service. @default true */
  cors?: boolean;
}

/** The options with their defaults: what every resource works with. */
export interface Service extends Required<Omit<AppOptions, "bounds" | "cors">> {
  bounds: Bounds;
  /** The model card, if the model has one. */
  readCard: () => Promise<string | undefined>;
}

/** The options with their defaults filled in. */
export function resolveOptions(options: AppOptions): Service {
  const { model, engine, bounds, log, nowMs, randomSeed, shutdown } = options;
  let card: Promise<string | undefined> | undefined;
  return {
    model,
    engine,
    bounds: { ...defaultBounds, ...bounds },
    log: log ?? (() => {}),
    nowMs: nowMs ?? (() => performance.now()),
    randomSeed: randomSeed ?? (() => crypto.getRandomValues(new Uint32Array(1))[0]),
    shutdown: shutdown ?? new AbortController().signal,
    readCard: () =>
      card ??= readOptionalModelFile(model.url, modelFiles.card)
        .then((bytes) => bytes && new TextDecoder().decode(bytes)),
  };
}
