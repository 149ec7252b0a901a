import { assertAlmostEquals, assertEquals } from "@std/assert";
import { tf } from "../../../src/engine/tfjs_backend.ts";
import { fillUniform, sampleBernoulli as sampleRow } from "../../../src/math/random.ts";
import {
  adamUpdate,
  momentumUpdate,
  openTrainingBackend,
  sampleBernoulli,
} from "../../../train/trainers/tfjs/kernels.ts";

await openTrainingBackend();

Deno.test("samples are those of the plain sampler, row by row", () => {
  const rows = 5, units = 37;
  const p = Float32Array.from({ length: rows * units }, (_, i) => (i % 11) / 10);
  const key = { seed: 4, chain: 7, step: 2, layer: 9 };
  const sample = sampleBernoulli(tf.tensor2d(p, [rows, units]), key).dataSync();
  for (let row = 0; row < rows; row++) {
    const uniform = new Float32Array(units), expected = new Float32Array(units);
    fillUniform(uniform, { ...key, chain: key.chain + row });
    sampleRow(expected, p.subarray(row * units, (row + 1) * units), uniform);
    assertEquals(sample.slice(row * units, (row + 1) * units), expected);
  }
});

Deno.test("the momentum update follows its formula and changes the velocity in place", () => {
  const parameter = tf.tensor1d([1, -2]),
    velocity = tf.tensor1d([0.5, 0.25]),
    gradient = tf.tensor1d([3, 4]);
  const rates = { learningRate: 0.1, momentum: 0.9, weightCost: 0.01 };
  const next = momentumUpdate(parameter, velocity, gradient, rates).dataSync();
  const expected = [0.9 * 0.5 + 0.1 * (3 - 0.01), 0.9 * 0.25 + 0.1 * (4 + 0.02)];
  expected.forEach((v, i) => {
    assertAlmostEquals(velocity.dataSync()[i], v, 1e-6);
    assertAlmostEquals(next[i], [1, -2][i] + v, 1e-6);
  });
  assertEquals([...parameter.dataSync()], [1, -2]);
});

Deno.test("Adam's first step is the learning rate against the gradient's sign", () => {
  const [p, m, v] = [tf.tensor1d([1, 1, 1]), tf.zeros([3]), tf.zeros([3])];
  const g = tf.tensor1d([5, -0.001, 0]);
  const rates = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: 0 };
  const next = adamUpdate(p, m, v, g, rates).dataSync();
  [0.9, 1.1, 1].forEach((expected, i) => assertAlmostEquals(next[i], expected, 1e-5));
});

Deno.test("Adam's moments and bias correction follow Kingma and Ba over several steps", () => {
  let p: tf.Tensor = tf.tensor1d([0.3]);
  const m = tf.zeros([1]), v = tf.zeros([1]);
  let [x, first, second] = [0.3, 0, 0];
  for (let step = 0; step < 5; step++) {
    const g = Math.cos(step) * 2;
    const rates = { learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-6, step };
    p = adamUpdate(p, m, v, tf.tensor1d([g]), rates);
    first = 0.8 * first + 0.2 * g;
    second = 0.95 * second + 0.05 * g * g;
    x -= 0.05 * first / (1 - 0.8 ** (step + 1)) /
      (Math.sqrt(second / (1 - 0.95 ** (step + 1))) + 1e-6);
    assertAlmostEquals(p.dataSync()[0], x, 1e-6);
  }
});
