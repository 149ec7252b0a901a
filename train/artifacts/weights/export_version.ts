/**
 * Makes a version of another one with its weights in fewer bits: everything that a training leaves, with
 * the errors, pictures and probe of the new weights.
 * @module
 */
import { createSimdEngine } from "../../../src/engine/simd/simd.ts";
import type { Dtype } from "../../../src/format/safetensors.ts";
import { dtypeOf, expandModel } from "../../../src/format/weights.ts";
import {
  directoryUrl,
  readOptionalModelFile,
  saveModel,
  type StoredModel,
  writeModelFile,
} from "../../../src/repository/model_directory.ts";
import type { Examples } from "../../data/examples.ts";
import { evaluate, type Evaluation } from "../../measure/evaluation.ts";
import type { CardFacts } from "../card.ts";
import { exportOnnx } from "../interchange/export_onnx.ts";
import { describeModel, LOG_FILE, readLog, versionOf } from "../output.ts";
import { writeStaged } from "../staging.ts";
import { toDtype } from "./quantize.ts";

/** What a version is made with besides the weights. */
export interface ExportOptions extends Pick<CardFacts, "recipe" | "dataset" | "dataDirectory"> {
  dtype: Dtype;
  /** Directory to write. */
  out: string;
  /** Test errors of the joint model before up-down, which is not stored. */
  greedy?: Evaluation["greedy"];
  test: Examples;
  /** Aborted, what was written is removed at once, and nothing is in its place. */
  signal?: AbortSignal;
}

/** Writes the version and reports its test errors. The directory is there when all of it is written. */
export async function exportVersion(
  source: StoredModel,
  { dtype, out, greedy, test, signal, ...facts }: ExportOptions,
): Promise<{ model: StoredModel; evaluation: Evaluation }> {
  const url = await directoryUrl(out);
  const write = async (path: string) => {
    const model = toDtype(expandModel(source), dtype), engine = createSimdEngine(model);
    const evaluation: Evaluation = { ...await evaluate(engine, test), ...(greedy && { greedy }) };
    const { format, name, version, architecture, preprocessing, training } = source.config;
    model.config = {
      ...{ format, name, version: versionOf(url), architecture, dtype },
      origin: { version, dtype: dtypeOf(source.config) },
      preprocessing,
      training,
      evaluation: { split: "test", ...evaluation },
    };
    const stored = await saveModel(path, model);
    await exportOnnx(stored);
    const log = await readOptionalModelFile(source.url, LOG_FILE);
    if (log) await writeModelFile(stored.url, LOG_FILE, log);
    const history = await readLog(stored);
    await describeModel(stored, engine, { ...facts, test, evaluation, history, path: out });
    engine.dispose();
    return { model: { ...stored, url }, evaluation };
  };
  return await writeStaged(out, write, signal);
}
