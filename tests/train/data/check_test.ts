import { assertEquals, assertThrows } from "@std/assert";
import { checkExamples, checkRows } from "../../../train/data/check.ts";
import { floatExamples, imageExamples } from "../../../train/data/examples.ts";

const bounds = { name: "train", gaussian: false, classes: 10 };

/** 700 examples of 3 values, all 0.5 but one. */
function withValue(value: number) {
  const rows = new Float32Array(700 * 3).fill(0.5);
  rows[601 * 3 + 2] = value;
  return floatExamples(rows, new Uint8Array(700), 3);
}

for (const value of [-0.25, 1.5, NaN, Infinity, -Infinity]) {
  Deno.test(`a value of ${value} is refused, and named with its place`, () => {
    const message = `Values must be in [0, 1], got ${value} at train[601], pixel 2`;
    assertThrows(() => checkExamples(withValue(value), bounds), RangeError, message);
  });
}

Deno.test("Gaussian units take any finite value, and no other", () => {
  const gaussian = { ...bounds, gaussian: true };
  assertEquals(checkExamples(withValue(-3), gaussian), { low: -3, high: 0.5 });
  for (const value of [NaN, Infinity]) {
    const message = `Values must be finite, got ${value} at train[601], pixel 2`;
    assertThrows(() => checkExamples(withValue(value), gaussian), RangeError, message);
  }
});

Deno.test("bytes above the divisor are refused; at their own divisor they have their range", () => {
  const bytes = Uint8Array.of(0, 51, 255, 0), labels = Uint8Array.of(0, 9);
  assertEquals(checkExamples(imageExamples(bytes, labels, 2, 255), bounds), { low: 0, high: 1 });
  const wide = imageExamples(bytes, labels, 2, 100);
  assertThrows(() => checkExamples(wide, bounds), RangeError, "at train[1], pixel 0; divide");
});

Deno.test("labels of no class and empty sets are refused", () => {
  const labelled = floatExamples(new Float32Array(4), Uint8Array.of(9, 10), 2);
  assertThrows(() => checkExamples(labelled, bounds), RangeError, "0 to 9, got 10 at train[1]");
  const none = floatExamples(new Float32Array(0), new Uint8Array(0), 2);
  assertThrows(() => checkExamples(none, bounds), RangeError, "at least 1 example, got 0");
});

Deno.test("rows are counted from where they begin", () => {
  const at = { size: 2, name: "cases", first: 40 };
  assertThrows(() => checkRows(Float32Array.of(0, 1, 2, 0), at), RangeError, "cases[41], pixel 0");
});
