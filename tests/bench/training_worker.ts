/**
 * Measures epochs of CD-1 in the layers of 784-500-500-2000 on MNIST's 60,000 training images.
 * Arguments: a backend (`simd`, `tfjs`, or `plain`: tfjs with its own matrix product, the peer of our
 * transposing one) and `binary` or `grey`. Asked for a layer, it answers an epoch's seconds; layers in
 * order, because each learns from the one below.
 *
 * `simd` runs whole epochs on trained layers, since its time depends on how many units are on; that
 * of tfjs does not, so there the median of some batches stands for all.
 * @module
 */
import { mnist } from "../../src/data/mnist.ts";
import { tf } from "../../src/engine/tfjs_backend.ts";
import { permutation } from "../../src/math/random.ts";
import { loadExamples } from "../../train/cli/data_flags.ts";
import { type Examples, gather, inputMean, propagate } from "../../train/data/examples.ts";
import { openTrainingBackend } from "../../train/trainers/tfjs/kernels.ts";
import { createRbmTrainer } from "../../train/trainers/create.ts";
import type { RbmTrainer } from "../../train/trainers/rbm_trainer.ts";
import { presets } from "../../train/recipes/presets.ts";
import { median } from "./measure.ts";
import { answerRequests } from "./turns.ts";

/** The layers' sizes by name, from the image up. */
const LAYERS: Record<string, { hiddenSize: number; labelSize: number }> = {
  "784×500": { hiddenSize: 500, labelSize: 0 },
  "500×500": { hiddenSize: 500, labelSize: 0 },
  "(500+10)×2000": { hiddenSize: 2000, labelSize: 10 },
};

const BATCH = 100, TFJS_BATCHES = 40;
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
}

let train = await loadExamples(mnist(), "train", 255);
let current: { layer: string; trainer: RbmTrainer; epoch: number } | undefined;

/** The examples as the layer above sees them. The time of tfjs depends on shapes alone: any do. */
async function above(trainer: RbmTrainer, below: Examples): Promise<Examples> {
  if (whole) return await propagate(trainer.parameters(), below);
  const { length: size } = trainer.parameters().hiddenBias;
  return { ...below, size, read: (out) => void out.fill(0.2), readBytes: undefined };
}

async function open(layer: string): Promise<RbmTrainer> {
  const binary = inputs === "binary";
  return await createRbmTrainer(whole ? "simd" : "tfjs", {
    visibleSize: train.size,
    ...LAYERS[layer],
    batchSize: BATCH,
    recipe: {
      ...presets.plain.stack,
      inputs: binary ? "sample" : "value",
      reconstruction: binary ? "sample" : "mean",
    },
    seed: 1,
    stage: Object.keys(LAYERS).indexOf(layer),
    visibleMean: inputMean(train),
  });
}

function epochSeconds(trainer: RbmTrainer, epoch: number): number {
  const batchesPerEpoch = train.count / BATCH, times: number[] = [];
  const order = permutation(train.count, 1, epoch), started = performance.now();
  for (let i = 0; i < (whole ? batchesPerEpoch : TFJS_BATCHES); i++) {
    const batchStarted = performance.now();
    const batch = gather(train, order.subarray(i * BATCH, (i + 1) * BATCH));
    trainer.step(batch, { epoch, step: epoch * batchesPerEpoch + i, batchesPerEpoch });
    times.push(performance.now() - batchStarted);
  }
  return (whole ? performance.now() - started : median(times) * batchesPerEpoch) / 1000;
}

await answerRequests(async (layer) => {
  if (current?.layer !== layer) {
    if (current) {
      train = await above(current.trainer, train);
      current.trainer.dispose();
    }
    current = { layer, trainer: await open(layer), epoch: 0 };
  }
  return epochSeconds(current.trainer, current.epoch++);
});
