/**
 * Pictures of a trained model for its card: curves and histograms of its log, what its units respond to,
 * reconstructions, in-paintings and samples.
 * @module
 */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { GridOptions } from "../../src/image/grid.ts";
import { concatFloats } from "../../src/math/matrix.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { generateFrame, gibbsChain } from "../../src/sampling/gibbs.ts";
import { expandDbn } from "../../src/model/dbn.ts";
import { type StoredModel, writeModelFile } from "../../src/repository/model_directory.ts";
import type { EpochRecord } from "../run/checkpoint.ts";
import { type Examples, readRows } from "../data/examples.ts";
import { errorCurves, learningCurves } from "./curves.ts";
import { weightHistograms } from "./histograms.ts";
import { type GridLabels, labelledGridPng } from "./labelled_grid.ts";
import { unitPictures } from "./units.ts";
import { type Chart, renderSvg } from "./vega.ts";

/** A picture in a model directory. */
export interface Picture {
  /** Its name there, `images/…`. */
  file: string;
  caption: string;
}

const SAMPLES_A_CLASS = 10;
/** Images that are in-painted, and chains of each. */
const INPAINTED = 15, COMPLETIONS = 3, INPAINTING_STEPS = 200;
const CHAIN_STEPS = [1, 3, 10, 30, 100, 300, 1000, 3000];
/** Units shown of a layer, and in a row. */
const UNITS = 60, UNIT_COLUMNS = 15;
const RECONSTRUCTED_COLUMNS = 20;

/** Draws every picture into the model's directory, and says what there is. */
export async function drawPictures(
  model: StoredModel,
  engine: Engine,
  history: readonly EpochRecord[],
  test: Examples,
): Promise<Picture[]> {
  const { height, width, labels } = model.config.architecture;
  const drawn: Picture[] = [];
  await mkdir(fileURLToPath(new URL("images/", model.url)), { recursive: true });
  const write = async (name: string, caption: string, content: string | Uint8Array) => {
    const file = `images/${name}`;
    await writeModelFile(model.url, file, content);
    drawn.push({ file, caption });
  };
  const chart = async (name: string, caption: string, drawing: Chart | undefined) => {
    if (drawing) await write(name, caption, await renderSvg(drawing));
  };
  const grid = async (
    name: string,
    caption: string,
    images: Float32Array,
    names: GridLabels,
    options: GridOptions,
  ) => write(name, caption, await labelledGridPng(images, names, { height, width, ...options }));

  await chart("learning_curves.svg", "Learning curves, by stage", learningCurves(history));
  await chart(
    "error_curves.svg",
    "Classification error while training, by stage",
    errorCurves(history),
  );
  await chart(
    "weights.svg",
    "Weights of each RBM, and their last update in an epoch: a needle where the learning rate falls to 0",
    weightHistograms(history),
  );
  for (
    const [layer, { units, images }] of unitPictures(expandDbn(model.dbn), test, UNITS).entries()
  ) {
    const where = layer === model.dbn.stack.length ? "at the top" : `of layer ${layer + 1}`;
    const caption = `The ${units.length} units ${where} that vary most over test images, ` +
      (layer === 0
        ? "each as its weights: light excites it, dark inhibits it"
        : "each as its covariance with the pixels: light is on when the unit is, dark is off");
    const name = layer === 0 ? "filters.png" : `units${layer + 1}.png`;
    await grid(name, caption, images, {}, { columns: UNIT_COLUMNS, scale: 2 });
  }
  await grid(
    "inpainting.png",
    `Test images, their upper half, and ${COMPLETIONS} samples of the lower half given the upper`,
    await inpainted(engine, test),
    {
      rows: [
        ...["image", "given"],
        ...Array.from({ length: COMPLETIONS }, (_, i) => `sample ${i + 1}`),
      ],
    },
    { columns: INPAINTED, scale: 2 },
  );
  const reconstructed = await reconstructions(engine, test);
  const rows = reconstructed.length / (RECONSTRUCTED_COLUMNS * engine.imageSize);
  await grid(
    "reconstructions.png",
    "Test images, and each after one pass up to the layer below the top and down again",
    reconstructed,
    { rows: Array.from({ length: rows }, (_, row) => row % 2 === 0 ? "image" : "up, down") },
    { columns: RECONSTRUCTED_COLUMNS },
  );
  await grid(
    "samples.png",
    "Samples of each class, by chains of 1,000 Gibbs steps with the label held",
    await classSamples(engine),
    { rows: labels },
    { columns: SAMPLES_A_CLASS, scale: 2 },
  );
  await grid(
    "chain.png",
    "One chain of each class, with the label held, after as many Gibbs steps as the column says",
    await chainFrames(engine),
    { rows: labels, columns: CHAIN_STEPS.map((steps) => steps.toLocaleString("en")) },
    { columns: CHAIN_STEPS.length, scale: 2 },
  );
  return drawn;
}

/** Rows of images, each followed by a row of their up-and-down passes; black where images run out. */
async function reconstructions(engine: Engine, test: Examples): Promise<Float32Array> {
  const columns = RECONSTRUCTED_COLUMNS, rows: Float32Array[] = [];
  for (let first = 0; first < Math.min(test.count, 3 * columns); first += columns) {
    const count = Math.min(columns, test.count - first);
    const images = readRows(test, first, count);
    const blank = new Float32Array((columns - count) * engine.imageSize);
    rows.push(images, blank, await engine.downPass(await engine.upPass(images)), blank);
  }
  return concatFloats(rows);
}

/** A row of images, one of their upper halves, and rows of samples that keep it. */
async function inpainted(engine: Engine, test: Examples): Promise<Float32Array> {
  const size = engine.imageSize, count = Math.min(INPAINTED, test.count);
  const originals = readRows(test, 0, count), half = Math.floor(size / 2);
  const out = new Float32Array((2 + COMPLETIONS) * INPAINTED * size);
  out.set(originals);
  for (let i = 0; i < count; i++) {
    const pixels = originals.subarray(i * size, (i + 1) * size);
    out.set(pixels.subarray(0, half), (INPAINTED + i) * size);
    const mask = Uint8Array.from({ length: size }, (_, at) => at < half ? 1 : 0);
    const { images } = await generateFrame(engine, {
      n: COMPLETIONS,
      steps: INPAINTING_STEPS,
      seed: i,
      clamp: { pixels, mask },
    });
    for (let sample = 0; sample < COMPLETIONS; sample++) {
      const from = images.subarray(sample * size, (sample + 1) * size);
      out.set(from, ((2 + sample) * INPAINTED + i) * size);
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
