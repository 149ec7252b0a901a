import { assert, assertEquals } from "@std/assert";
import { openTfjsBackend, tf } from "../../src/engine/tfjs_backend.ts";
import { fillNormal } from "../../src/math/random.ts";

function random(rows: number, cols: number, layer: number): Float32Array {
  const out = new Float32Array(rows * cols);
  fillNormal(out, { seed: 1, chain: 0, step: 0, layer });
  return out;
}

/** a·b in double precision, either operand transposed. */
function product(
  a: Float32Array,
  b: Float32Array,
  m: number,
  k: number,
  n: number,
  ta: boolean,
  tb: boolean,
) {
  const out = new Float32Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let p = 0; p < k; p++) {
        sum += a[ta ? p * m + i : i * k + p] * b[tb ? j * k + p : p * n + j];
      }
      out[i * n + j] = sum;
    }
  }
  return out;
}

Deno.test("the transposing product equals plain arithmetic for every transpose and odd size", async () => {
  await openTfjsBackend();
  let largest = 0;
  for (const [m, k, n] of [[1, 1, 1], [1, 3, 31], [33, 1, 2], [31, 33, 3], [100, 85, 50]]) {
    for (const ta of [false, true]) {
      for (const tb of [false, true]) {
        const a = random(m, k, 1), b = random(k, n, 2);
        const shapeA: [number, number] = ta ? [k, m] : [m, k],
          shapeB: [number, number] = tb ? [n, k] : [k, n];
        const expected = product(a, b, m, k, n, ta, tb);
        tf.tidy(() => {
          const x = tf.tensor2d(a, shapeA), y = tf.tensor2d(b, shapeB);
          const plain = tf.matMul(x, y, ta, tb).dataSync();
          const bias = tf.zeros([n]);
          const fused = tf.fused.matMul({ a: x, b: y, transposeA: ta, transposeB: tb, bias })
            .dataSync();
          expected.forEach((value, i) => {
            largest = Math.max(largest, Math.abs(plain[i] - value), Math.abs(fused[i] - value));
          });
        });
      }
    }
  }
  console.log(`largest difference ${largest.toExponential(1)}`);
  assert(largest < 1e-4);
});

Deno.test("products free everything but their result", async () => {
  await openTfjsBackend();
  const before = tf.memory().numTensors;
  const buffers = tf.backend().numDataIds();
  tf.tidy(() => void tf.matMul(tf.ones([5, 3]), tf.ones([5, 4]), true, false));
  tf.tidy(() => void tf.matMul(tf.ones([3, 5]), tf.ones([4, 5]), false, true));
  assertEquals(tf.memory().numTensors, before);
  assertEquals(tf.backend().numDataIds(), buffers);
});
