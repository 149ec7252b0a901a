/**
 * Measures an epoch of CD-1 in each layer of 784-500-500-2000 on MNIST's 60,000 training images, and
 * prints seconds by layer as one line of JSON. Arguments: a backend (`simd`, `tfjs`, or `plain`: tfjs
 * with its own matrix product, the peer of our transposing one) and `binary` or `grey`.
 *
 * `simd` runs whole epochs on trained layers, since its time depends on how many units are on; that
 * of tfjs does not, so there the median of some batches stands for all.
 * @module
 */
import { mnist } from "../../src/data/mnist.ts";
import { tf } from "../../src/engine/tfjs_backend.ts";
import { permutation } from "../../src/math/random.ts";
import { loadExamples } from "../../train/data.ts";
import { type Examples, inputMean, propagate } from "../../train/examples.ts";
import { openTrainingBackend } from "../../train/kernels.ts";
import { createRbmTrainer } from "../../train/rbm_trainer.ts";
import { presets } from "../../train/recipe.ts";
import { median } from "./measure.ts";

const BATCH = 100, EPOCHS = 3, TFJS_BATCHES = 40;
const [backend, inputs] = Deno.args;
const whole = backend === "simd";

if (backend === "plain") {
  // Start the backend, keep its kernels, and put them back over ours.
  await tf.setBackend("wasm");
  const names = ["BatchMatMul", "_FusedMatMul"];
  const own = names.map((name) => tf.getKernel(name, "wasm"));
  await openTrainingBackend();
  names.forEach((name, i) => {
    tf.unregisterKernel(name, "wasm");
    tf.registerKernel(own[i]);
  });
} else {
  await openTrainingBackend();
}

/** Seconds of an epoch, and the examples as the next layer sees them. */
async function layer(train: Examples, hiddenSize: number, labelSize: number, stage: number) {
  const binary = inputs === "binary";
  const trainer = await createRbmTrainer(whole ? "simd" : "tfjs", {
    visibleSize: train.size,
    hiddenSize,
    labelSize,
    batchSize: BATCH,
    recipe: {
      ...presets.plain.stack,
      inputs: binary ? "sample" : "value",
      reconstruction: binary ? "sample" : "mean",
    },
    seed: 1,
    stage,
    visibleMean: inputMean(train),
  });
  const batches = train.count / BATCH, epochs: number[] = [];
  const rows = new Float32Array(BATCH * train.size);
  for (let epoch = 0, step = 0; epoch < (whole ? EPOCHS : 1); epoch++) {
    const order = permutation(train.count, 1, epoch), times: number[] = [];
    const started = performance.now();
    for (let i = 0; i < (whole ? batches : TFJS_BATCHES); i++, step++) {
      const batchStarted = performance.now(), at = order.subarray(i * BATCH, (i + 1) * BATCH);
      train.read(rows, at);
      const labels = Uint8Array.from(at, (example) => train.labels[example]);
      const position = { epoch, step, batchesPerEpoch: batches };
      trainer.step({ inputs: rows, labels, size: BATCH }, position);
      times.push(performance.now() - batchStarted);
    }
    epochs.push(whole ? performance.now() - started : median(times) * batches);
  }
  const next = labelSize === 0 && whole ? await propagate(trainer.parameters(), train) : train;
  trainer.dispose();
  return { seconds: median(epochs) / 1000, next };
}

const images = await loadExamples(mnist(), "train", 255);
const first = await layer(images, 500, 0, 0);
// The time of tfjs depends on shapes alone: any 500 inputs do.
const middle = whole ? first.next : {
  ...images,
  size: 500,
  read: (out: Float32Array) => void out.fill(0.2),
};
const second = await layer(middle, 500, 0, 1);
const top = await layer(whole ? second.next : middle, 2000, 10, 2);
console.log(JSON.stringify({
  "784×500": first.seconds,
  "500×500": second.seconds,
  "(500+10)×2000": top.seconds,
}));
