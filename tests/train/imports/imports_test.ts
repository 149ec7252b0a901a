/** Parameters that are read, and files that are refused with the file, the array, the bound and the value. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type Tensor, writeSafetensors } from "../../../src/format/safetensors.ts";
import { ImportError, MAX_IMPORT_BYTES } from "../../../train/imports/arrays.ts";
import {
  importClassifier,
  type ImportClassifierOptions,
} from "../../../train/imports/classifier.ts";
import { importRbm } from "../../../train/imports/rbm.ts";
import { npy, npyOf, npz, numbers, safetensors } from "./files.ts";

const keras: ImportClassifierOptions = { from: "keras", activation: "relu", file: "m.npz" };
const pytorch: ImportClassifierOptions = { from: "pytorch", activation: "relu", file: "m.st" };

/** Parameters of a network 3-4-2 in Keras's order. */
const kerasArrays = {
  arr_0: npy({ shape: [3, 4], data: numbers(12) }),
  arr_1: npy({ shape: [4], data: numbers(4) }),
  arr_2: npy({ shape: [4, 2], data: numbers(8) }),
  arr_3: npy({ shape: [2], data: numbers(2) }),
};

/** A network of PyTorch, its modules by name with (O, I). */
function torchFile(modules: Record<string, [outputs: number, inputs: number]>): Uint8Array {
  const tensors = Object.entries(modules).flatMap(([name, [outputs, inputs]]) => [
    [`${name}.bias`, { shape: [outputs], data: Float32Array.from(numbers(outputs)) }] as const,
    [`${name}.weight`, {
      shape: [outputs, inputs],
      data: Float32Array.from(numbers(outputs * inputs)),
    }] as const,
  ]);
  return writeSafetensors(new Map<string, Tensor>(tensors));
}

Deno.test("Keras's kernels and biases are layers in the archive's order", async () => {
  for (const compressed of [false, true]) {
    const [first, second] = await importClassifier(await npz(kerasArrays, { compressed }), keras);
    assertEquals([first.inputSize, first.outputSize, first.activation], [3, 4, "relu"]);
    assertEquals([second.inputSize, second.outputSize, second.activation], [4, 2, undefined]);
    assertEquals([...first.kernel], numbers(12));
    assertEquals([...second.bias], numbers(2));
  }
});

Deno.test("the order of numbers in the file, and their width, change nothing", async () => {
  const plain = numbers(12),
    columns = [0, 1, 2, 3].flatMap((j) => [0, 1, 2].map((i) => plain[4 * i + j]));
  const written = [
    npy({ shape: [3, 4], data: columns, fortran: "True" }),
    npy({ shape: [3, 4], data: plain, descr: "<f8" }),
    npy({ shape: [3, 4], data: plain, descr: ">f4" }),
    npyOf("{'shape': (3, 4), 'fortran_order': False, 'descr': '<f4'}", { data: plain, version: 2 }),
  ];
  for (const arr_0 of written) {
    const [{ kernel }] = await importClassifier(await npz({ ...kerasArrays, arr_0 }), keras);
    assertEquals([...kernel], plain);
  }
});

Deno.test("PyTorch's weights are transposed, its modules in the order of their numbers", async () => {
  const bytes = torchFile({ "net.10": [2, 5], "net.2": [5, 4], "net.0": [4, 3] });
  const layers = await importClassifier(bytes, pytorch);
  assertEquals(layers.map(({ inputSize }) => inputSize), [3, 4, 5]);
  const weights = numbers(12); // (4, 3)
  assertEquals(layers[0].kernel[1], weights[3]); // input 0, output 1
  assertEquals(layers[0].kernel[4 * 2 + 3], weights[3 * 3 + 2]);
});

Deno.test("modules without numbers stand as their sizes fit, or as they are named", async () => {
  const sizes = { out: [2, 4], body: [4, 4], first: [4, 3] } as const;
  const told = await importClassifier(torchFile({ ...sizes } as never), pytorch);
  assertEquals(told.map(({ outputSize }) => outputSize), [4, 4, 2]);
  const alike = torchFile({ b: [4, 4], out: [2, 4], c: [4, 4], first: [4, 3] });
  const error = await assertRejects(() => importClassifier(alike, pytorch), ImportError);
  assert(error.message.includes("do not tell the order of b, out, c, first"), error.message);
  const layers = ["first", "c", "b", "out"];
  assertEquals((await importClassifier(alike, { ...pytorch, layers })).length, 4);
});

Deno.test("mean and standard deviation of pixels go into the first layer", async () => {
  const bytes = await npz(kerasArrays), mean = 0.25, std = 0.5;
  const [plain] = await importClassifier(bytes, keras);
  const [folded] = await importClassifier(bytes, { ...keras, mean, std });
  const image = [0.1, 0.9, 0.4];
  const output = (x: number[], { kernel, bias }: typeof plain) =>
    Array.from(bias, (b, j) => x.reduce((sum, value, i) => sum + value * kernel[4 * i + j], b));
  const right = output(image.map((x) => (x - mean) / std), plain);
  output(image, folded).forEach((y, j) =>
    assert(Math.abs(y - right[j]) < 1e-6, `${y} ${right[j]}`)
  );
});

Deno.test("a BernoulliRBM's components are transposed, and its other arrays ignored", async () => {
  const components = numbers(6); // (2, 3)
  const rbm = await importRbm(
    await npz({
      random_state: npyOf("{'descr': '|O', 'fortran_order': False, 'shape': (), }"),
      components_: npy({ shape: [2, 3], data: components, descr: "<f8" }),
      intercept_hidden_: npy({ shape: [2], data: [1, 2] }),
      intercept_visible_: npy({ shape: [3], data: [3, 4, 5] }),
    }),
  );
  assertEquals([rbm.visibleSize, rbm.hiddenSize], [3, 2]);
  assertEquals([...rbm.weights], [0, 3, 1, 4, 2, 5].map((i) => components[i]));
  assertEquals([...rbm.hiddenBias, ...rbm.visibleBias], [1, 2, 3, 4, 5]);
});

const ones = (shape: number[], changes = {}) =>
  npy({ shape, data: new Array(shape.reduce((a, b) => a * b, 1)).fill(1), ...changes });

/** Archives of Keras's that are refused: what differs from the good one, and what the error says. */
const refusedArchives: [string, Record<string, Uint8Array | undefined>, string][] = [
  [
    "a pickled array",
    { arr_1: npyOf("{'descr': '|O', 'fortran_order': False, 'shape': (4,), }") },
    'array "arr_1" holds pickled Python objects',
  ],
  [
    "integers",
    { arr_1: ones([4], { descr: "<i4" }) },
    'array "arr_1" must have dtype float16, float32 or float64, got "<i4"',
  ],
  ["records", {
    arr_1: npyOf("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }"),
  }, 'array "arr_1" must have dtype'],
  ["no NPY file", { arr_1: new Uint8Array(40) }, 'array "arr_1" must begin as an NPY file'],
  [
    "another version of NPY",
    { arr_1: npyOf("{}", { version: 9 }) },
    'array "arr_1" must be of NPY version 1.0, 2.0 or 3.0, got 9.0',
  ],
  [
    "a header without a shape",
    { arr_1: npyOf("{'descr': '<f4', 'fortran_order': False}") },
    'array "arr_1" has no valid shape',
  ],
  ["fewer numbers than its shape", {
    arr_1: npyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }"),
  }, 'array "arr_1" of shape (4) needs 16 bytes, got 0'],
  ["a shape of too many numbers", {
    arr_1: npyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (9007199254740991, 4096), }"),
  }, 'array "arr_1" of shape (9007199254740991, 4096) needs Infinity bytes, got 0'],
  [
    "not a number",
    { arr_1: npy({ shape: [4], data: [1, 2, NaN, 4] }) },
    'array "arr_1" must hold finite numbers of float32, got NaN at index 2',
  ],
  [
    "too large for float32",
    { arr_1: npy({ shape: [4], data: [1, 1e300, 3, 4], descr: "<f8" }) },
    'array "arr_1" must hold finite numbers of float32, got 1e+300 at index 1',
  ],
  [
    "a kernel of three sizes",
    { arr_0: ones([3, 2, 2]) },
    'array "arr_0" must have a shape of two sizes above 0, got (3, 2, 2)',
  ],
  [
    "three sizes in Fortran's order",
    { arr_0: ones([3, 2, 2], { fortran: "True" }) },
    'array "arr_0" in Fortran order must have two sizes at most, got (3, 2, 2)',
  ],
  [
    "a kernel of nothing",
    { arr_0: ones([3, 0]) },
    'array "arr_0" must have a shape of two sizes above 0, got (3, 0)',
  ],
  [
    "another bias",
    { arr_1: ones([5]) },
    'array "arr_1" must have shape (4), the outputs of "arr_0", got (5)',
  ],
  [
    "sizes that do not fit",
    { arr_2: ones([5, 2]) },
    'array "arr_2" takes 5 inputs; "arr_0" before it gives 4',
  ],
  [
    "a bias too few",
    { arr_3: undefined },
    "it must hold a kernel and a bias a layer, got 3 arrays",
  ],
  ["one layer", { arr_2: undefined, arr_3: undefined }, "it must hold 2 to 17 layers, got 1"],
  [
    "too many units",
    { arr_2: ones([4, 65537]), arr_3: ones([65537]) },
    'array "arr_2" must have at most 65536 units, got (4, 65537)',
  ],
];
for (const [what, changes, message] of refusedArchives) {
  Deno.test(`an archive is refused for ${what}`, async () => {
    const files = Object.entries({ ...kerasArrays, ...changes })
      .filter((entry): entry is [string, Uint8Array] => entry[1] !== undefined);
    const bytes = await npz(Object.fromEntries(files));
    const error = await assertRejects(() => importClassifier(bytes, keras), ImportError);
    assert(error.message.startsWith("Cannot import m.npz: "), error.message);
    assert(error.message.includes(message), error.message);
  });
}

const f32 = (shape: number[], start: number, changes = {}) => ({
  ...{ dtype: "F32", shape },
  data_offsets: [start, start + 4 * shape.reduce((a, b) => a * b, 1)],
  ...changes,
});

/** Safetensors files that are refused, and what the error says. */
const refusedTensors: [string, Uint8Array, string][] = [
  [
    "integers",
    safetensors({ "0.weight": f32([2, 3], 0, { dtype: "I32" }) }, 24),
    'tensor "0.weight" must have dtype F16 or BF16 or F32 or F64, got "I32"',
  ],
  ["a missing bias", safetensors({ "0.weight": f32([2, 3], 0) }, 24), 'array "0.bias" is missing'],
  [
    "another module",
    safetensors({ "0.running_mean": f32([2], 0) }, 8),
    'array "0.running_mean" must be the weight or bias of a Linear layer',
  ],
  [
    "a convolution",
    safetensors({ "0.bias": f32([2], 0), "0.weight": f32([2, 1, 3, 3], 8) }, 80),
    'array "0.weight" must have a shape of two sizes above 0, got (2, 1, 3, 3)',
  ],
  ["bytes that no tensor has", safetensors({ "0.bias": f32([2], 0) }, 12), "bytes in all, got "],
  [
    "tensors that overlap",
    safetensors({ "0.bias": f32([2], 0), "0.weight": f32([1, 2], 4) }, 12),
    'tensor "0.weight" must start at byte 8 of the data, got 4',
  ],
  ["more bytes than there are", safetensors({ "0.bias": f32([2], 0) }, 4), "ends at byte "],
  [
    "another shape",
    safetensors({ "0.bias": f32([2], 0, { shape: [3] }) }, 8),
    'tensor "0.bias" of shape (3) needs 12 bytes, got 8',
  ],
  [
    "a header that is no object",
    safetensors([] as object, 0),
    "it must be a safetensors file or an NPZ archive",
  ],
  [
    "a header cut short",
    safetensors({ "0.bias": f32([2], 0) }, 8).subarray(0, 30),
    "header length must be in [2, 22] bytes",
  ],
  ["nothing at all", new Uint8Array(), "it must be a safetensors file or an NPZ archive"],
  [
    "a pickle",
    new Uint8Array([0x80, 2, 0x7d, 0x71, 0, 0x2e]),
    "it must be a safetensors file or an NPZ archive",
  ],
];
for (const [what, bytes, message] of refusedTensors) {
  Deno.test(`a safetensors file is refused for ${what}`, async () => {
    const error = await assertRejects(() => importClassifier(bytes, pytorch), ImportError);
    assert(/^Cannot (import|read) m\.st: /.test(error.message), error.message);
    assert(error.message.includes(message), error.message);
  });
}

Deno.test("layers must name each of PyTorch's modules once", async () => {
  const bytes = torchFile({ a: [4, 3], b: [2, 4] });
  for (const layers of [["a"], ["a", "a"], ["a", "c"]]) {
    await assertRejects(
      () => importClassifier(bytes, { ...pytorch, layers }),
      ImportError,
      "layers must",
    );
  }
  await assertRejects(
    async () => await importClassifier(await npz(kerasArrays), { ...keras, layers: ["a"] }),
    RangeError,
  );
  await assertRejects(() => importClassifier(bytes, { ...pytorch, std: 0 }), RangeError, "got 0");
  await assertRejects(
    () => importClassifier(bytes, { ...pytorch, from: "keras" }),
    ImportError,
    "which only an NPZ",
  );
});

Deno.test("an RBM whose arrays do not fit, or of which one is missing, is refused", async () => {
  const good = {
    components_: ones([2, 3]),
    intercept_hidden_: ones([2]),
    intercept_visible_: ones([3]),
  };
  const cases: [Record<string, Uint8Array>, string][] = [
    [
      { ...good, intercept_hidden_: ones([3]) },
      'array "intercept_hidden_" must have shape (2), the hidden units of components_, got (3)',
    ],
    [
      { ...good, intercept_visible_: ones([1, 3]) },
      'array "intercept_visible_" must have a shape of one size above 0, got (1, 3)',
    ],
    [
      { components_: good.components_, intercept_hidden_: good.intercept_hidden_ },
      'array "intercept_visible_" of a BernoulliRBM is missing',
    ],
    [
      { ...good, components_: ones([6]) },
      'array "components_" must have a shape of two sizes above 0, got (6)',
    ],
  ];
  for (const [files, message] of cases) {
    const bytes = await npz(files);
    const error = await assertRejects(() => importRbm(bytes, { file: "r.npz" }), ImportError);
    assertEquals(error.message, `Cannot import r.npz: ${message}`);
  }
});

/** Where in an archive its central directory lists its only entry: the last such signature. */
function directoryAt(bytes: Uint8Array): number {
  for (let at = bytes.length - 4; at >= 0; at--) {
    if (
      bytes[at] === 0x50 && bytes[at + 1] === 0x4b && bytes[at + 2] === 1 && bytes[at + 3] === 2
    ) {
      return at;
    }
  }
  throw new RangeError("there is no central directory");
}

Deno.test("an archive that unpacks to more than it declares, or than is allowed, is refused", async () => {
  const zeros = new Uint8Array(4 * 1024 * 1024);
  const bomb = await npz({ arr_0: zeros }, { compressed: true });
  assert(bomb.length < 16 * 1024);
  const declare = (size: number) => {
    const lying = bomb.slice(), view = new DataView(lying.buffer);
    view.setUint32(directoryAt(lying) + 24, size, true);
    view.setUint32(22, size, true); // the local header says the same
    return lying;
  };
  const few = await assertRejects(() => importClassifier(declare(100), keras), ImportError);
  assert(/array "arr_0" must unpack to 100 bytes|is no NPZ archive/.test(few.message), few.message);
  const many = await assertRejects(
    () => importClassifier(declare(MAX_IMPORT_BYTES + 1), keras),
    ImportError,
  );
  assert(
    many.message.includes(
      `unpack to at most ${MAX_IMPORT_BYTES} bytes, got ${MAX_IMPORT_BYTES + 1}`,
    ),
    many.message,
  );
});

Deno.test("an archive with a changed or missing byte, or cut anywhere, is refused by name", async () => {
  const bytes = await npz(kerasArrays, { compressed: true });
  for (let length = 0; length < bytes.length; length += 7) {
    const error = await assertRejects(
      () => importClassifier(bytes.subarray(0, length), keras),
      ImportError,
    );
    assert(error.message.startsWith("Cannot import m.npz: "), error.message);
  }
  const data = bytes.slice(); // the CRC-32 finds what the numbers do not show
  data[directoryAt(data) + 16] ^= 1;
  await assertRejects(() => importClassifier(data, keras), ImportError, "Cannot import m.npz: ");
});

Deno.test("files with any bytes changed are read, or refused by an error of imports", async () => {
  const files: [Uint8Array, ImportClassifierOptions][] = [
    [await npz(kerasArrays, { compressed: true }), keras],
    [await npz(kerasArrays), keras],
    [torchFile({ "0": [4, 3], "2": [2, 4] }), pytorch],
  ];
  let refused = 0;
  const change = fc.record({ at: fc.nat(), value: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(
      fc.nat(2),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      async (which, all) => {
        const [whole, options] = files[which], bytes = whole.slice();
        for (const { at, value } of all) bytes[at % bytes.length] = value;
        await importClassifier(bytes, options).catch((error) => {
          assert(error instanceof ImportError, String(error));
          assert(error.message.length < 1024, error.message);
          refused++;
        });
      },
    ),
    { numRuns: 600, seed: 1 },
  );
  assert(refused > 100, `${refused} of 600 were refused`);
});
