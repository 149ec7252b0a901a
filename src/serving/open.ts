/**
 * Opens what a server computes with: this thread in pieces, and a worker where the platform has them.
 * @module
 */
import type { EngineName, EngineOptions } from "../engine/engine.ts";
import { loadEngine } from "../engine/open.ts";
import { readModel } from "../format/weights.ts";
import type { Compute } from "./compute.ts";
import { InlineCompute } from "./inline_compute.ts";
import { StartingWorker, type WorkerModel } from "./worker_compute.ts";

/** What will compute, before it has a model: a worker starts while files are read. */
export interface StartingCompute {
  /** Gives it the model, whose bytes it may keep. Resolves when it can compute. */
  open(engine: EngineName, model: WorkerModel, options?: EngineOptions): Promise<Compute>;
}

/**
 * Starts a worker; none where the platform has no workers.
 * @param create makes one; throws `TypeError`, `ReferenceError` or `DOMException` where there are none
 */
export function startWorker(
  create: () => StartingCompute = () => new StartingWorker(),
): StartingCompute | undefined {
  try {
    return create();
  } catch (error) {
    const isMissing = error instanceof TypeError || error instanceof ReferenceError ||
      error instanceof DOMException;
    if (!isMissing) throw error;
    return undefined;
  }
}

/** An engine on this thread, in pieces. */
export async function openInline(
  engineName: EngineName,
  { config, files, url }: WorkerModel,
  options: EngineOptions = {},
): Promise<Compute> {
  const create = await loadEngine(engineName),
    model = { ...readModel(config, files), url: new URL(url) };
  const engine = await create(model, options), blank = new Float32Array(engine.imageSize);
  await engine.classifierProbabilities(blank); // the first call compiles kernels and places weights
  await engine.jointPosterior(blank);
  return new InlineCompute(engine, model.config.architecture);
}
