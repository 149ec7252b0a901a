/** The exported LayersModel, loaded and run by the real TensorFlow.js. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as tf from "npm:@tensorflow/tfjs@4.22.0";
import { FlagError } from "../../../src/cli/flags.ts";
import { PROBE_FILE, readProbe } from "../../../src/format/probe.ts";
import { classifierProbabilities, expandClassifier } from "../../../src/model/dbn.ts";
import { loadModel, readModelFile } from "../../../src/repository/model_directory.ts";
import {
  buildLayersModel,
  SHARD_BYTES,
} from "../../../train/artifacts/interchange/layers_model.ts";
import { command } from "../../../train/cli/export.ts";
import { largestDifference } from "../../engine/conformance.ts";
import { tinyModel, type TinySizes } from "../../model/tiny_model.ts";

// N images, V pixels, L labels

await tf.setBackend("cpu");

/** Loads a LayersModel over HTTP, as a browser does, from files by name. */
async function load(read: (name: string) => Promise<Uint8Array>): Promise<tf.LayersModel> {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async ({ url }) => new Response(await read(new URL(url).pathname.slice(1)) as BodyInit),
  );
  return await tf.loadLayersModel(`http://127.0.0.1:${server.addr.port}/model.json`);
}

/** What TensorFlow.js answers to images (N, V): probabilities (N, L). */
function predict(model: tf.LayersModel, images: Float32Array): Float32Array {
  const size = model.inputs[0].shape[1]!;
  return tf.tidy(() => {
    const input = tf.tensor2d(images, [images.length / size, size]);
    return (model.predict(input) as tf.Tensor).dataSync() as Float32Array;
  });
}

function indexOfLargest(row: Float32Array): number {
  return row.indexOf(Math.max(...row));
}

function labelsOf(probabilities: Float32Array, labelSize: number): number[] {
  return Array.from(
    { length: probabilities.length / labelSize },
    (_, i) => indexOfLargest(probabilities.subarray(i * labelSize, (i + 1) * labelSize)),
  );
}

Deno.test("TensorFlow.js reads the released classifier and gives the probe's labels", async () => {
  const out = await Deno.makeTempDir();
  await command.run({ format: "tfjs", out });
  const model = await load((name) => Deno.readFile(`${out}/${name}`)), released = await loadModel();
  const { config, url } = released;
  const shape = { imageSize: 784, labelSize: 10 };
  const { images, classifier } = readProbe(await readModelFile(url, PROBE_FILE), shape);
  const ours = classifierProbabilities(expandClassifier(released.classifier), images);
  const theirs = predict(model, images), largest = largestDifference(theirs, ours);
  console.log(`largest difference ${largest.toExponential(1)}`);
  assert(largest <= 1e-5, `largest difference ${largest}`);
  assertEquals(labelsOf(theirs, 10), labelsOf(classifier, 10));
  const { name, version, architecture: { labels, height, width } } = config;
  assertEquals(model.getUserDefinedMetadata(), {
    ...{ name, version, labels, height, width },
    divisor: config.preprocessing.divisor,
  });
  assertEquals(model.inputs[0].shape, [null, 784]);
  model.dispose();
});

const shapes: Record<string, TinySizes> = {
  "sigmoid units": { height: 6, width: 5, hidden: [33, 31], top: 40 },
  "rectified units": { height: 6, width: 5, hidden: [33, 31], top: 40, activation: "relu" },
  "sizes of one": { height: 1, width: 1, hidden: [1], top: 1, labels: 2 },
  "weights of several shards": { height: 40, width: 40, hidden: [700], top: 5, labels: 3 },
};
for (const [what, sizes] of Object.entries(shapes)) {
  Deno.test(`TensorFlow.js computes what the reference does: ${what}`, async () => {
    const ours = tinyModel(sizes), files = buildLayersModel(ours);
    const { inputSize } = ours.classifier[0];
    const images = Float32Array.from({ length: 7 * inputSize }, (_, i) => (i * 37 % 101) / 100);
    const model = await load((name) => Promise.resolve(files.get(name)!));
    const largest = largestDifference(
      predict(model, images),
      classifierProbabilities(ours.classifier, images),
    );
    assert(largest <= 1e-5, `largest difference ${largest}`);
    assert([...files.values()].every(({ length }) => length <= SHARD_BYTES));
    assertEquals(files.size, what === "weights of several shards" ? 3 : 2);
    model.dispose();
  });
}

Deno.test("an export does not write over what is there, nor ONNX files elsewhere", async () => {
  const out = await Deno.makeTempDir();
  await Deno.writeTextFile(`${out}/a`, "kept");
  const full = await assertRejects(() => command.run({ format: "tfjs", out }), FlagError);
  assert(full.message.includes("add --force to write over them"), full.message);
  await command.run({ format: "tfjs", out, force: true });
  assertEquals(await Deno.readTextFile(`${out}/a`), "kept");
  const onnx = await assertRejects(() => command.run({ out }), FlagError);
  assert(onnx.message.includes("--out needs --dtype or --format tfjs"), onnx.message);
});
