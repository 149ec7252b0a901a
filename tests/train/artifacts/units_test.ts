import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { covariances, mostVarying, unitPictures } from "../../../train/artifacts/units.ts";
import { floatExamples } from "../../../train/data/examples.ts";
import { tinyModel } from "../../model/tiny_model.ts";

Deno.test("units are ordered by their variance", () => {
  // Columns: constant, varying most, varying.
  const activity = Float32Array.of(0.9, 0, 0.5, 0.9, 1, 0.7, 0.9, 0, 0.3, 0.9, 1, 0.5);
  assertEquals(mostVarying(activity, 3, 2), [1, 2]);
  assertEquals(mostVarying(activity, 3, 9), [1, 2, 0]);
});

Deno.test("a covariance is what its definition says", () => {
  const activity = Float32Array.of(0.1, 0.8, 0.4, 0.2, 0.9, 0.5); // (3, 2)
  const images = Float32Array.of(0, 1, 1, 0, 0.5, 0.5); // (3, 2)
  const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
  const rows = covariances(activity, images, [1, 0], 3);
  [1, 0].forEach((unit, row) =>
    [0, 1].forEach((pixel) => {
      const a = [0, 1, 2].map((i) => activity[2 * i + unit]);
      const x = [0, 1, 2].map((i) => images[2 * i + pixel]);
      const expected = mean(a.map((value, i) => (value - mean(a)) * (x[i] - mean(x))));
      assertAlmostEquals(rows[2 * row + pixel], expected, 1e-7);
    })
  );
});

Deno.test("a unit that follows one pixel shows that pixel, whatever the scale of its variation", () => {
  const n = 50, activity = new Float32Array(n), images = new Float32Array(4 * n);
  for (let i = 0; i < n; i++) {
    images[4 * i + 2] = i % 2;
    activity[i] = 0.5 + 1e-4 * (i % 2);
  }
  const row = covariances(activity, images, [0], n);
  assert(row[2] > 0 && [0, 1, 3].every((v) => Math.abs(row[v]) < 1e-9), `${row}`);
});

Deno.test("every layer has pictures in [0, 1], each of its whole range", () => {
  const { dbn } = tinyModel(), size = dbn.stack[0].visibleSize, n = 20;
  const rows = Float32Array.from({ length: n * size }, (_, i) => (i * 7919 % 101) / 100);
  const labels = Uint8Array.from({ length: n }, (_, i) => i % dbn.top.labelSize);
  const layers = unitPictures(dbn, floatExamples(rows, labels, size), 3);
  assertEquals(layers.length, dbn.stack.length + 1);
  for (const { units, images } of layers) {
    assertEquals([units.length, images.length], [3, 3 * size]);
    for (let unit = 0; unit < 3; unit++) {
      const distances = images.subarray(unit * size, (unit + 1) * size).map((x) =>
        Math.abs(x - 0.5)
      );
      assertAlmostEquals(Math.max(...distances), 0.5, 1e-6);
    }
  }
});
