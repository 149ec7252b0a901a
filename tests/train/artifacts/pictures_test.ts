import { assert, assertEquals } from "@std/assert";
import { createSimdEngine } from "../../../src/engine/simd/simd.ts";
import { decodePng } from "../../../src/image/png.ts";
import { loadModel, saveModel } from "../../../src/repository/model_directory.ts";
import { generateFrame } from "../../../src/sampling/gibbs.ts";
import { describeModel, LOG_FILE, readLog } from "../../../train/artifacts/output.ts";
import { errorCurves, learningCurves } from "../../../train/artifacts/curves.ts";
import { weightHistograms } from "../../../train/artifacts/histograms.ts";
import { renderSvg } from "../../../train/artifacts/vega.ts";
import { runCommand } from "../../../src/cli/command.ts";
import { command as optimizers } from "../../../train/cli/optimizers.ts";
import { floatExamples } from "../../../train/data/examples.ts";
import { presets } from "../../../train/recipes/presets.ts";
import { tinyModel, type TinySizes } from "../../model/tiny_model.ts";
import { readSvg } from "./svg.ts";

const rate = { wrong: 0, percent: 0, interval: [0, 1] as [number, number] };

/** Describes a tiny model in a new directory, from `log` and `count` test images; reads what is there. */
async function describe(sizes: TinySizes, log: object[] | undefined, count: number) {
  const path = await Deno.makeTempDir(), model = tinyModel(sizes);
  await saveModel(path, model);
  if (log) {
    await Deno.writeTextFile(`${path}/${LOG_FILE}`, log.map((x) => JSON.stringify(x)).join("\n"));
  }
  const { height, width, labels } = model.config.architecture, size = height * width;
  const stored = await loadModel(path), engine = createSimdEngine(stored);
  const pixels = Float32Array.from({ length: count * size }, (_, i) => (i * 31 % 97) / 97);
  const classes = Uint8Array.from({ length: count }, (_, i) => i % labels.length);
  await describeModel(stored, engine, {
    test: floatExamples(pixels, classes, size),
    recipe: presets.quick,
    dataset: "idx",
    evaluation: { images: count, classifier: rate, joint: rate },
    history: await readLog(stored),
    path,
  });
  const images = [...Deno.readDirSync(`${path}/images`)].map(({ name }) => name).sort();
  const card = await Deno.readTextFile(`${path}/README.md`);
  for (const name of images) assert(card.includes(`(images/${name})`), `the card lacks ${name}`);
  return { path, images, engine };
}

const grids = [
  ...["chain.png", "filters.png", "inpainting.png", "reconstructions.png", "samples.png"],
  "units2.png",
];

Deno.test("a model is drawn from a log of epochs without an error", async () => {
  const epochs = [0.5, 1, 0.95].map((accuracy, i) => ({
    ...{ stage: "classifier", epoch: i + 1, epochs: 3, seconds: 1 },
    metrics: { loss: [0.1, 0, 0.001][i], accuracy, val_error_percent: 0 },
  }));
  const { path, images, engine } = await describe({ hidden: [9] }, epochs, 40);
  engine.dispose();
  assertEquals(images, [...grids, "error_curves.svg", "learning_curves.svg"].sort());
  for (const name of ["error_curves.svg", "learning_curves.svg"]) {
    const { texts, lines } = readSvg(await Deno.readTextFile(`${path}/images/${name}`));
    assert(texts.some((text) => text.endsWith("0 at its foot")), texts.join(" | "));
    assert(lines.length > 0, name);
  }
});

Deno.test("a model without a log, few images and no square ones has its grids alone", async () => {
  const sizes = { hidden: [8, 7, 6], height: 5, width: 7, labels: 3 };
  const { path, images, engine } = await describe(sizes, undefined, 4);
  assertEquals(images, [...grids, "units3.png", "units4.png"].sort());
  const picture = await decodePng(await Deno.readFile(`${path}/images/samples.png`));
  const { images: samples } = await generateFrame(engine, {
    n: 30,
    label: Array.from({ length: 30 }, (_, i) => Math.floor(i / 10)),
    steps: 1000,
    seed: 1,
  });
  engine.dispose();
  const left = picture.width - (10 * 16 + 2); // ten images of 7 pixels at scale 2, with gaps of 2
  assert(left > 0 && picture.height === 3 * 12 + 2, `${picture.width} × ${picture.height}`);
  for (let i = 0; i < samples.length; i++) {
    const image = Math.floor(i / 35), y = Math.floor(i % 35 / 7), x = i % 7;
    const row = 2 + 12 * Math.floor(image / 10) + 2 * y,
      column = left + 2 + 16 * (image % 10) + 2 * x;
    assertEquals(picture.data[row * picture.width + column], Math.round(255 * samples[i]));
  }
});

Deno.test("the released model's charts are what its log draws", async () => {
  const model = await loadModel(), history = await readLog(model);
  const charts = {
    "learning_curves.svg": learningCurves(history),
    "error_curves.svg": errorCurves(history),
    "weights.svg": weightHistograms(history),
  };
  for (const [name, chart] of Object.entries(charts)) {
    const kept = await Deno.readTextFile(new URL(`images/${name}`, model.url));
    assertEquals(await renderSvg(chart!), kept, `${name} is out of date: run deno task card`);
    assert(kept.length < 60_000, `${name} takes ${kept.length} bytes`);
  }
});

Deno.test("the released comparison of optimizers is what its results draw", async () => {
  const kept = new URL("../../../models/results/optimizers/", import.meta.url);
  const out = await Deno.makeTempDir();
  await Deno.copyFile(new URL("results.json", kept), `${out}/results.json`);
  assertEquals(await runCommand(optimizers, ["--redraw", "--out", out]), 0);
  const names = [...Deno.readDirSync(kept)].map(({ name }) => name).sort();
  assertEquals([...Deno.readDirSync(out)].map(({ name }) => name).sort(), names);
  for (const name of names) {
    const drawn = await Deno.readTextFile(`${out}/${name}`);
    assertEquals(drawn, await Deno.readTextFile(new URL(name, kept)), name);
  }
});
