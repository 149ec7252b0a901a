/**
 * Error on labelled images: the fine-tuned classifier and the joint model.
 * @module
 */
import { argmaxRows } from "../../src/math/activations.ts";
import type { ImageClassifier, JointModel } from "../../src/engine/engine.ts";
import { createSimdClassifier, createSimdJointModel } from "../../src/engine/simd/simd.ts";
import type { Classifier, Dbn } from "../../src/model/dbn.ts";
import { eventLoopTurn } from "../../src/sampling/pace.ts";
import { checkRows } from "../data/check.ts";
import { type Examples, readRows } from "../data/examples.ts";

/** Errors of one way to classify. */
export interface ErrorRate {
  /** Images with another label. */
  wrong: number;
  /** Of all images. */
  percent: number;
  /** 95 % interval of the percentage; Wilson (1927). */
  interval: [low: number, high: number];
}

/** What {@linkcode evaluate} measures. */
export interface Evaluation {
  /** Images that were classified. */
  images: number;
  /** Of the fine-tuned network. */
  classifier: ErrorRate;
  /** Of the joint model of images and labels. */
  joint: ErrorRate;
  /** The joint model before the up-down algorithm, where that was run. */
  greedy?: ErrorRate;
}

const ROWS = 250;

/**
 * Classifies every example both ways. `onProgress` hears the number done.
 * @throws {RangeError} naming the first value that is not in [0, 1].
 */
export async function evaluate(
  engine: ImageClassifier & JointModel,
  examples: Examples,
  onProgress: (done: number) => void = () => {},
): Promise<Evaluation> {
  const [classifier, joint] = await errorRates(
    examples,
    engine.labelSize,
    [
      (images) => engine.classifierProbabilities(images),
      (images) => jointProbabilities(engine, images),
    ],
    onProgress,
  );
  return { images: examples.count, classifier, joint };
}

/** Classifies every example by a joint model alone, with the engine that serves. */
export async function evaluateJoint(dbn: Dbn, examples: Examples): Promise<ErrorRate> {
  const engine = createSimdJointModel(dbn);
  const [joint] = await errorRates(examples, engine.labelSize, [
    (images) => jointProbabilities(engine, images),
  ]);
  engine.dispose();
  return joint;
}

/** Classifies every example by a network alone, with the engine that serves. */
export async function evaluateClassifier(
  classifier: Classifier,
  examples: Examples,
): Promise<Pick<Evaluation, "images" | "classifier">> {
  const engine = createSimdClassifier(classifier);
  const [error] = await errorRates(examples, engine.labelSize, [
    (images) => engine.classifierProbabilities(images),
  ]);
  engine.dispose();
  return { images: examples.count, classifier: error };
}

async function jointProbabilities(engine: JointModel, images: Float32Array): Promise<Float32Array> {
  return (await engine.jointPosterior(images)).probabilities;
}

/** Errors of each way to classify. */
async function errorRates(
  examples: Examples,
  labelSize: number,
  ways: ((images: Float32Array) => Promise<Float32Array>)[],
  onProgress: (done: number) => void = () => {},
): Promise<ErrorRate[]> {
  const counts = ways.map(() => 0);
  for (let first = 0; first < examples.count; first += ROWS) {
    const rows = Math.min(ROWS, examples.count - first);
    const images = readRows(examples, first, rows);
    checkRows(images, { size: examples.size, name: "examples", first });
    const labels = examples.labels.subarray(first, first + rows);
    for (const [i, classify] of ways.entries()) {
      counts[i] += wrong(await classify(images), labels, labelSize);
    }
    onProgress(first + rows);
    await eventLoopTurn(); // in which an interrupt can arrive
  }
  return counts.map((count) => errorRate(count, examples.count));
}

function wrong(probabilities: Float32Array, labels: Uint8Array, labelSize: number): number {
  return argmaxRows(probabilities, labelSize).filter((label, i) => label !== labels[i]).length;
}

/** A share as a percentage with its 95 % Wilson interval. */
export function errorRate(wrong: number, total: number): ErrorRate {
  const z = 1.959964, p = wrong / total, z2 = z * z / total;
  const middle = (p + z2 / 2) / (1 + z2);
  const half = z * Math.sqrt(p * (1 - p) / total + z2 / (4 * total)) / (1 + z2);
  return {
    wrong,
    percent: round(100 * p),
    interval: [round(100 * (middle - half)), round(100 * (middle + half))],
  };
}

function round(x: number): number {
  return Math.round(1000 * x) / 1000;
}
