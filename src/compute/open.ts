/**
 * Opens what a server computes with: this thread in pieces, and a worker where the platform has them.
 * @module
 */
import type { EngineName, EngineOptions } from "../engine/engine.ts";
import { loadEngine } from "../engine/open.ts";
import { readModel } from "../format/weights.ts";
import type { Compute } from "./compute.ts";
import { InlineCompute } from "./inline_compute.ts";
import { freeBytes, type WorkerModel } from "./messages.ts";

/** What will compute, before it has a model: a worker starts while files are read. */
export interface StartingCompute {
  /** Gives it the model, whose bytes it may keep. Resolves when it can compute. */
  open(engine: EngineName, model: WorkerModel, options?: EngineOptions): Promise<Compute>;
  /** Ends one that will get no model. */
  dispose(): void;
}

/**
 * Starts a worker; none where the platform has no workers.
 * @param create makes one, `StartingWorker` if left out; throws `TypeError`, `ReferenceError` or `DOMException` where there are none
 */
export async function startWorker(
  create?: () => StartingCompute,
): Promise<StartingCompute | undefined> {
  const { StartingWorker } = await import("./worker_compute.ts"); // not before the first answer
  try {
    return create ? create() : new StartingWorker();
  } catch (error) {
    const isMissing = error instanceof TypeError || error instanceof ReferenceError ||
      error instanceof DOMException;
    if (!isMissing) throw error;
    return undefined;
  }
}

/** An engine on this thread, in pieces; the model's bytes are its own from here on. */
export async function openInline(
  engineName: EngineName,
  { config, files, url }: WorkerModel,
  options: EngineOptions = {},
): Promise<Compute> {
  const create = await loadEngine(engineName), directory = new URL(url);
  const model = { ...readModel(config, files, directory), url: directory };
  const engine = await create(model, options), blank = new Float32Array(engine.imageSize);
  await engine.classifierProbabilities(blank); // the first call compiles kernels and places weights
  await engine.jointPosterior(blank);
  const { dbn, classifier } = files;
  if (engine.settle && classifier.buffer !== dbn.buffer) {
    engine.settle("classifier"); // it is placed already; what only chains need stays in the other file
    freeBytes([classifier]);
  }
  return new InlineCompute(engine, model.config.architecture, dbn);
}
