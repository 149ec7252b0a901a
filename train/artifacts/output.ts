/**
 * Turns what a run learnt into a model directory: weights, config, ONNX, log, pictures and card.
 * @module
 */
import { readdir } from "node:fs/promises";
import type { Engine } from "../../src/engine/engine.ts";
import { createSimdEngine } from "../../src/engine/simd/simd.ts";
import {
  directoryUrl,
  readModelFile,
  saveModel,
  type StoredModel,
  writeModelFile,
} from "../../src/repository/model_directory.ts";
import type { Classifier, Dbn } from "../../src/model/dbn.ts";
import { type ModelConfig, modelFiles } from "../../src/format/config.ts";
import type { Model } from "../../src/format/weights.ts";
import { type CardFacts, modelCard } from "./card.ts";
import { evaluate, evaluateJoint, type Evaluation } from "../measure/evaluation.ts";
import type { Examples } from "../data/examples.ts";
import { exportOnnx } from "./interchange/export_onnx.ts";
import { drawPictures } from "./pictures.ts";
import { writeStaged } from "./staging.ts";
import { writeModelManifest, writeModelProbe } from "./version.ts";
import type { Recipe } from "../recipes/recipe.ts";
import type { EpochRecord } from "../run/checkpoint.ts";
import { type Lock, lockFirstNew } from "../run/lock.ts";
import type { TrainedParts } from "../run/run.ts";

/** File in a model directory that holds the run's epochs, one JSON object a line. */
export const LOG_FILE = "training_log.jsonl";

/** Versions that are tried, each of them being written by another training. */
const MAX_TRAININGS = 1000;

/** What a finished run is saved with. */
export interface OutputOptions {
  /** Name of the model. */
  name: string;
  /** Directory to write. */
  out: string;
  /** What it was trained by. */
  recipe: Recipe;
  /** Name of the dataset. */
  dataset: string;
  /** Directory of the dataset as a user names it, where it is not the one that comes with MNIST. */
  dataDirectory?: string;
  /** SHA-256 of the test images and labels, where the dataset is not built in. */
  testSha256?: string;
  /** Where the first RBM is from, if another program has trained it. */
  imported?: string;
  /** What its errors are measured on. */
  test: Examples;
  /** Of an image, in pixels. */
  height: number;
  /** Of an image, in pixels. */
  width: number;
  /** One name a class. */
  labels: string[];
  /** Aborted, what was written is removed at once, and nothing is in its place. */
  signal?: AbortSignal;
}

/** A run that made a whole model. */
export type CompleteParts = TrainedParts & { dbn: Dbn; classifier: Classifier };

/** Saves a finished run and reports its test errors. The directory is there when all of it is written. */
export async function saveRun(
  parts: CompleteParts,
  options: OutputOptions,
): Promise<{ model: StoredModel; evaluation: Evaluation }> {
  const { out, signal } = options;
  const { model, evaluation } = await writeStaged(
    out,
    (path) => writeRun(parts, options, path),
    signal,
  );
  return { model: { ...model, url: await directoryUrl(out) }, evaluation };
}

async function writeRun(
  parts: CompleteParts,
  options: OutputOptions,
  directory: string,
): Promise<{ model: StoredModel; evaluation: Evaluation }> {
  const url = await directoryUrl(options.out);
  const model: Model = { ...parts, config: configOf(parts, options, url) };
  const engine = createSimdEngine(model);
  const evaluation: Evaluation = {
    ...await evaluate(engine, options.test),
    ...(parts.greedy && { greedy: await evaluateJoint(parts.greedy, options.test) }),
  };
  model.config.evaluation = { split: "test", ...evaluation };
  const stored = await saveModel(directory, model);
  await exportOnnx(stored);
  const log = parts.history.map((record) => `${JSON.stringify(record)}\n`).join("");
  await writeModelFile(stored.url, LOG_FILE, log);
  const { history } = parts, { out: path } = options;
  await describeModel(stored, engine, { ...options, evaluation, history, path });
  engine.dispose();
  return { model: stored, evaluation };
}

/** Draws a stored model's pictures, writes its card and its probe, and makes a version of it all. */
export async function describeModel(
  model: StoredModel,
  engine: Engine,
  { test, ...facts }: Omit<CardFacts, "pictures"> & { test: Examples },
): Promise<void> {
  const pictures = await drawPictures(model, engine, facts.history, test);
  await writeModelFile(model.url, modelFiles.card, modelCard(model.config, { ...facts, pictures }));
  await writeModelProbe(model, test);
  await writeModelManifest(model);
}

/** The epochs of a stored model's run; none if the model has no log. */
export async function readLog({ url }: StoredModel): Promise<EpochRecord[]> {
  try {
    const log = new TextDecoder().decode(await readModelFile(url, LOG_FILE));
    return log.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  } catch (error) {
    if (((error as Error).cause as { code?: string } | undefined)?.code !== "ENOENT") throw error;
    return [];
  }
}

/**
 * Locks `models/NAME/V` with V one above the highest version there is, or a higher one where others write
 * those, so that nothing is overwritten.
 */
export async function lockNextVersion(name: string): Promise<{ directory: string; lock: Lock }> {
  let versions: number[] = [];
  try {
    versions = (await readdir(`models/${name}`)).filter((entry) => /^\d+$/.test(entry)).map(Number);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
  const next = Math.max(0, ...versions) + 1;
  const directories = Array.from({ length: MAX_TRAININGS }, (_, i) => `models/${name}/${next + i}`);
  return await lockFirstNew(directories);
}

/** The version that a directory numbers; 1 where its name is no number. */
export function versionOf({ pathname }: URL): number {
  return Math.max(1, Number(/(\d+)\/$/.exec(pathname)?.[1] ?? 1));
}

function configOf(
  { dbn, history, warnings }: TrainedParts & { dbn: Dbn },
  options: OutputOptions,
  url: URL,
): ModelConfig {
  const { recipe, name, dataset, testSha256, imported, height, width, labels } = options;
  const seconds = history.reduce((sum, record) => sum + record.seconds, 0);
  return {
    format: "dbn-edge/1",
    name,
    version: versionOf(url),
    architecture: {
      height,
      width,
      layers: [dbn.stack[0].visibleSize, ...dbn.stack.map(({ hiddenSize }) => hiddenSize)],
      top: dbn.top.hiddenSize,
      labels,
      classifier: [...dbn.stack, dbn.top].map(({ hiddenSize }) => hiddenSize),
      ...(recipe.fineTuning.activation !== "sigmoid" && {
        activation: recipe.fineTuning.activation,
      }),
    },
    preprocessing: { divisor: recipe.divisor },
    training: {
      dataset,
      ...(testSha256 !== undefined && { testSha256 }),
      ...(imported !== undefined && { imported }),
      recipe,
      seconds: Math.round(seconds),
      ...(warnings.length > 0 && { warnings }),
    },
  };
}
