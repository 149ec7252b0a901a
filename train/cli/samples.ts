/**
 * `dbn samples`: whether class-clamped samples are read as what was asked for, by a classifier
 * that learnt from real digits alone, and whether they differ from one another and from those digits.
 * @module
 */
import { join } from "@std/path";
import type { Command } from "../../src/cli/command.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../src/cli/flags.ts";
import { openEngine } from "../../src/engine/open.ts";
import { openTfjsBackend, tf } from "../../src/engine/tfjs_backend.ts";
import type { DatasetBuilder } from "../../src/data/mnist.ts";
import { taskCommand } from "../../src/cli/shell.ts";
import { argmaxRows } from "../../src/math/activations.ts";
import type { Classifier } from "../../src/model/dbn.ts";
import { generateFrame } from "../../src/sampling/gibbs.ts";
import { loadModel, releasedModel } from "../../src/repository/directory.ts";
import { readCheckpoint } from "../run/checkpoint.ts";
import { loadExamples, seedFlag } from "./data_flags.ts";
import {
  checkTrainedOn,
  openTrainedDataset,
  runTrainedOn,
  trainedDataFlags,
  trainedOn,
} from "./trained_data.ts";
import { createClassifier, errorRate, evaluateClassifier } from "../measure/evaluation.ts";
import { type Examples, readRows } from "../data/examples.ts";

const flagTable: FlagTable = {
  model: { kind: "string", help: "model directory", default: releasedModel },
  classifier: {
    kind: "string",
    help: "run of the evaluation classifier: deno task dbn train --recipe evaluation",
    default: "runs/evaluation",
  },
  n: { kind: "integer", help: "samples of each class", default: "100", range: [2, 10_000] },
  steps: {
    kind: "integer",
    help: "Gibbs steps of a sample",
    default: "1000",
    range: [1, 1_000_000],
  },
  seed: seedFlag,
  ...trainedDataFlags,
  json: { kind: "boolean", help: "print one JSON object" },
};

/** `dbn samples`. */
export const command: Command = {
  usage: "deno task dbn samples [flags]",
  about:
    `Draws class-clamped samples and reports how many the evaluation classifier reads as their class, how far each is from
the nearest training image, and how much they vary, beside the same figures of test images.`,
  flags: flagTable,
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const perClass = (flags.n ?? 100) as number, steps = (flags.steps ?? 1000) as number;
  const seed = (flags.seed ?? 1) as number;
  const model = await loadModel(flags.model as string | undefined);
  const builder = await openTrainedDataset(flags, trainedOn(model.config)),
    { divisor } = model.config.preprocessing;
  const test = await loadExamples(builder, "test", divisor);
  const fewest = smallestClass(test, model.dbn.top.labelSize);
  if (perClass > fewest) {
    throw new FlagError(
      `--n must be in [2, ${fewest}], as many test images as every class has, got ${perClass}`,
    );
  }
  const evaluator = await readClassifier(
    (flags.classifier ?? join("runs", "evaluation")) as string,
    flags["other-data"] ? undefined : builder,
  );
  const { classifier: classifierError } = await evaluateClassifier(evaluator, test);
  const engine = await openEngine(model, { engine: "simd" }), { labelSize, imageSize } = engine;
  const label = Array.from({ length: labelSize * perClass }, (_, i) => Math.floor(i / perClass));
  const { images } = await generateFrame(engine, { n: label.length, label, steps, seed });
  engine.dispose();

  const reader = createClassifier(evaluator);
  const read = argmaxRows(await reader.classifierProbabilities(images), labelSize);
  reader.dispose();
  const rightOf = Array.from(
    { length: labelSize },
    (_, y) => label.filter((own, i) => own === y && read[i] === y).length,
  );
  const wrong = label.filter((own, i) => own !== read[i]).length;
  const { percent, interval: [low, high] } = errorRate(wrong, label.length);
  const train = await loadExamples(builder, "train", divisor);
  const real = firstOfEachClass(test, perClass, labelSize);
  const distances = {
    samples: await nearest(images, train),
    test: await nearest(real, train),
  };
  const variance = {
    samples: classVariances(images, perClass, imageSize),
    test: classVariances(real, perClass, imageSize),
  };
  const result = {
    model: `${model.config.name} version ${model.config.version}`,
    classifierErrorPercent: classifierError.percent,
    samples: label.length,
    steps,
    seed,
    readAsIntendedPercent: round(100 - percent),
    interval: [round(100 - high), round(100 - low)],
    readAsIntendedByClass: rightOf,
    nearestTrainingImage: {
      samples: quartiles(distances.samples),
      test: quartiles(distances.test),
    },
    pixelVarianceByClass: {
      samples: variance.samples.map(round4),
      test: variance.test.map(round4),
    },
  };
  console.log(flags.json ? JSON.stringify(result) : report(result));
}

/** The classifier of a run that had no pretraining, and learnt from the data of `builder` if given. */
async function readClassifier(run: string, builder?: DatasetBuilder): Promise<Classifier> {
  let checkpoint;
  try {
    checkpoint = await readCheckpoint(join(run, "checkpoint.safetensors"));
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    throw new FlagError(
      `--classifier ${run}: no run is there; make one: ${
        taskCommand("dbn", ["train", "--recipe", "evaluation"])
      }`,
    );
  }
  const { recipe, tensors, progress, dataset } = checkpoint;
  if (recipe.pretraining || progress.stage < 1) {
    throw new FlagError(`--classifier ${run}: it must be a finished run without pretraining`);
  }
  if (builder) await checkTrainedOn(builder, runTrainedOn(run, dataset));
  const layers = [...recipe.hidden, recipe.top].length + 1;
  const kept = tensors.has("stage0.best0") ? "best" : "parameter"; // early stopping keeps the best
  return Array.from({ length: layers }, (_, i) => {
    const kernel = tensors.get(`stage0.${kept}${2 * i}`)!;
    return {
      inputSize: kernel.shape[0],
      outputSize: kernel.shape[1],
      kernel: kernel.data,
      bias: tensors.get(`stage0.${kept}${2 * i + 1}`)!.data,
      ...(i < layers - 1 && { activation: recipe.fineTuning.activation }),
    };
  });
}

function smallestClass({ labels }: Examples, labelSize: number): number {
  const counts = new Array(labelSize).fill(0);
  labels.forEach((label) => counts[label]++);
  return Math.min(...counts);
}

/** The first `count` images of every class, a class after the other. */
function firstOfEachClass(examples: Examples, count: number, labelSize: number): Float32Array {
  const indices = Array.from(
    { length: labelSize },
    (_, y) => [...examples.labels.keys()].filter((i) => examples.labels[i] === y).slice(0, count),
  ).flat();
  const out = new Float32Array(indices.length * examples.size);
  examples.read(out, indices);
  return out;
}

/** Euclidean distance of each image to the nearest training image. */
async function nearest(images: Float32Array, train: Examples): Promise<Float64Array> {
  await openTfjsBackend();
  const { size } = train, count = images.length / size, ROWS = 2000;
  const out = new Float64Array(count).fill(Infinity), own = squares(images, size);
  const a = tf.tensor2d(images, [count, size]);
  for (let first = 0; first < train.count; first += ROWS) {
    const rows = readRows(train, first, Math.min(ROWS, train.count - first));
    const theirs = squares(rows, size), width = theirs.length;
    const products = tf.tidy(() =>
      tf.matMul(a, tf.transpose(tf.tensor2d(rows, [width, size]))).dataSync()
    );
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < width; j++) {
        const square = own[i] + theirs[j] - 2 * products[i * width + j];
        if (square < out[i]) out[i] = square;
      }
    }
  }
  a.dispose();
  return out.map((square) => Math.sqrt(Math.max(0, square)));
}

function squares(rows: Float32Array, size: number): Float64Array {
  const out = new Float64Array(rows.length / size);
  rows.forEach((x, i) => out[Math.floor(i / size)] += x * x);
  return out;
}

/** Variance over a class's images, its mean over pixels. */
function classVariances(images: Float32Array, perClass: number, size: number): number[] {
  const classes = images.length / (perClass * size);
  return Array.from({ length: classes }, (_, y) => {
    const mean = new Float64Array(size), square = new Float64Array(size);
    for (let i = y * perClass; i < (y + 1) * perClass; i++) {
      for (let pixel = 0; pixel < size; pixel++) {
        const x = images[i * size + pixel];
        mean[pixel] += x / perClass;
        square[pixel] += x * x / perClass;
      }
    }
    return mean.reduce((sum, m, pixel) => sum + square[pixel] - m * m, 0) / size;
  });
}

function quartiles(values: Float64Array): { smallest: number; quartiles: number[] } {
  const sorted = values.slice().sort();
  const at = (share: number) => round(sorted[Math.floor(share * (sorted.length - 1))]);
  return { smallest: at(0), quartiles: [0.25, 0.5, 0.75].map(at) };
}

function round(x: number): number {
  return Math.round(100 * x) / 100;
}

function round4(x: number): number {
  return Math.round(10_000 * x) / 10_000;
}

function report(r: {
  model: string;
  classifierErrorPercent: number;
  samples: number;
  steps: number;
  seed: number;
  readAsIntendedPercent: number;
  interval: number[];
  readAsIntendedByClass: number[];
  nearestTrainingImage: Record<"samples" | "test", { smallest: number; quartiles: number[] }>;
  pixelVarianceByClass: Record<"samples" | "test", number[]>;
}): string {
  const { samples: ours, test: real } = r.nearestTrainingImage;
  const line = (name: string, { smallest, quartiles }: typeof ours) =>
    `  ${name.padEnd(8)} smallest ${smallest}, quartiles ${quartiles.join(", ")}`;
  return [
    `${r.model}: ${r.samples} class-clamped samples, ${r.steps} Gibbs steps, seed ${r.seed}`,
    `read as their class: ${r.readAsIntendedPercent} % (${
      r.interval.join(" – ")
    }), by an evaluation classifier with ` +
    `${r.classifierErrorPercent} % test error`,
    `  by class: ${r.readAsIntendedByClass.map((right, y) => `${y}: ${right}`).join(", ")}`,
    "distance to the nearest training image:",
    line("samples", ours),
    line("test", real),
    "variance of a pixel within a class, by class:",
    `  samples  ${r.pixelVarianceByClass.samples.join(", ")}`,
    `  test     ${r.pixelVarianceByClass.test.join(", ")}`,
  ].join("\n");
}
