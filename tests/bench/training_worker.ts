/**
 * Measures CD-1 and fine-tuning, mini-batches of 100, and prints the numbers as one line of JSON.
 * With the argument `plain` tfjs keeps its own matrix product: the peer of our transposing one.
 * @module
 */
import { tf } from "../../src/engine/tfjs_backend.ts";
import { fillUniform } from "../../src/math/random.ts";
import { openTrainingBackend } from "../../train/kernels.ts";
import { RbmTrainer } from "../../train/rbm_trainer.ts";
import { presets } from "../../train/recipe.ts";
import { timeMs } from "./measure.ts";

const BATCH = 100, BATCHES_PER_EPOCH = 600;

if (Deno.args[0] === "plain") {
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

/** Seconds of an epoch of 60,000 cases with 19 % of the inputs on. */
async function epochSeconds(visibleSize: number, hiddenSize: number, labelSize: number) {
  const trainer = new RbmTrainer({
    visibleSize,
    hiddenSize,
    labelSize,
    recipe: { ...presets.full.stack, epochs: 1 },
    seed: 1,
    stage: 0,
    visibleMean: new Float64Array(visibleSize).fill(0.13),
  });
  const inputs = new Float32Array(BATCH * visibleSize);
  fillUniform(inputs, { seed: 1, chain: 0, step: 0, layer: 1 });
  inputs.forEach((u, i) => inputs[i] = u < 0.19 ? u / 0.19 : 0);
  const labels = Uint8Array.from({ length: BATCH }, (_, i) => i % 10);
  let step = 0;
  const ms = await timeMs(() => {
    const position = { epoch: 0, step: step++, batchesPerEpoch: BATCHES_PER_EPOCH };
    trainer.step({ inputs, labels, size: BATCH }, position);
  }, { minRuns: 30, minMs: 1500 });
  trainer.dispose();
  return ms * BATCHES_PER_EPOCH / 1000;
}

console.log(JSON.stringify({
  "784×500": await epochSeconds(784, 500, 0),
  "500×500": await epochSeconds(500, 500, 0),
  "(500+10)×2000": await epochSeconds(500, 2000, 10),
}));
