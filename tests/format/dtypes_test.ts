import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { modelFiles } from "../../src/format/config.ts";
import {
  type Dtype,
  readTensors,
  type Tensor,
  type TensorData,
  tensorLocations,
  WeightsFormatError,
  writeSafetensors,
} from "../../src/format/safetensors.ts";
import {
  classifierTensors,
  maxWeightBytes,
  type Model,
  readModel,
  writeWeights,
} from "../../src/format/weights.ts";
import { toDtype } from "../../train/artifacts/weights/quantize.ts";
import { tinyModel } from "../model/tiny_model.ts";

const sizes = { height: 3, width: 5, hidden: [7, 3], top: 5, labels: 3, untied: true };
const i8 = toDtype(tinyModel(sizes), "I8");

Deno.test("tensors of several dtypes survive writing and reading, floats before integers", () => {
  const shape = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 });
  const tensors = fc.array(fc.tuple(shape, fc.boolean()), { maxLength: 6 });
  fc.assert(fc.property(tensors, fc.constantFrom("F32", "F16"), (list, floats) => {
    const map = new Map<string, Tensor<TensorData>>(list.map(([shape, isInteger], i) => {
      const numbers = Array.from(
        { length: shape.reduce((a, b) => a * b, 1) },
        (_, i) => i % 256 - 128,
      );
      const data = isInteger ? Int8Array.from(numbers) : Float32Array.from(numbers);
      return [`t${i}`, { shape, data }];
    }));
    const file = writeSafetensors(map, {}, { floats });
    const back = readTensors(file, "weights", [floats, "I8"]);
    assertEquals(new Map([...back.tensors].sort()), new Map([...map].sort()));
    for (const { dtype, offset } of tensorLocations(file).values()) {
      assertEquals(offset % { F32: 4, F16: 2, I8: 1 }[dtype], 0);
    }
  }));
});

for (const dtype of ["F32", "F16", "I8"] as const) {
  Deno.test(`a model of ${dtype} survives writing and reading, within the bytes that are allowed`, () => {
    for (const untied of [true, false]) {
      const model = toDtype(tinyModel({ ...sizes, untied }), dtype), files = writeWeights(model);
      assertEquals(readModel(model.config, files), model);
      for (const name of [modelFiles.dbn, modelFiles.classifier] as const) {
        const bytes = name === modelFiles.dbn ? files.dbn : files.classifier;
        const data = [...tensorLocations(bytes).values()].reduce((sum, t) => sum + t.length, 0);
        const allowed = maxWeightBytes(model.config, name) - 1024 * 1024;
        if (untied || name === modelFiles.classifier) assertEquals(data, allowed);
        else assert(data < allowed);
      }
    }
  });
}

/** The classifier's file with tensors changed, its floats of the dtype. */
function changed(
  change: Record<string, Tensor<TensorData> | undefined>,
  floats: "F32" | "F16" = "F32",
): Uint8Array {
  const tensors = new Map(classifierTensors(i8.classifier));
  for (const [name, tensor] of Object.entries(change)) {
    if (tensor) tensors.set(name, tensor);
    else tensors.delete(name);
  }
  return writeSafetensors(tensors, {}, { floats });
}

const scales = (...data: number[]) => ({ shape: [data.length], data: Float32Array.from(data) });
const kernel = i8.classifier[0].kernel as Exclude<typeof i8.classifier[0]["kernel"], Float32Array>;
const scaleOf = (first: number) => scales(first, ...kernel.scales.slice(1));

const refused: [string, Uint8Array, string][] = [
  [
    "a matrix of floats",
    changed({ "dense2.kernel": { shape: [7, 3], data: new Float32Array(21) } }),
    'tensor "dense2.kernel" must have dtype I8, got F32',
  ],
  [
    "a vector of integers",
    changed({ "dense2.bias": { shape: [3], data: new Int8Array(3) } }),
    'tensor "dense2.bias" must have dtype F32, got I8',
  ],
  [
    "no scale",
    changed({ "dense1.kernel_scale": undefined }),
    'tensor "dense1.kernel_scale" is missing',
  ],
  [
    "a scale for all columns",
    changed({ "dense1.kernel_scale": scales(1) }),
    'tensor "dense1.kernel_scale" must have shape (7), got (1)',
  ],
  [
    "a scale of 0",
    changed({ "dense1.kernel_scale": scaleOf(0) }),
    'tensor "dense1.kernel_scale" must be > 0 and <= 2.65845',
  ],
  [
    "a scale by which an integer can be infinite",
    changed({ "dense1.kernel_scale": scaleOf(2 ** 121) }),
    'tensor "dense1.kernel_scale" must be > 0 and <= 2.65845',
  ],
  ["a negative scale", changed({ "dense1.kernel_scale": scaleOf(-1) }), "e+36, got -1 at index 0"],
  [
    "a scale that is no number",
    changed({ "dense1.kernel_scale": scaleOf(NaN) }),
    "finite, got NaN",
  ],
  ["half floats", changed({}, "F16"), 'must have dtype I8 or F32, got "F16"'],
];

for (const [what, classifier, message] of refused) {
  Deno.test(`weights of I8 are refused: ${what}`, () => {
    const error = assertThrows(
      () => readModel(i8.config, { ...writeWeights(i8), classifier }),
      WeightsFormatError,
    );
    assert(error.message.startsWith("Cannot read classifier.safetensors: "), error.message);
    assert(error.message.includes(message), `${error.message} lacks ${message}`);
  });
}

Deno.test("files of another dtype than config.json names are refused, and one that there is none of", () => {
  const model = tinyModel(sizes);
  for (const stored of ["F32", "F16", "I8"] as Dtype[]) {
    const files = writeWeights(toDtype(model, stored));
    for (const dtype of ["F32", "F16", "I8"] as Dtype[]) {
      const read = () => readModel({ ...model.config, dtype }, files);
      if (dtype === stored) read();
      else assertThrows(read, WeightsFormatError, `must have dtype ${dtype}`);
    }
    const other = { ...model.config, dtype: "F64" };
    assertThrows(
      () => readModel(other, files),
      WeightsFormatError,
      'dtype must be one of F32, F16, I8, got "F64"',
    );
  }
});

Deno.test("an infinite half float is refused, and −128 is read", () => {
  const tensor = { shape: [1], data: Float32Array.of(70_000) };
  const infinite = writeSafetensors(new Map([["w", tensor]]), {}, { floats: "F16" });
  assertThrows(
    () => readTensors(infinite, "w.safetensors", ["F16"]),
    WeightsFormatError,
    'tensor "w" must be finite, got Infinity at index 0',
  );
  const least = { shape: [2], data: Int8Array.of(-128, 127) };
  const { tensors } = readTensors(writeSafetensors(new Map([["w", least]])), "w", ["I8"]);
  assertEquals(tensors.get("w"), least);
});

Deno.test("a model whose matrices are not of its dtype is not written", () => {
  const floats = tinyModel(sizes), integers = { ...i8.config };
  const wrong: [Model, string][] = [
    [{ ...floats, config: integers }, "must be Int8Array for dtype I8, got Float32Array"],
    [{ ...i8, config: floats.config }, "must be Float32Array for dtype F32, got Int8Array"],
  ];
  for (const [model, message] of wrong) {
    assertThrows(() => writeWeights(model), RangeError, message);
  }
});
