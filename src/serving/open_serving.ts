/**
 * Opens what a server serves: its bundled model at once, on this thread at first, and the versions of a
 * repository as its aliases say.
 * @module
 */
import { HandoverCompute } from "../compute/handover_compute.ts";
import { type EngineName, type ThreadStatus } from "../engine/engine.ts";
import { loadEngine } from "../engine/open.ts";
import { MANIFEST_FILE } from "../format/manifest.ts";
import { importLater } from "../outside/import_later.ts";
import {
  cardReader,
  type ModelFiles,
  readModelFiles,
  readOptionalModelFile,
} from "../repository/model_directory.ts";
import type { ModelRepository } from "../repository/repository.ts";
import { sha256 } from "../outside/sha256.ts";
import { FixedModel } from "./fixed_model.ts";
import type { LoadOptions } from "./load_version.ts";
import { ModelPool } from "./pool.ts";
import type { ServedModels, ServedVersion } from "./served.ts";

/** What a server is to serve. */
export interface ServingOptions {
  /** What computes. @default "simd" */
  engine?: EngineName;
  /** Directory or URL of the bundled model; the released one if left out. */
  model?: string;
  /** Its files, where they are being read already. */
  files?: Promise<ModelFiles>;
  /** The repository to watch; the bundled model alone, for good, if left out. */
  repository?: () => Promise<ModelRepository>;
  /** Refuses a version whose signature is missing or of another; none is looked at if left out. */
  checkSignature?: LoadOptions["checkSignature"];
  /** Hears of switches, refusals and lacking threads. @default silence */
  log?: Log;
}

/** Hears of what happens. */
export type Log = (record: { level: "info" | "error" } & Record<string, unknown>) => void;

/** What a server serves. */
export interface Serving {
  /** The versions that answer: for `createApp`. */
  models: ServedModels;
  /** Hands the bundled model over to a worker: for when the first answer is out. */
  handOver(): void;
  /** Sends requests where the repository's aliases say; resolves in `maxMs` at the latest. */
  sync(maxMs: number): Promise<void>;
  /** Follows the repository until `signal` is aborted. */
  watch(signal: AbortSignal): void;
}

/** Opens the bundled model, and makes ready to follow the repository. */
export async function openServing(options: ServingOptions = {}): Promise<Serving> {
  const { engine = "simd", log = () => {}, checkSignature, repository } = options;
  const onProblem = (threads: ThreadStatus) => log({ level: "error", engine, threads });
  const { bundled, compute } = await openBundled({ ...options, engine, log }, onProblem);
  const handOver = () => void compute.handOver();
  if (!repository) {
    const nothing = () => {};
    return {
      models: new FixedModel(bundled),
      handOver,
      sync: () => Promise.resolve(),
      watch: nothing,
    };
  }
  const load = async (ref: { model: string; version: number }) => {
    const { loadVersion } = await importLater<typeof import("./load_version.ts")>(
      "./load_version.ts",
      import.meta.url,
    );
    return await loadVersion(await repository(), ref, { engine, checkSignature, onProblem });
  };
  const pool = new ModelPool({ repository, bundled, load, log });
  return {
    models: pool,
    handOver,
    sync: async (maxMs) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, maxMs));
      await Promise.race([pool.control.sync(), late]);
      clearTimeout(timer);
    },
    watch: (signal) => void pool.watch(signal),
  };
}

type BundledOptions = ServingOptions & { engine: EngineName; log: Log };

/** Reads a model and opens what computes with it: this thread at first, a worker from its handover on. */
async function openBundled(
  { engine, model: directory, files: reading, log }: BundledOptions,
  onProblem: (threads: ThreadStatus) => void,
): Promise<{ bundled: ServedVersion; compute: HandoverCompute }> {
  const loading = [import("../compute/open.ts"), loadEngine(engine)] as const;
  const { config, files, url, verified } = await (reading ?? readModelFiles(directory));
  const manifest = bundledDigest(url);
  Promise.allSettled([manifest]); // its error is thrown where it is awaited
  const [{ openInline, startWorker }] = await Promise.all(loading);
  const first = await openInline(engine, { config, files, url: url.href }, { onProblem });
  await verified;
  const digest = await manifest ?? JSON.stringify(config.sha256 ?? config);
  const openNext = async () => {
    const starting = await startWorker();
    if (!starting) {
      log({ level: "info", worker: "there are no Web Workers; the serving thread computes" });
      return undefined;
    }
    const again = await readModelFiles(directory);
    await again.verified;
    if (JSON.stringify(again.config) !== JSON.stringify(config)) {
      starting.dispose();
      throw new Error(`Cannot hand over: ${url} holds another model than at the start`);
    }
    const { files } = again;
    return await starting.open(engine, { config, files, url: url.href }, { onProblem });
  };
  const onFailure = (error: unknown) => log({ level: "error", worker: String(error) });
  const compute = new HandoverCompute(first, { openNext, onFailure });
  const { name: model, version } = config;
  return {
    bundled: { model, version, digest, config, compute, readCard: cardReader(url) },
    compute,
  };
}

/** The digest of a version's manifest, where the model directory is one. */
async function bundledDigest(url: URL): Promise<string | undefined> {
  const manifest = await readOptionalModelFile(url, MANIFEST_FILE);
  return manifest && await sha256(manifest);
}
