import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { WeightsFormatError } from "../../../../src/format/safetensors.ts";
import { expandModel } from "../../../../src/format/weights.ts";
import { entriesOf, expandMatrix, expandRows } from "../../../../src/math/weight_matrix.ts";
import { quantizeColumns, toDtype } from "../../../../train/artifacts/weights/quantize.ts";
import { tinyModel } from "../../../model/tiny_model.ts";

/** Matrices of float32 with their number of columns, zeros and subnormal numbers among them. */
const matrices = fc.integer({ min: 1, max: 5 }).chain((columns) =>
  fc.array(
    fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: columns,
      maxLength: columns,
    }),
    { minLength: 1, maxLength: 6 },
  ).map((rows) => ({ columns, matrix: Float32Array.from(rows.flat()) }))
);

Deno.test("a quantized weight is within half a step of the weight, of any size", () => {
  fc.assert(
    fc.property(matrices, ({ matrix, columns }) => {
      const scaled = quantizeColumns(matrix, columns);
      assert(scaled.scales.every((scale) => scale > 0 && Number.isFinite(scale)));
      matrix.forEach((w, i) => {
        const scale = scaled.scales[i % columns], error = Math.abs(scaled.values[i] * scale - w);
        assert(scaled.values[i] >= -127);
        assert(error <= 0.5001 * scale, `${w} is ${scaled.values[i]} of ${scale}`);
      });
    }),
    { numRuns: 2000 },
  );
});

Deno.test("quantization is odd, and integers times a scale stay as they are", () => {
  fc.assert(fc.property(matrices, ({ matrix, columns }) => {
    const plus = quantizeColumns(matrix, columns);
    const minus = quantizeColumns(matrix.map((w) => -w), columns);
    assertEquals(minus.scales, plus.scales);
    assertEquals(minus.values, plus.values.map((q) => -q));
  }));
  const values = Int8Array.of(127, -3, 0, -127, 64, 1), scales = Float32Array.of(0.25, 3);
  const matrix = expandMatrix({ values, scales });
  assertEquals(quantizeColumns(matrix, 2), { values, scales });
});

Deno.test("a quantized matrix has the same entries however they are read", () => {
  fc.assert(fc.property(matrices, fc.nat(5), ({ matrix, columns }, first) => {
    const scaled = quantizeColumns(matrix, columns), all = expandMatrix(scaled);
    const rows = matrix.length / columns, from = first % rows, at = entriesOf(scaled, columns);
    for (let i = 0; i < all.length; i++) {
      assertEquals(at(Math.floor(i / columns), i % columns), all[i]);
    }
    const some = new Float32Array((rows - from) * columns);
    assertEquals(expandRows(some, scaled, { first: from, columns }), all.slice(from * columns));
  }));
});

Deno.test("a model of fewer bits is what its files hold, and is near the model", () => {
  const model = tinyModel({ height: 6, width: 5, hidden: [33, 31], top: 40, untied: true });
  for (const [dtype, tolerance] of [["F32", 0], ["F16", 5e-4], ["I8", 0.01]] as const) {
    const made = toDtype(model, dtype), floats = expandModel(made);
    assertEquals(made.config.dtype, dtype);
    const pairs: [Float32Array, Float32Array][] = [
      [floats.dbn.stack[0].generativeWeights!, model.dbn.stack[0].generativeWeights!],
      [floats.dbn.top.labelWeights, model.dbn.top.labelWeights],
      [floats.classifier[1].kernel, model.classifier[1].kernel],
    ];
    for (const [ours, theirs] of pairs) {
      ours.forEach((w, i) => assert(Math.abs(w - theirs[i]) <= tolerance * Math.max(1, theirs[i])));
    }
    if (dtype !== "I8") assertEquals(toDtype(floats, dtype), made); // rounding twice changes nothing
  }
});

Deno.test("weights too large for half floats are refused by name", () => {
  const model = tinyModel();
  model.dbn.top.weights[3] = 70_000;
  assertThrows(
    () => toDtype(model, "F16"),
    WeightsFormatError,
    'tensor "top.weights" must be finite, got Infinity at index 3',
  );
});
