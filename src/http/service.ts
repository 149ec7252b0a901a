/**
 * What the routes share: the options of {@linkcode createApp} with their defaults.
 * @module
 */
import type { Engine } from "../engine/engine.ts";
import type { Model } from "../format/weights.ts";
import { cardReader } from "../repository/model_directory.ts";
import type { ModelRepository } from "../repository/repository.ts";
import { AdmissionGate } from "../serving/admission.ts";
import { FixedModel } from "../serving/fixed_model.ts";
import type { ServedModels, ServedVersion } from "../serving/served.ts";
import type { Compute } from "../compute/compute.ts";
import { InlineCompute } from "../compute/inline_compute.ts";
import { type Bounds, defaultBounds } from "./bounds.ts";
import type { TokenRecord } from "./tokens.ts";

/** One line of the structured log. */
export type LogRecord = { level: "info" | "error" } & Record<string, unknown>;

/** What {@linkcode createApp} needs. */
export interface AppOptions {
  /** The one model to serve, and where its card is read; left out where `models` are given. */
  model?: Pick<Model, "config"> & { url?: URL };
  /** Runs the same model; on this thread, in pieces. Left out where `compute` is given. */
  engine?: Engine;
  /** Runs the same model, for instance in a worker. */
  compute?: Compute;
  /** Versions that come and go: a `ModelPool`. */
  models?: ServedModels;
  /** Where versions are read and written over HTTP. */
  repository?: ModelRepository;
  /** Opens that, at the first request for it, where it is not given. */
  openRepository?: () => Promise<ModelRepository>;
  /** Who may write there: nobody where there are none. */
  tokens?: readonly TokenRecord[];
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
export interface Service
  extends Required<Pick<AppOptions, "log" | "nowMs" | "randomSeed" | "shutdown">> {
  models: ServedModels;
  repository?: ModelRepository;
  openRepository?: () => Promise<ModelRepository>;
  tokens?: readonly TokenRecord[];
  bounds: Bounds;
  /** In front of all compute: places for chains, and for images to classify. */
  gates: { chains: AdmissionGate; images: AdmissionGate };
}

/** The options with their defaults filled in. */
export function resolveOptions(options: AppOptions): Service {
  const { repository, openRepository, tokens, log, nowMs, randomSeed, shutdown } = options;
  const models = options.models ?? new FixedModel(oneVersion(options));
  const bounds = { ...defaultBounds, ...options.bounds }, { maxWaiting } = bounds;
  const gates = {
    chains: new AdmissionGate({ places: bounds.maxRunning, maxWaiting }),
    images: new AdmissionGate({ places: bounds.maxClassifying, maxWaiting }),
  };
  shutdown?.addEventListener("abort", () => {
    for (const gate of Object.values(gates)) gate.stop();
    models.drain();
  });
  return {
    models,
    repository,
    openRepository,
    tokens,
    gates,
    bounds,
    log: log ?? (() => {}),
    nowMs: nowMs ?? (() => performance.now()),
    randomSeed: randomSeed ?? (() => crypto.getRandomValues(new Uint32Array(1))[0]),
    shutdown: shutdown ?? new AbortController().signal,
  };
}

/** A model and what runs it, as a version that is served for good. */
function oneVersion({ model, engine, compute }: AppOptions): ServedVersion {
  if (!model) throw new TypeError("Cannot create app: it needs a model or models, got neither");
  const { config, url } = model;
  const running = compute ?? (engine && new InlineCompute(engine, config.architecture));
  if (!running) {
    throw new TypeError("Cannot create app: it needs an engine or compute, got neither");
  }
  return {
    model: config.name,
    version: config.version,
    digest: JSON.stringify(config.sha256 ?? config),
    config,
    compute: running,
    readCard: cardReader(url),
  };
}
