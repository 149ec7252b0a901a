import { assert, assertEquals, assertRejects } from "@std/assert";
import { MAX_IDX_BYTES } from "../../src/data/gunzip.ts";
import { encodeIdx, IdxFormatError } from "../../src/data/idx.ts";
import { idxDataset } from "../../src/data/idx_dataset.ts";
import {
  counting,
  encodeInts,
  gzip,
  gzipMembers,
  writeFiles,
  writeIdxDirectory,
} from "./idx_files.ts";

const labelsOf = (...labels: number[]) =>
  encodeIdx({ shape: [labels.length], data: Uint8Array.from(labels) });

/** Four files of 5 and 2 images of 4×3, by what they hold. */
const small = {
  train: { images: counting([5, 4, 3]), labels: labelsOf(0, 1, 2, 3, 9) },
  test: { images: counting([2, 4, 3], 100), labels: labelsOf(9, 4) },
};

/** A directory of those four files, or of others in their place, by MNIST's names. */
function writeSmall(replaced: Record<string, Uint8Array> = {}): Promise<string> {
  return writeFiles({
    "train-images-idx3-ubyte": small.train.images,
    "train-labels-idx1-ubyte": small.train.labels,
    "t10k-images-idx3-ubyte": small.test.images,
    "t10k-labels-idx1-ubyte": small.test.labels,
    ...replaced,
  });
}

async function checkSmall(dataDir: string): Promise<void> {
  const dataset = await idxDataset({ dataDir });
  assertEquals(dataset.info.features.image.shape, [4, 3, 1]);
  assertEquals(dataset.info.splits, { train: { numExamples: 5 }, test: { numExamples: 2 } });
  const { images, labels } = await dataset.load({ split: "train+test" });
  const first = small.train.images.subarray(16), then = small.test.images.subarray(16);
  assertEquals([...images], [...first, ...then]);
  assertEquals([...labels], [0, 1, 2, 3, 9, 9, 4]);
}

for (const suffix of ["", ".gz"] as const) {
  Deno.test(`any IDX directory loads${suffix && ", gzipped"}`, async () => {
    const dataDir = await writeIdxDirectory({ suffix });
    const dataset = await idxDataset({ dataDir, name: "sevens" });
    assertEquals(dataset.info.splits, { train: { numExamples: 6 }, test: { numExamples: 4 } });
    assertEquals(dataset.info.features.label.numClasses, 10);
    const { images, labels } = await dataset.load({ split: "train[2:4]" });
    assertEquals([images.length, images[0], ...labels], [2 * 784, 7, 3, 3]);
  });
}

const { train, test } = small;
const spellings: Record<string, () => Promise<Record<string, Uint8Array>>> = {
  "with a dot, the test files named test": () =>
    Promise.resolve({
      "train-images.idx3-ubyte": train.images,
      "train-labels.idx1-ubyte": train.labels,
      "test-images.idx3-ubyte": test.images,
      "test-labels-idx1-ubyte": test.labels,
    }),
  "gzipped, of one member and of several": async () => ({
    "train-images-idx3-ubyte.gz": await gzipMembers(train.images, [7, 40]),
    "train-labels.idx1-ubyte.gz": await gzip(train.labels),
    "t10k-images.idx3-ubyte.gz": await gzipMembers(test.images, [16]),
    "t10k-labels-idx1-ubyte.gz": await gzip(test.labels),
  }),
  "gzipped where the name does not say so, and plain where it does": async () => ({
    "train-images-idx3-ubyte": await gzip(train.images),
    "train-labels-idx1-ubyte.gz": train.labels,
    "t10k-images-idx3-ubyte.gz": test.images,
    "t10k-labels-idx1-ubyte": await gzip(test.labels),
  }),
  "as QMNIST, labels in the first of 8 columns": async () => ({
    "qmnist-train-images-idx3-ubyte": train.images,
    "qmnist-train-labels-idx2-int": encodeInts(
      [5, 8],
      [0, 1, 2, 3, 9].flatMap((label) => [label, 4, 7, 3904, -1, 7, 0, 0]),
    ),
    "qmnist-test-images-idx3-ubyte.gz": await gzip(test.images),
    "qmnist-test-labels-idx2-int.gz": await gzip(encodeInts([2, 1], [9, 4])),
  }),
};
for (const [spelling, files] of Object.entries(spellings)) {
  Deno.test(`an IDX directory loads, its files named ${spelling}`, async () => {
    await checkSmall(await writeFiles(await files()));
  });
}

Deno.test("what is no regular file is skipped beside a file of another spelling", async () => {
  const dataDir = await writeSmall();
  await Deno.mkdir(`${dataDir}/train-images.idx3-ubyte`);
  await Deno.symlink("/dev/zero", `${dataDir}/train-labels-idx1-ubyte.gz`);
  await Deno.symlink(`${dataDir}/nothing`, `${dataDir}/test-labels-idx1-ubyte`);
  await Deno.rename(`${dataDir}/t10k-images-idx3-ubyte`, `${dataDir}/kept`);
  await Deno.symlink(`${dataDir}/kept`, `${dataDir}/t10k-images-idx3-ubyte`);
  await checkSmall(dataDir);
});

Deno.test("two files that both fit are refused, naming both", async () => {
  const dataDir = await writeSmall({ "test-labels-idx1-ubyte.gz": await gzip(test.labels) });
  const error = await assertRejects(() => idxDataset({ dataDir }), IdxFormatError);
  assertEquals(
    error.message,
    "Cannot read the labels of the split test: they must lie in 1 file, got " +
      `${dataDir}/t10k-labels-idx1-ubyte and ${dataDir}/test-labels-idx1-ubyte.gz; ` +
      "keep one of them there",
  );
});

Deno.test("files of two data sets are refused, naming both", async () => {
  const dataDir = await writeSmall();
  await Deno.rename(
    `${dataDir}/train-images-idx3-ubyte`,
    `${dataDir}/emnist-digits-train-images-idx3-ubyte`,
  );
  const error = await assertRejects(() => idxDataset({ dataDir }), IdxFormatError);
  assert(error.message.includes("its files must be of 1 data set, got "), error.message);
  assert(error.message.includes(`${dataDir}/emnist-digits-train-images`), error.message);
  assert(error.message.includes(`${dataDir}/train-labels-idx1-ubyte`), error.message);
});

/** A directory of EMNIST's `set` with these training labels; images as {@linkcode small}'s, stored transposed. */
function writeEmnist(set: string, ...labels: number[]): Promise<string> {
  const stored = encodeIdx({
    shape: [2, 3, 4],
    data: Uint8Array.from([
      ...[[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]].flat(),
      ...[[12, 15, 18, 21], [13, 16, 19, 22], [14, 17, 20, 23]].flat(),
    ]),
  });
  return writeFiles({
    [`emnist-${set}-train-images-idx3-ubyte`]: stored,
    [`emnist-${set}-train-labels-idx1-ubyte`]: labelsOf(...labels),
    [`emnist-${set}-test-images-idx3-ubyte`]: stored,
    [`emnist-${set}-test-labels-idx1-ubyte`]: labelsOf(1, 2),
  });
}

Deno.test("EMNIST's letters are read upright, their labels from 0 with names", async () => {
  const dataset = await idxDataset({ dataDir: await writeEmnist("letters", 1, 26) });
  const { features: { image, label }, conversion } = dataset.info;
  assertEquals(image.shape, [4, 3, 1]);
  assertEquals([label.numClasses, label.names?.join("")], [26, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]);
  assertEquals(
    conversion,
    "files of emnist-letters: images transposed back, labels 1 to 26 read as 0 to 25 (A to Z)",
  );
  const { images, labels } = await dataset.load({ split: "train" });
  assertEquals([...images], Array.from({ length: 24 }, (_, i) => i));
  assertEquals([...labels], [0, 25]);
  const again = await dataset.load({ split: "train" });
  assertEquals(again.images, images, "transposed once");
});

for (
  const [set, classes, last] of [
    ["digits", 10, "9"],
    ["mnist", 10, "9"],
    ["balanced", 47, "t"],
    ["bymerge", 47, "t"],
    ["byclass", 62, "z"],
    ["unheard", 10, undefined],
  ] as const
) {
  Deno.test(`EMNIST's ${set} has ${classes} classes, and labels from 0`, async () => {
    const dataset = await idxDataset({ dataDir: await writeEmnist(set, 0, 9) });
    const { features: { label }, conversion } = dataset.info;
    assertEquals([label.numClasses, label.names?.at(-1)], [classes, last]);
    assertEquals(conversion, `files of emnist-${set}: images transposed back`);
    const { images, labels } = await dataset.load({ split: "train" });
    assertEquals([[...images.subarray(0, 4)], [...labels]], [[0, 1, 2, 3], [0, 9]]);
  });
}

Deno.test("images of any size and labels of up to 256 classes are read", async () => {
  const images = { train: counting([3, 64, 65]), test: counting([1, 64, 65]) };
  const dataDir = await writeSmall({
    "train-images-idx3-ubyte": images.train,
    "train-labels-idx1-ubyte": encodeInts([3], [0, 255, 25]),
    "t10k-images-idx3-ubyte": images.test,
    "t10k-labels-idx1-ubyte": labelsOf(7),
  });
  const { info, load } = await idxDataset({ dataDir });
  assertEquals([info.features.image.shape, info.features.label.numClasses], [[64, 65, 1], 256]);
  const read = await load({ split: "train" });
  assertEquals([...read.labels], [0, 255, 25]);
  assertEquals(read.images, images.train.subarray(16));
});

const refusedLabels: [string, () => Promise<string>, number | undefined, string][] = [
  ["10 of ten classes", () => writeIdxDirectory({ label: 10 }), 10, "[0, 9], got 10 at index 0"],
  ["0 of letters", () => writeEmnist("letters", 1, 0), undefined, "[1, 26], got 0 at index 1"],
  ["27 of letters", () => writeEmnist("letters", 27, 1), undefined, "[1, 26], got 27 at index 0"],
  [
    "a negative int32",
    () => writeSmall({ "train-labels-idx1-ubyte": encodeInts([5], [0, 1, -7, 3, 4]) }),
    undefined,
    "[0, 255], got -7 at index 2",
  ],
  [
    "256, which no byte holds",
    () => writeSmall({ "train-labels-idx1-ubyte": encodeInts([5], [0, 1, 2, 3, 256]) }),
    undefined,
    "[0, 255], got 256 at index 4",
  ],
];
for (const [what, write, numClasses, message] of refusedLabels) {
  Deno.test(`a label out of range is refused: ${what}`, async () => {
    const dataDir = await write();
    const error = await assertRejects(() => idxDataset({ dataDir, numClasses }), IdxFormatError);
    assert(error.message.startsWith(`Cannot read ${dataDir}/`), error.message);
    assert(
      error.message.endsWith(`train-labels-idx1-ubyte: labels must be in ${message}`),
      error.message,
    );
  });
}

const html = new TextEncoder().encode("<!doctype html><title>404</title>");
const noPixels = encodeIdx({ shape: [5, 0, 3], data: new Uint8Array(0) });
for (
  const [what, replaced, message] of [
    ["HTML for labels", { "train-labels-idx1-ubyte": html }, "train-labels-idx1-ubyte: magic"],
    ["HTML for images", { "train-images-idx3-ubyte": html }, "train-images-idx3-ubyte: magic"],
    ["an empty file", { "t10k-labels-idx1-ubyte": new Uint8Array() }, "ubyte: it is truncated"],
    ["no label", { "t10k-labels-idx1-ubyte": labelsOf() }, "must hold at least 1 label, got 0"],
    ["no pixel", { "train-images-idx3-ubyte": noPixels }, "at least 1 pixel, got (5, 0, 3)"],
  ] as [string, Record<string, Uint8Array>, string][]
) {
  Deno.test(`an IDX directory is refused before anything is loaded: ${what}`, async () => {
    const dataDir = await writeSmall(replaced);
    const error = await assertRejects(() => idxDataset({ dataDir }), IdxFormatError);
    assert(error.message.startsWith(`Cannot read ${dataDir}/`), error.message);
    assert(error.message.includes(message), error.message);
  });
}

for (
  const [what, options, split, message] of [
    ["more images than labels", { trainImages: 7 }, "train", "(6, 28, 28), got (7, 28, 28)"],
    ["test images of another size", { testSize: 27 }, "test", "(4, 28, 28), got (4, 27, 27)"],
  ] as const
) {
  Deno.test(`an IDX directory is refused: ${what}`, async () => {
    const dataDir = await writeIdxDirectory(options), dataset = await idxDataset({ dataDir });
    const error = await assertRejects(() => dataset.load({ split }), IdxFormatError);
    const file = split === "train" ? "train" : "t10k";
    assertEquals(
      error.message,
      `Cannot read ${dataDir}/${file}-images-idx3-ubyte: shape must be ${message}`,
    );
  });
}

Deno.test("an IDX file of another size than its header says, or over the bound, is refused unread", async () => {
  const sizes = [
    [40_000_000, "it is too long: shape (4, 28, 28) needs 3152 bytes, got 40000000"],
    [3e9, `it must hold at most ${MAX_IDX_BYTES} bytes, got 3000000000`],
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
