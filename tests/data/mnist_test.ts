import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeIdx, IdxFormatError } from "../../src/data/idx.ts";
import { idxDataset, mnist } from "../../src/data/mnist.ts";

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

Deno.test("an IDX file that is no regular file is named and not waited for", async () => {
  const replacements: ((path: string) => Promise<unknown>)[] = [
    (path) => new Deno.Command("mkfifo", { args: [path] }).output(),
    (path) => Deno.mkdir(path),
    (path) => Deno.symlink("/dev/zero", path),
  ];
  for (const replace of replacements) {
    const directory = await writeIdxDirectory(), path = `${directory}/t10k-images-idx3-ubyte`;
    await Deno.remove(path);
    await replace(path);
    const loading = mnist({ dataDir: directory }).load({ split: "test" });
    await assertRejects(() => loading, IdxFormatError, `Cannot read ${path}: it must be a regular`);
  }
});

Deno.test("an IDX file of another size than its header says, or over the bound, is refused unread", async () => {
  const sizes = [
    [40_000_000, "it is too long: shape (4, 28, 28) needs 3152 bytes, got 40000000"],
    [3e9, "it must hold at most 67108864 bytes, got 3000000000"],
  ] as const;
  for (const [size, reason] of sizes) {
    const directory = await writeIdxDirectory(), path = `${directory}/t10k-images-idx3-ubyte`;
    await Deno.truncate(path, size);
    const { rss } = Deno.memoryUsage();
    const dataset = await idxDataset({ dataDir: directory });
    const error = await assertRejects(() => dataset.load({ split: "test" }), IdxFormatError);
    assertEquals(error.message, `Cannot read ${path}: ${reason}`);
    assert(Deno.memoryUsage().rss - rss < 30e6, "it was read");
  }
});

Deno.test("a directory's name is told without what a terminal obeys", async () => {
  const dataDir = `${await Deno.makeTempDir()}/a\u001b[2J\u202e`;
  const missing = await assertRejects(() => idxDataset({ dataDir }), Error);
  assert(missing.message.includes("/a\\u{1b}[2J\\u{202e}/train-labels"), missing.message);
  await Deno.mkdir(`${dataDir}/train-labels-idx1-ubyte`, { recursive: true });
  const refused = await assertRejects(() => idxDataset({ dataDir }), Error);
  assert(refused.message.includes("/a\\u{1b}[2J\\u{202e}/train-labels"), refused.message);
});

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
