import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  argmaxRows,
  logSumExp,
  sigmoid,
  softmaxRows,
  softplus,
} from "../../src/math/activations.ts";

Deno.test("sigmoid and softplus are finite and right far out", () => {
  for (const x of [-1e308, -1000, -40, 0, 40, 1000, 1e308]) {
    assert(Number.isFinite(sigmoid(x)) && Number.isFinite(softplus(x)), `x = ${x}`);
  }
  assertEquals(sigmoid(0), 0.5);
  assertAlmostEquals(softplus(0), Math.LN2);
  assertEquals(softplus(1000), 1000);
  assertEquals(softplus(-1000), 0);
  assertAlmostEquals(softplus(-40) / Math.exp(-40), 1);
});

Deno.test("sigmoid is the slope of softplus, and σ(x) + σ(−x) = 1", () => {
  fc.assert(fc.property(fc.double({ min: -30, max: 30, noNaN: true }), (x) => {
    const h = 1e-5;
    assertAlmostEquals((softplus(x + h) - softplus(x - h)) / (2 * h), sigmoid(x), 1e-8);
    assertAlmostEquals(sigmoid(x) + sigmoid(-x), 1, 1e-15);
  }));
});

Deno.test("logSumExp shifts by the largest term", () => {
  assertAlmostEquals(logSumExp([1000, 1000]), 1000 + Math.LN2);
  assertAlmostEquals(logSumExp([-1000, -1000]), -1000 + Math.LN2);
  assertEquals(logSumExp([-Infinity, -Infinity]), -Infinity);
  assertAlmostEquals(logSumExp([5, 0, 1, 2], 1, 3), Math.log(1 + Math.E + Math.E ** 2));
});

Deno.test("softmax rows sum to one and keep their order", () => {
  const rows = softmaxRows(Float32Array.of(1000, 999, -1000, 0, 0, 0), 3);
  assertAlmostEquals(rows[0] + rows[1] + rows[2], 1, 1e-6);
  assertAlmostEquals(rows[0] / rows[1], Math.E, 1e-5);
  assertAlmostEquals(rows[3], 1 / 3, 1e-6);
});

Deno.test("argmax gives ties to the lower index", () => {
  assertEquals(argmaxRows(Float32Array.of(1, 3, 3, 0, 0, 0), 3), [1, 0]);
});
