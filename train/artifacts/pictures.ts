/**
 * Pictures of a trained model for its card: learning curves, filters, reconstructions, samples.
 * @module
 */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { toGridPng } from "../../src/image/grid.ts";
import { concatFloats } from "../../src/math/matrix.ts";
import { filterGrid, linePlot } from "../../src/image/plot.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { generateFrame, gibbsChain } from "../../src/sampling/gibbs.ts";
import { type StoredModel, writeModelFile } from "../../src/repository/directory.ts";
import type { EpochRecord } from "../run/checkpoint.ts";
import { type Examples, readRows } from "../data/examples.ts";

/** Names of the pictures in a model directory, and what they show. */
export const pictures = {
  "images/learning_curves.png": "Learning curves",
  "images/error_curves.png": "Classification error while training",
  "images/filters.png": "The first 100 filters of the first layer",
  "images/filters2.png": "100 units of the second layer, as sums of the first layer's filters",
  "images/filters3.png": "100 units at the top, as sums of what is below",
  "images/inpainting.png":
    "Test digits, their upper half, and three dreams of the lower half given the upper",
  "images/reconstructions.png": "Test digits (odd rows) and their up-and-down pass (even rows)",
  "images/samples.png": "Class-clamped samples, a class a row, 1,000 Gibbs steps",
  "images/chain.png": "One chain a class (rows) at 1, 3, 10, 30, 100, 300, 1000 and 3000 steps",
} as const;

const FILTERS = ["images/filters.png", "images/filters2.png", "images/filters3.png"] as const;
const SAMPLES_A_CLASS = 10;
/** Digits that are in-painted, and chains of each. */
const INPAINTED = 15, DREAMS = 3, INPAINTING_STEPS = 200;
const CHAIN_STEPS = [1, 3, 10, 30, 100, 300, 1000, 3000];

/** Draws every picture into the model's directory. */
export async function drawPictures(
  model: StoredModel,
  engine: Engine,
  history: EpochRecord[],
  test: Examples,
): Promise<void> {
  const { height, width } = model.config.architecture;
  const shape = { height, width };
  await mkdir(fileURLToPath(new URL("images/", model.url)), { recursive: true });
  const write = async (name: keyof typeof pictures, png: Uint8Array | Promise<Uint8Array>) =>
    await writeModelFile(model.url, name, await png);
  await write("images/learning_curves.png", learningCurves(history));
  await write("images/error_curves.png", errorCurves(history));
  const layers = [...model.dbn.stack, model.dbn.top].slice(0, 3);
  let filters = layers[0].weights;
  for (const [i, name] of FILTERS.slice(0, layers.length).entries()) {
    if (i > 0) filters = product(filters, layers[i - 1].hiddenSize, layers[i].weights);
    const count = Math.min(100, layers[i].hiddenSize);
    await write(name, filterGrid(filters, { ...shape, count, columns: 20 }));
  }
  await write(
    "images/inpainting.png",
    toGridPng(await inpainted(engine, test), { ...shape, columns: INPAINTED, scale: 2 }),
  );
  await write(
    "images/reconstructions.png",
    toGridPng(await reconstructions(engine, test), { ...shape, columns: 20 }),
  );
  await write(
    "images/samples.png",
    toGridPng(await classSamples(engine), { ...shape, columns: SAMPLES_A_CLASS, scale: 2 }),
  );
  await write(
    "images/chain.png",
    toGridPng(await chainFrames(engine), { ...shape, columns: CHAIN_STEPS.length, scale: 2 }),
  );
}

function learningCurves(history: EpochRecord[]) {
  return linePlot({
    title: "Reconstruction error and loss",
    xLabel: "epoch of the stage",
    yLabel: "squared error a case, or nats",
    logY: true,
    series: curves(history, ["reconstruction_error", "sampled_reconstruction_error", "loss"]),
  });
}

function errorCurves(history: EpochRecord[]) {
  return linePlot({
    title: "Classification error",
    xLabel: "epoch of the stage",
    yLabel: "percent",
    logY: true,
    series: [
      ...curves(history, ["error_percent", "val_error_percent"]),
      ...curves(history, ["accuracy"]).map(({ name, x, y }) => ({
        name: name.replace("accuracy", "error of training batches"),
        x,
        y: y.map((accuracy) => 100 * (1 - accuracy)),
      })),
    ],
  });
}

/** One series for each stage and metric that the history has. Zeros have no place on a log axis. */
function curves(history: EpochRecord[], metrics: string[]) {
  const stages = [...new Set(history.map(({ stage }) => stage))];
  return stages.flatMap((stage) =>
    metrics.map((metric) => {
      const points = history.filter((r) => r.stage === stage && r.metrics[metric] > 0);
      return {
        name: `${stage} ${metric.replaceAll("_", " ")}`,
        x: points.map(({ epoch }) => epoch),
        y: points.map((r) => r.metrics[metric]),
      };
    })
  ).filter(({ x }) => x.length > 0);
}

/** Rows of 20 digits, each followed by a row of their up-and-down passes. */
async function reconstructions(engine: Engine, test: Examples): Promise<Float32Array> {
  const columns = Math.min(20, test.count), rows: Float32Array[] = [];
  for (let first = 0; first + columns <= Math.min(test.count, 3 * columns); first += columns) {
    const digits = readRows(test, first, columns);
    rows.push(digits, await engine.downPass(await engine.upPass(digits)));
  }
  return concatFloats(rows);
}

/** a (V, I) · b (I, H). */
function product(a: Float32Array, inner: number, b: Float32Array): Float32Array {
  const rows = a.length / inner, columns = b.length / inner;
  const out = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const x = a[i * inner + k];
      for (let j = 0; j < columns; j++) out[i * columns + j] += x * b[k * columns + j];
    }
  }
  return out;
}

/** A row of digits, one of their upper halves, and rows of dreams that keep the upper half. */
async function inpainted(engine: Engine, test: Examples): Promise<Float32Array> {
  const size = engine.imageSize, count = Math.min(INPAINTED, test.count);
  const digits = readRows(test, 0, count), half = Math.floor(size / 2);
  const out = new Float32Array((2 + DREAMS) * INPAINTED * size);
  out.set(digits);
  for (let i = 0; i < count; i++) {
    const pixels = digits.subarray(i * size, (i + 1) * size);
    out.set(pixels.subarray(0, half), (INPAINTED + i) * size);
    const mask = Uint8Array.from({ length: size }, (_, at) => at < half ? 1 : 0);
    const { images } = await generateFrame(engine, {
      n: DREAMS,
      steps: INPAINTING_STEPS,
      seed: i,
      clamp: { pixels, mask },
    });
    for (let dream = 0; dream < DREAMS; dream++) {
      const from = images.subarray(dream * size, (dream + 1) * size);
      out.set(from, ((2 + dream) * INPAINTED + i) * size);
    }
  }
  return out;
}

async function classSamples(engine: Engine): Promise<Float32Array> {
  const label = Array.from(
    { length: engine.labelSize * SAMPLES_A_CLASS },
    (_, i) => Math.floor(i / SAMPLES_A_CLASS),
  );
  const frame = await generateFrame(engine, { n: label.length, label, steps: 1000, seed: 1 });
  return frame.images;
}

/** A row a class, a column a kept step of the same chain. */
async function chainFrames(engine: Engine): Promise<Float32Array> {
  const n = engine.labelSize, size = engine.imageSize;
  const label = Array.from({ length: n }, (_, i) => i);
  const out = new Float32Array(n * CHAIN_STEPS.length * size);
  const steps = CHAIN_STEPS[CHAIN_STEPS.length - 1];
  for await (const { step, images } of gibbsChain(engine, { n, label, steps, seed: 2 })) {
    const column = CHAIN_STEPS.indexOf(step);
    if (column < 0) continue;
    for (let row = 0; row < n; row++) {
      out.set(
        images.subarray(row * size, (row + 1) * size),
        (row * CHAIN_STEPS.length + column) * size,
      );
    }
  }
  return out;
}
