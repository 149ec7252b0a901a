/** One suite that every engine passes: probabilities against the reference twin, row by row. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createReferenceEngine } from "../../src/engine/reference.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { Dtype } from "../../src/format/safetensors.ts";
import { fillUniform } from "../../src/math/random.ts";
import { saveModel, type StoredModel } from "../../src/repository/model_directory.ts";
import { toDtype } from "../../train/artifacts/weights/quantize.ts";
import { exportOnnx } from "../../train/artifacts/interchange/export_onnx.ts";
import { tinyModel, type TinySizes } from "../model/tiny_model.ts";

/** The largest difference between two engines' probabilities that counts as agreement. */
export const TOLERANCE = 1e-4;

const dtypes: readonly Dtype[] = ["F32", "F16", "I8"];

const shapes: Record<string, TinySizes> = {
  "a stack of two": { height: 6, width: 5, hidden: [33, 31], top: 40 },
  "one layer": { height: 3, width: 3, hidden: [3], top: 1, labels: 2 },
  "sizes of one": { height: 1, width: 1, hidden: [1], top: 1, labels: 2 },
  "a stack of three": { height: 5, width: 7, hidden: [31, 1, 33], top: 17, labels: 3 },
  "a stack with generative weights": {
    height: 6,
    width: 5,
    hidden: [33, 31],
    top: 40,
    untied: true,
  },
  "rectified units": { height: 6, width: 5, hidden: [33, 31], top: 40, activation: "relu" },
  "logits of ±100": { height: 6, width: 6, hidden: [32, 32], top: 64, scale: 15 },
};

/** The largest absolute difference of two arrays of the same length. */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  assertEquals(a.length, b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    assert(Number.isFinite(a[i]), `not finite at ${i}: ${a[i]}`);
    largest = Math.max(largest, Math.abs(a[i] - b[i]));
  }
  return largest;
}

/** A model of the given sizes in a temporary directory, with its ONNX files. */
export async function storeTinyModel(
  sizes: TinySizes,
  dtype: Dtype = "F32",
): Promise<StoredModel> {
  const stored = await saveModel(await Deno.makeTempDir(), toDtype(tinyModel(sizes), dtype));
  await exportOnnx(stored);
  return stored;
}

/** Registers the suite for one engine. */
export function conformance(name: string, open: (model: StoredModel) => Promise<Engine>): void {
  const cases = Object.entries(shapes).flatMap(([what, sizes]) =>
    dtypes.map((dtype) => ({ what: `${what}, ${dtype}`, sizes, dtype }))
  );
  for (const { what, sizes, dtype } of cases) {
    Deno.test(`${name} agrees with the reference twin: ${what}`, async () => {
      const model = await storeTinyModel(sizes, dtype);
      const engine = await open(model), twin = createReferenceEngine(model);
      let largest = 0;
      for (const batch of [1, 2, 3, 31, 33, 100]) {
        for (const temperature of [0.5, 1, 2]) {
          largest = Math.max(largest, await compare(engine, twin, batch, temperature));
        }
      }
      console.log(`largest difference ${largest.toExponential(1)}`);
      assert(largest <= TOLERANCE, `largest difference ${largest}`);
      engine.dispose();
    });
  }

  Deno.test(`${name} gives each row the same bits for every batch size`, async () => {
    const sizes = { height: 9, width: 9, hidden: [70, 61], top: 130 };
    for (const dtype of dtypes) await checkRows(await storeTinyModel(sizes, dtype));
  });

  async function checkRows(model: StoredModel): Promise<void> {
    const engine = await open(model), batch = 9;
    const calls: [string, number, (rows: Float32Array) => Promise<Float32Array>][] = [
      ["upPass", engine.imageSize, (x) => engine.upPass(x)],
      ["downPass", engine.visibleSize, (x) => engine.downPass(x)],
      ["hiddenGivenVisible", engine.visibleSize, (x) => {
        const labels = new Float32Array(x.length / engine.visibleSize * engine.labelSize).fill(0.1);
        return engine.hiddenGivenVisible(x, labels, 1);
      }],
      [
        "visibleGivenHidden",
        engine.hiddenSize,
        async (x) => (await engine.visibleGivenHidden(x, 1)).visible,
      ],
      [
        "labels given hidden",
        engine.hiddenSize,
        async (x) => (await engine.visibleGivenHidden(x, 1)).labels,
      ],
    ];
    for (const [what, size, call] of calls) {
      const x = uniform(batch * size, 7), together = await call(x), width = together.length / batch;
      for (let row = 0; row < batch; row++) {
        const alone = await call(x.slice(row * size, (row + 1) * size));
        assertEquals(alone, together.slice(row * width, (row + 1) * width), `${what}, row ${row}`);
      }
    }
    engine.dispose();
  }

  Deno.test(`${name} gives the same answer twice and posteriors that sum to one`, async () => {
    const engine = await open(await storeTinyModel(shapes["a stack of two"]));
    const images = uniform(5 * engine.imageSize, 3);
    const first = await engine.jointPosterior(images), second = await engine.jointPosterior(images);
    assertEquals(first, second);
    for (const p of [first.probabilities, await engine.classifierProbabilities(images)]) {
      for (let row = 0; row < 5; row++) {
        const sum = p.subarray(row * 10, row * 10 + 10).reduce((a, b) => a + b);
        assert(Math.abs(sum - 1) < 1e-5, `row ${row} sums to ${sum}`);
      }
    }
    engine.dispose();
  });

  Deno.test(`${name} refuses a batch that is not whole rows`, async () => {
    const engine = await open(await storeTinyModel(shapes["a stack of two"]));
    for (const length of [0, 29, 31]) {
      const error = await assertRejects(
        async () => await engine.classifierProbabilities(new Float32Array(length)),
        RangeError,
      );
      assert(error.message.includes(`got ${length}`), error.message);
    }
    engine.dispose();
  });
}

async function compare(a: Engine, b: Engine, batch: number, temperature: number): Promise<number> {
  const images = uniform(batch * a.imageSize, 1);
  images.fill(0, 0, a.imageSize); // the first image is blank, the last one full
  images.fill(1, images.length - a.imageSize);
  const visible = binary(batch * a.visibleSize, 2), hidden = binary(batch * a.hiddenSize, 3);
  const labels = new Float32Array(batch * a.labelSize);
  for (let row = 0; row < batch; row++) labels[row * a.labelSize + row % a.labelSize] = 1;
  const both = async (call: (engine: Engine) => Promise<Float32Array>) =>
    largestDifference(await call(a), await call(b));
  const differences = [
    await both((e) => e.hiddenGivenVisible(visible, labels, temperature)),
    await both(async (e) => (await e.visibleGivenHidden(hidden, temperature)).visible),
    await both(async (e) => (await e.visibleGivenHidden(hidden, temperature)).labels),
    await both((e) => e.upPass(images)),
    await both((e) => e.downPass(visible)),
    await both((e) => e.classifierProbabilities(images)),
    await both(async (e) => (await e.jointPosterior(images)).probabilities),
  ];
  const energies = [await a.jointPosterior(images), await b.jointPosterior(images)];
  energies[0].freeEnergies.forEach((f, i) => {
    const twin = energies[1].freeEnergies[i];
    assert(Math.abs(f - twin) <= 1e-4 * Math.max(1, Math.abs(twin)), `free energy ${f}, ${twin}`);
  });
  return Math.max(...differences);
}

function uniform(length: number, layer: number): Float32Array {
  const out = new Float32Array(length);
  fillUniform(out, { seed: 77, chain: 0, step: 0, layer });
  return out;
}

function binary(length: number, layer: number): Float32Array {
  return uniform(length, layer).map((u) => u < 0.4 ? 1 : 0);
}
