import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  readSafetensors,
  tensorLocations,
  WeightsFormatError,
  writeSafetensors,
} from "../../src/format/safetensors.ts";
import { loadModel, saveModel } from "../../src/repository/directory.ts";
import { checkConfig, modelFiles } from "../../src/format/config.ts";
import { readModel, writeWeights } from "../../src/format/weights.ts";
import { tinyModel } from "../model/tiny_model.ts";

const tiny = tinyModel();
const { dbn, classifier } = writeWeights(tiny);

/** A safetensors file with any header, right or wrong. */
function fileOf(header: unknown, data = new Uint8Array(0), declared?: bigint): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const out = new Uint8Array(8 + text.length + data.length);
  new DataView(out.buffer).setBigUint64(0, declared ?? BigInt(text.length), true);
  out.set(text, 8);
  out.set(data, 8 + text.length);
  return out;
}

const entry = (shape: unknown, data_offsets: unknown, dtype = "F32") => ({
  w: { dtype, shape, data_offsets },
});

Deno.test("tensors and metadata survive writing and reading", () => {
  const tensors = fc.dictionary(
    fc.string({ minLength: 1, maxLength: 12 }).filter((name) => !name.startsWith("__")),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).map((shape) => ({
      shape,
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 7),
    })),
  );
  fc.assert(fc.property(tensors, (record) => {
    const map = new Map(Object.entries(record));
    const file = writeSafetensors(map, { made: "here" });
    const back = readSafetensors(file);
    assertEquals(back.metadata, { made: "here" });
    assertEquals(new Map([...back.tensors].sort()), new Map([...map].sort()));
    assertEquals(
      (file.length - [...map.values()].reduce((n, t) => n + t.data.byteLength, 0)) % 8,
      0,
    );
  }));
});

Deno.test("tensor locations point at the tensors' own bytes", () => {
  for (const [name, { offset, length }] of tensorLocations(dbn)) {
    const tensor = readSafetensors(dbn).tensors.get(name)!;
    assertEquals(new Float32Array(dbn.slice(offset, offset + length).buffer), tensor.data);
  }
});

Deno.test("a model survives writing and reading", () => {
  assertEquals(readModel(tiny.config, { dbn, classifier }), tiny);
});

Deno.test("a saved model loads from a path and from a URL, with its hashes checked", async () => {
  const directory = await Deno.makeTempDir();
  const saved = await saveModel(directory, tiny);
  assertEquals((await loadModel(directory)).dbn, tiny.dbn);
  assertEquals(await loadModel(saved.url), saved);
  const path = `${directory}/${modelFiles.dbn}`;
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 2] ^= 1;
  await Deno.writeFile(path, bytes);
  await assertRejects(() => loadModel(directory), WeightsFormatError, "SHA-256 must be");
  await Deno.remove(path);
  await assertRejects(() => loadModel(directory), Error, "does not exist. Train one with");
  await Deno.writeTextFile(`${directory}/${modelFiles.config}`, "{");
  await Deno.writeFile(path, dbn);
  await assertRejects(
    () => loadModel(directory),
    WeightsFormatError,
    "config.json: it is not JSON",
  );
});

const badFiles: [string, Uint8Array, string][] = [
  ["empty", new Uint8Array(0), "at least 8 bytes, got 0"],
  ["shorter than its length field", new Uint8Array(7), "got 7"],
  ["header longer than the file", fileOf({}, undefined, 9999n), "[2, 2] bytes, got 9999"],
  ["header of 2^63 bytes", fileOf({}, undefined, 1n << 63n), "got 9223372036854775808"],
  ["header of no bytes", fileOf("", undefined, 0n), "got 0"],
  ["header not JSON", fileOf("{x}"), "not JSON"],
  ["header not UTF-8", fileOf({}, undefined, 2n).fill(0xff, 8), "not JSON"],
  ["header an array", fileOf([1, 2]), "not a JSON object"],
  ["header null", fileOf("null"), "not a JSON object"],
  ["entry not an object", fileOf({ w: 3 }), 'entry "w" of the header is not an object'],
  ["dtype F16", fileOf(entry([1], [0, 2], "F16"), new Uint8Array(2)), "dtype F32, got F16"],
  ["no shape", fileOf(entry(undefined, [0, 4]), new Uint8Array(4)), "no valid shape"],
  ["negative size", fileOf(entry([-1], [0, 4]), new Uint8Array(4)), "no valid shape: [-1]"],
  ["fractional size", fileOf(entry([1.5], [0, 4]), new Uint8Array(4)), "no valid shape"],
  ["offsets backwards", fileOf(entry([1], [4, 0]), new Uint8Array(4)), "data_offsets: [4,0]"],
  ["one offset", fileOf(entry([1], [0]), new Uint8Array(4)), "data_offsets: [0]"],
  [
    "offsets not the shape's",
    fileOf(entry([2], [0, 4]), new Uint8Array(4)),
    "needs 8 bytes, got 4",
  ],
  ["tensor past the end", fileOf(entry([2], [0, 8]), new Uint8Array(4)), "the file has"],
  [
    "a gap before the tensor",
    fileOf(entry([1], [4, 8]), new Uint8Array(8)),
    "byte 0 of the data, got 4",
  ],
  ["bytes after the tensors", fileOf(entry([1], [0, 4]), new Uint8Array(5)), "bytes in all, got"],
  ["a NaN weight", fileOf(entry([1], [0, 4]), new Uint8Array([0, 0, 192, 127])), "finite, got NaN"],
  [
    "an infinite weight",
    fileOf(entry([1], [0, 4]), new Uint8Array([0, 0, 128, 127])),
    "got Infinity",
  ],
];

for (const [what, bytes, message] of badFiles) {
  Deno.test(`a weight file is refused: ${what}`, () => {
    const error = assertThrows(() => readSafetensors(bytes, "w.safetensors"), WeightsFormatError);
    assert(error.message.startsWith("Cannot read w.safetensors: "), error.message);
    assert(error.message.includes(message), `${error.message} lacks ${message}`);
  });
}

Deno.test("a truncated weight file is refused wherever it is cut", () => {
  fc.assert(fc.property(fc.nat(dbn.length - 1), (length) => {
    assertThrows(() => readSafetensors(dbn.slice(0, length)), WeightsFormatError);
  }));
});

Deno.test("weights of another architecture are refused, naming the tensor and both shapes", () => {
  const other = structuredClone(tiny.config);
  other.architecture.top = 21;
  assertThrows(
    () => readModel(other, { dbn, classifier }),
    WeightsFormatError,
    'tensor "top.weights" must have shape (12, 21), got (12, 20)',
  );
  assertThrows(
    () => readModel(tiny.config, { dbn: classifier, classifier }),
    WeightsFormatError,
    'tensor "rbm1.weights" is missing; there are dense1.kernel',
  );
});

// deno-lint-ignore no-explicit-any
type Loose = any;

const badConfigs: [string, (config: Loose) => unknown, string][] = [
  ["not an object", () => 3, "the file must be a JSON object, got 3"],
  ["another format", (c) => c.format = "x", 'format must be "dbn-edge/1", got "x"'],
  ["a name with a slash", (c) => c.name = "a/b", 'got "a/b"'],
  ["version 0", (c) => c.version = 0, "version must be an integer in [1, 9007199254740991], got 0"],
  ["no architecture", (c) => c.architecture = null, "architecture must be a JSON object, got null"],
  ["no layers", (c) => c.architecture.layers = [], "1 to 16 layer sizes, got []"],
  [
    "a layer of 0",
    (c) => c.architecture.layers[1] = 0,
    "layers[1] must be an integer in [1, 65536]",
  ],
  ["a layer of a billion", (c) => c.architecture.layers[1] = 1e9, "got 1000000000"],
  ["another image size", (c) => c.architecture.height = 27, "height × width = 756, got 784"],
  ["one label", (c) => c.architecture.labels = ["0"], "2 to 1000 strings"],
  ["labels of numbers", (c) => c.architecture.labels = [1, 2], "got [1,2]"],
  ["a top of text", (c) => c.architecture.top = "20", 'got "20"'],
  ["divisor 0", (c) => c.preprocessing.divisor = 0, "a finite number > 0, got 0"],
  ["no divisor", (c) => c.preprocessing = {}, "preprocessing.divisor"],
];

for (const [what, change, message] of badConfigs) {
  Deno.test(`a config is refused: ${what}`, () => {
    const config = structuredClone(tiny.config) as unknown as Record<string, unknown>;
    const changed = change(config);
    const error = assertThrows(
      () => checkConfig(what === "not an object" ? changed : config),
      WeightsFormatError,
    );
    assert(error.message.includes(message), `${error.message} lacks ${message}`);
  });
}
