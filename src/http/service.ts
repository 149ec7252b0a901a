/**
 * What the routes share: the options of {@linkcode createApp} with their defaults.
 * @module
 */
import type { Engine } from "../engine/engine.ts";
import { modelFiles } from "../format/config.ts";
import { readOptionalModelFile, type StoredModel } from "../repository/model_directory.ts";
import { AdmissionGate } from "../serving/admission.ts";
import type { Compute } from "../compute/compute.ts";
import { InlineCompute } from "../compute/inline_compute.ts";
import { type Bounds, defaultBounds } from "./bounds.ts";

/** One line of the structured log. */
export type LogRecord = { level: "info" | "error" } & Record<string, unknown>;

/** What {@linkcode createApp} needs. */
export interface AppOptions {
  model: Pick<StoredModel, "config" | "url">;
  /** Runs the same model; on this thread, in pieces. Left out where `compute` is given. */
  engine?: Engine;
  /** Runs the same model, for instance in a worker. */
  compute?: Compute;
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
export interface Service extends Required<Omit<AppOptions, "bounds" | "cors" | "engine">> {
  bounds: Bounds;
  /** In front of all compute: places for chains, and for images to classify. */
  gates: { chains: AdmissionGate; images: AdmissionGate };
  /** The model card, if the model has one. */
  readCard: () => Promise<string | undefined>;
}

/** The options with their defaults filled in. */
export function resolveOptions(options: AppOptions): Service {
  const { model, engine, log, nowMs, randomSeed, shutdown } = options;
  const compute = options.compute ??
    (engine && new InlineCompute(engine, model.config.architecture));
  if (!compute) {
    throw new TypeError("Cannot create app: it needs an engine or compute, got neither");
  }
  const bounds = { ...defaultBounds, ...options.bounds }, { maxWaiting } = bounds;
  const gates = {
    chains: new AdmissionGate({ places: bounds.maxRunning, maxWaiting }),
    images: new AdmissionGate({ places: bounds.maxClassifying, maxWaiting }),
  };
  shutdown?.addEventListener("abort", () => {
    for (const gate of Object.values(gates)) gate.stop();
    compute.drain?.();
  });
  let card: Promise<string | undefined> | undefined;
  return {
    model,
    compute,
    gates,
    bounds,
    log: log ?? (() => {}),
    nowMs: nowMs ?? (() => performance.now()),
    randomSeed: randomSeed ?? (() => crypto.getRandomValues(new Uint32Array(1))[0]),
    shutdown: shutdown ?? new AbortController().signal,
    readCard: () =>
      card ??= readOptionalModelFile(model.url, modelFiles.card)
        .then((bytes) => bytes && new TextDecoder().decode(bytes)),
  };
}
