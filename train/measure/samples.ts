/**
 * Class-clamped samples: whether a classifier that learnt from real images alone reads them as their class,
 * and whether they differ from one another and from those images.
 * @module
 */
import type { Engine } from "../../src/engine/engine.ts";
import { argmaxRows } from "../../src/math/activations.ts";
import type { Classifier } from "../../src/model/dbn.ts";
import { generateFrame } from "../../src/sampling/gibbs.ts";
import type { Examples } from "../data/examples.ts";
import { createSimdClassifier } from "../../src/engine/simd/simd.ts";
import { errorRate, evaluateClassifier } from "./evaluation.ts";
import { nearestDistances } from "./nearest.ts";

/** How many samples are drawn, and how. */
export interface SampleOptions {
  perClass: number;
  /** Gibbs steps of a sample. */
  steps: number;
  /** What every sample depends on. */
  seed: number;
}

/** A figure of samples beside that of as many test images. */
type Beside<T> = Record<"samples" | "test", T>;

/** What {@linkcode measureSamples} finds. */
export interface SampleFigures {
  /** Test error of the evaluation classifier. */
  classifierErrorPercent: number;
  /** Samples drawn. */
  samples: number;
  steps: number;
  seed: number;
  readAsIntendedPercent: number;
  /** 95 % of it. */
  interval: number[];
  readAsIntendedByClass: number[];
  /** Euclidean distances, pixels in [0, 1]. */
  nearestTrainingImage: Beside<{ smallest: number; quartiles: number[] }>;
  pixelVarianceByClass: Beside<number[]>;
}

/** Draws and measures; `test` must have `perClass` images of every class. */
export async function measureSamples(
  engine: Engine,
  classifier: Classifier,
  { train, test }: { train: Examples; test: Examples },
  { perClass, steps, seed }: SampleOptions,
): Promise<SampleFigures> {
  const { labelSize, imageSize } = engine;
  const { classifier: testError } = await evaluateClassifier(classifier, test);
  const label = Array.from({ length: labelSize * perClass }, (_, i) => Math.floor(i / perClass));
  const { images } = await generateFrame(engine, { n: label.length, label, steps, seed });
  const reader = createSimdClassifier(classifier);
  const read = argmaxRows(await reader.classifierProbabilities(images), labelSize);
  reader.dispose();
  const wrong = label.filter((own, i) => own !== read[i]).length;
  const { percent, interval: [low, high] } = errorRate(wrong, label.length);
  const real = firstOfEachClass(test, perClass, labelSize);
  const variances = (images: Float32Array) =>
    classVariances(images, perClass, imageSize).map(round4);
  return {
    classifierErrorPercent: testError.percent,
    samples: label.length,
    steps,
    seed,
    readAsIntendedPercent: round(100 - percent),
    interval: [round(100 - high), round(100 - low)],
    readAsIntendedByClass: Array.from(
      { length: labelSize },
      (_, y) => label.filter((own, i) => own === y && read[i] === y).length,
    ),
    nearestTrainingImage: {
      samples: quartiles(await nearestDistances(images, train)),
      test: quartiles(await nearestDistances(real, train)),
    },
    pixelVarianceByClass: { samples: variances(images), test: variances(real) },
  };
}

/** Images of the class that has the fewest. */
export function smallestClass({ labels }: Examples, labelSize: number): number {
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
