import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  readSafetensors,
  takeTensor,
  tensorLocations,
  WeightsFormatError,
  writeSafetensors,
} from "../../src/format/safetensors.ts";
import { loadModel, saveModel } from "../../src/repository/model_directory.ts";
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

/** Two tensors of two numbers. */
const two = (a: number[], b: number[]) => ({
  a: { dtype: "F32", shape: [2], data_offsets: a },
  b: { dtype: "F32", shape: [2], data_offsets: b },
});

/** A header whose shape is an array in an array, so many deep. */
const nested = (depth: number) =>
  `{"w":{"dtype":"F32","shape":${"[".repeat(depth)}${"]".repeat(depth)}}}`;

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

Deno.test("what is wrong with a file of a model is told with the file's whole path or URL", async () => {
  const { dbn } = writeWeights(tiny), broken = dbn.with(9, 0);
  const wrong: [file: string, content: Uint8Array | string][] = [
    ["config.json", "{"],
    ["config.json", "{}"],
    ["config.json", JSON.stringify({ ...tiny.config, sha256: 5 })],
    ["model.safetensors", broken],
    ["classifier.safetensors", dbn],
  ];
  for (const [file, content] of wrong) {
    for (const hashed of [true, false]) {
      const directory = await Deno.makeTempDir();
      await saveModel(directory, tiny);
      if (!hashed) {
        await Deno.writeTextFile(`${directory}/config.json`, JSON.stringify(tiny.config));
      }
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(`${directory}/${file}`, bytes);
      const error = await assertRejects(() => loadModel(directory), WeightsFormatError);
      assert(error.message.startsWith(`Cannot read ${directory}/${file}: `), error.message);
    }
  }
  const url = new URL("https://me:secret@host/m/");
  const error = assertThrows(() => readModel(tiny.config, { dbn: broken, classifier: dbn }, url));
  assert((error as Error).message.startsWith("Cannot read https://host/m/model.safetensors: "));
});

Deno.test("a tensor's name is told without what a terminal obeys", () => {
  const tensor = { shape: [1], data: Float32Array.of(NaN) };
  const bytes = writeSafetensors(new Map([["\u009b2J\u202e", tensor]]));
  const error = assertThrows(() => readSafetensors(bytes), WeightsFormatError);
  assert(error.message.includes('"\\u{9b}2J\\u{202e}" must be finite'), error.message);
  const file = readSafetensors(
    writeSafetensors(new Map([["\u009b", { ...tensor, data: new Float32Array(1) }]])),
  );
  const missing = assertThrows(() => takeTensor(file, "a", [1]), WeightsFormatError);
  assert(missing.message.includes("there are \\u{9b}"), missing.message);
});

Deno.test("a SHA-256 of config.json that is no text is refused, cut and named", async () => {
  const directory = await Deno.makeTempDir(), depth = 20_000;
  const { sha256: _, ...config } = (await saveModel(directory, tinyModel())).config;
  const text = JSON.stringify(config).slice(0, -1);
  const deep = "[".repeat(depth) + "]".repeat(depth);
  const broken = [
    ["7", "config.json: sha256 must be a JSON object, got 7"],
    ["null", "config.json: sha256 must be a JSON object, got null"],
    [`{"model.safetensors":${deep}}`, "model.safetensors: SHA-256 must be "],
    [`{"model.safetensors":"${"a".repeat(5000)}"}`, "model.safetensors: SHA-256 must be "],
  ];
  for (const [value, message] of broken) {
    await Deno.writeTextFile(`${directory}/config.json`, `${text},"sha256":${value}}`);
    const error = await assertRejects(() => loadModel(directory), WeightsFormatError, message);
    assert(error.message.length < 1000, `${error.message.length} characters`);
  }
  await Deno.remove(directory, { recursive: true });
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
  ["a byte order mark", fileOf("\ufeff{}"), "not JSON"],
  ["a space before the header", fileOf(" {}"), 'must begin with "{"'],
  ["a tensor twice", fileOf('{"w": 1, "w" : 2}'), 'the key "w" is there twice'],
  ["a tensor twice, once escaped", fileOf('{"w":1,"\\u0077":2}'), 'key "\\u0077" is there twice'],
  ["a field twice", fileOf('{"w":{"dtype":"F32","dtype":"F32"}}'), '"dtype" is there twice'],
  ["metadata twice", fileOf('{"__metadata__":{},"__metadata__":{}}'), "is there twice"],
  ["a metadata key twice", fileOf('{"__metadata__":{"a":"1","a":"1"}}'), '"a" is there twice'],
  ["a name that is half a character", fileOf('{"\\ud800":{}}'), "is not Unicode"],
  ["metadata an array", fileOf({ __metadata__: ["a"] }), 'object of strings, got ["a"]'],
  ["metadata a text", fileOf({ __metadata__: "a" }), 'object of strings, got "a"'],
  ["metadata of numbers", fileOf({ __metadata__: { a: 1 } }), '"a" must be a string, got 1'],
  ["metadata of objects", fileOf({ __metadata__: { a: {} } }), '"a" must be a string, got {}'],
  ["metadata null inside", fileOf({ __metadata__: { a: null } }), "must be a string, got null"],
  ["a size of 1.0", fileOf('{"w":{"shape":[1.0]}}'), "must be digits alone, got 1.0"],
  ["a size of 1e0", fileOf('{"w":{"shape":[1e0]}}'), "must be digits alone, got 1e0"],
  ["a size of -0", fileOf('{"w":{"shape":[-0]}}'), "must be digits alone, got -0"],
  [
    "sizes beyond exact numbers, times 0",
    fileOf(entry([2 ** 52, 2 ** 52, 0], [0, 0])),
    "needs Infinity bytes, got 0",
  ],
  ["tensors that overlap", fileOf(two([0, 8], [4, 12]), new Uint8Array(12)), "byte 8 of the data"],
  ["tensors with a gap", fileOf(two([0, 8], [12, 20]), new Uint8Array(20)), "byte 8 of the data"],
  ["tensors in one place", fileOf(two([0, 8], [0, 8]), new Uint8Array(8)), "byte 8 of the data"],
  ["a name of a megabyte", fileOf({ ["w".repeat(1e6)]: 3 }), "is not an object"],
  ["a shape nested deeply", fileOf(nested(1e5)), "no valid shape"],
  ["header null", fileOf("null"), "not a JSON object"],
  ["entry not an object", fileOf({ w: 3 }), 'entry "w" of the header is not an object'],
  ["dtype F16", fileOf(entry([1], [0, 2], "F16"), new Uint8Array(2)), 'dtype F32, got "F16"'],
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
  [
    "an infinite weight below 0",
    fileOf(entry([1], [0, 4]), new Uint8Array([0, 0, 128, 255])),
    "got -Infinity",
  ],
];

for (const [what, bytes, message] of badFiles) {
  Deno.test(`a weight file is refused: ${what}`, () => {
    const error = assertThrows(() => readSafetensors(bytes, "w.safetensors"), WeightsFormatError);
    assert(error.message.startsWith("Cannot read w.safetensors: "), error.message);
    assert(error.message.includes(message), `${error.message} lacks ${message}`);
    assert(error.message.length < 1000, `a message of ${error.message.length} characters`);
  });
}

Deno.test("what the reference reader takes is read: no metadata, unknown fields, any order", () => {
  const data = Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 64);
  const w = '"dtype":"F32","shape":[1],"data_offsets"';
  const headers = [
    `{"a":{${w}:[0,4]},"b":{${w}:[4,8]}}`,
    `{"b":{${w}:[4,8]},"a":{${w}:[0,4]}}   `,
    `{"__metadata__":null, "a" : {${w}:[0,4], "other":[1.5,{"x":{}},true]},\n"b":{${w}:[4,8]}}`,
    `{"a":{${w}:[0,4]},"b":{${w}:[4,8]},"__metadata__":{"a":"{\\"a\\":1}","b":"\\\\"}}`,
  ];
  for (const header of headers) {
    const { tensors } = readSafetensors(fileOf(header, data));
    const read = [...tensors].map(([name, tensor]) => [name, ...tensor.data]);
    assertEquals(read, [["a", 1], ["b", 2]], header);
  }
});

Deno.test("a header changed anywhere is refused shortly, or read as it says", () => {
  const length = Number(new DataView(dbn.buffer).getBigUint64(0, true));
  const text = new TextDecoder().decode(dbn.subarray(8, 8 + length)), data = dbn.slice(8 + length);
  const pieces = fc.constantFrom(
    ...["", "0", "1", "-", ".", "e", '"', "\\", "{", "}", "[", "]", ",", ":", " ", "null", "\0"],
    ...['"dtype"', '"shape"', '"data_offsets":[0,4],', "1e999", "9007199254740993", "\ud800"],
  );
  const change = fc.record({ at: fc.nat(length), removed: fc.nat(3), piece: pieces });
  let refused = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      let header = text;
      for (const { at, removed, piece } of changes) {
        header = header.slice(0, at) + piece + header.slice(at + removed);
      }
      try {
        const { tensors } = readSafetensors(fileOf(header, data));
        const bytes = [...tensors.values()].reduce((sum, t) => sum + t.data.byteLength, 0);
        assertEquals(bytes, data.length);
      } catch (error) {
        if (!(error instanceof WeightsFormatError)) throw error;
        assert(error.message.length < 1000, `a message of ${error.message.length} characters`);
        refused++;
      }
    }),
    { numRuns: 2000, seed: 16 },
  );
  assert(refused > 1000, `${refused} of 2000 were refused`);
});

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
  ["a name of a megabyte", (c) => c.name = "x".repeat(1e6), 'got "xxx'],
  [
    "labels nested deeply",
    (c) => c.architecture.labels = JSON.parse(`${'{"0":'.repeat(1e5)}0${"}".repeat(1e5)}`),
    "got a value nested too deeply to show",
  ],
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
    assert(error.message.length < 1000, `a message of ${error.message.length} characters`);
  });
}
