import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { encodeIdx, IdxFormatError } from "../../src/data/idx.ts";
import { idxDataset, mnist } from "../../src/data/mnist.ts";
import { parseSplit } from "../../src/data/splits.ts";

const builder = mnist();

/** A directory of IDX files in MNIST's shape, small enough to write in a test. */
async function writeIdxDirectory(
  { trainImages = 6, trainLabels = 6, testCount = 4, size = 28, label = 3, suffix = "" } = {},
): Promise<string> {
  const directory = await Deno.makeTempDir();
  const write = async (name: string, shape: number[], fill: number) => {
    const data = new Uint8Array(shape.reduce((a, b) => a * b, 1)).fill(fill);
    let bytes: Uint8Array = encodeIdx({ shape, data });
    if (suffix === ".gz") {
      const packed = new Blob([bytes as BlobPart]).stream().pipeThrough(
        new CompressionStream("gzip"),
      );
      bytes = await new Response(packed).bytes();
    }
    await Deno.writeFile(`${directory}/${name}${suffix}`, bytes);
  };
  await write("train-images-idx3-ubyte", [trainImages, size, size], 7);
  await write("train-labels-idx1-ubyte", [trainLabels], label);
  await write("t10k-images-idx3-ubyte", [testCount, size, size], 8);
  await write("t10k-labels-idx1-ubyte", [testCount], label);
  return directory;
}

Deno.test("info describes MNIST as TensorFlow Datasets does", () => {
  const { info } = builder;
  assertEquals(info.splits, { train: { numExamples: 60000 }, test: { numExamples: 10000 } });
  assertEquals(info.features.image, { shape: [28, 28, 1], dtype: "uint8" });
  assertEquals(info.features.label.numClasses, 10);
  assert(info.citation.includes("1998"));
});

Deno.test("the npm package holds all of MNIST, and its first test digit is a 7", async () => {
  const { images, labels, count } = await builder.load({ split: "train+test" });
  assertEquals([count, images.length, labels.length], [70000, 70000 * 784, 70000]);
  assertEquals([...labels.slice(60000, 60005)], [7, 2, 1, 0, 4]);
  const mean = images.subarray(0, 60000 * 784).reduce((a, b) => a + b) / (60000 * 784) / 255;
  assert(Math.abs(mean - 0.1307) < 1e-4, `mean pixel ${mean}`);
});

Deno.test("asDataset gives the same examples one by one", async () => {
  const dataset = await builder.asDataset({ split: "test[10:13]" });
  const { images, labels } = await builder.load({ split: "test[10:13]" });
  assertEquals(dataset.size, 3);
  let i = 0;
  for await (const { image, label, index } of dataset) {
    assertEquals([label, index], [labels[i], i]);
    assertEquals(image, images.subarray(i * 784, (i + 1) * 784));
    i++;
  }
});

Deno.test("split slices partition a split", () => {
  const sizes = { train: 60000, test: 10000 };
  fc.assert(fc.property(fc.integer({ min: 1, max: 59999 }), (cut) => {
    const [head] = parseSplit(`train[:${cut}]`, sizes),
      [tail] = parseSplit(`train[${cut}:]`, sizes);
    assertEquals([head.from, head.to, tail.from, tail.to], [0, cut, cut, 60000]);
    assertEquals(parseSplit(`train[-${cut}:]`, sizes)[0].from, 60000 - cut);
  }));
  fc.assert(fc.property(fc.integer({ min: 1, max: 99 }), (percent) => {
    const [head] = parseSplit(`test[:${percent}%]`, sizes);
    const [tail] = parseSplit(`test[${percent}%:]`, sizes);
    assertEquals(head.to, tail.from);
    assertEquals(tail.to, 10000);
  }));
  assertEquals(parseSplit("test + train[5:10]", sizes).length, 2);
});

for (
  const [split, message] of [
    ["", "write it as"],
    ["train[", "write it as"],
    ["train[5]", "write it as"],
    ["train[a:b]", "write it as"],
    ["train[1.5:]", "write it as"],
    ["valid", "splits are train, test, got valid"],
    ["constructor", "splits are train, test"],
    ["train[:60001]", "[-60000, 60000], got 60001"],
    ["train[-60001:]", "got -60001"],
    ["train[:101%]", "[-100%, 100%], got 101%"],
    ["train[5:5]", "holds no example (5 to 5)"],
    ["train[9:3]", "(9 to 3)"],
    ["train+", "write it as"],
  ]
) {
  Deno.test(`a split is refused: ${JSON.stringify(split)}`, () => {
    const error = assertThrows(() => parseSplit(split, { train: 60000, test: 10000 }), RangeError);
    assert(error.message.includes(message), error.message);
  });
}

for (const suffix of ["", ".gz"]) {
  Deno.test(`any IDX directory loads${suffix && ", gzipped"}`, async () => {
    const dataset = await idxDataset({
      dataDir: await writeIdxDirectory({ suffix }),
      name: "sevens",
    });
    assertEquals(dataset.info.splits, { train: { numExamples: 6 }, test: { numExamples: 4 } });
    const { images, labels } = await dataset.load({ split: "train[2:4]" });
    assertEquals([images.length, images[0], ...labels], [2 * 784, 7, 3, 3]);
  });
}

Deno.test("files that are not MNIST's are refused by their SHA-256", async () => {
  const other = mnist({ dataDir: await writeIdxDirectory() });
  await assertRejects(() => other.load({ split: "test" }), IdxFormatError, "SHA-256 must be");
});

for (
  const [what, options, message] of [
    ["more images than labels", { trainImages: 7 }, "shape must be (6, 28, 28), got (7, 28, 28)"],
    ["images of 27 × 27", { size: 27 }, "shape must be (6, 28, 28), got (6, 27, 27)"],
    ["a label of 10", { label: 10 }, "labels must be below 10, got 10 at index 0"],
  ] as const
) {
  Deno.test(`an IDX directory is refused: ${what}`, async () => {
    const dataset = await idxDataset({ dataDir: await writeIdxDirectory(options) });
    await assertRejects(() => dataset.load({ split: "train" }), IdxFormatError, message);
  });
}

Deno.test("a directory without the files is refused, naming what was looked for", async () => {
  const dataDir = await Deno.makeTempDir();
  const error = await assertRejects(() => mnist({ dataDir }).load({ split: "test" }), Error);
  assert(/t10k-(images|labels)-idx.-ubyte\.gz/.test(error.message), error.message);
  assert(error.message.includes("--data"), error.message);
});
