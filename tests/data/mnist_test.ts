import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeIdx, IdxFormatError } from "../../src/data/idx.ts";
import { mnist } from "../../src/data/mnist.ts";
import { gzip, writeFiles, writeIdxDirectory } from "./idx_files.ts";

const builder = mnist();

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

Deno.test("files that are not MNIST's are refused by their SHA-256", async () => {
  const other = mnist({ dataDir: await writeIdxDirectory() });
  await assertRejects(() => other.load({ split: "test" }), IdxFormatError, "SHA-256 must be");
});

Deno.test("a directory without the files is refused, naming what was looked for", async () => {
  const dataDir = await Deno.makeTempDir();
  const error = await assertRejects(() => mnist({ dataDir }).load({ split: "test" }), Error);
  assert(/t10k-(images|labels)-idx.-ubyte\.gz/.test(error.message), error.message);
  assert(error.message.includes("--data"), error.message);
});

Deno.test("MNIST's files are found beside those of other data sets, and checked in any spelling", async () => {
  const split = "test", other = new Uint8Array(9);
  const { images, labels } = await builder.load({ split });
  const dataDir = await writeFiles({
    "test-images.idx3-ubyte": encodeIdx({ shape: [10_000, 28, 28], data: images }),
    "t10k-labels.idx1-ubyte": await gzip(encodeIdx({ shape: [10_000], data: labels })),
    "qmnist-test-labels-idx2-int": other,
    "emnist-digits-test-images-idx3-ubyte": other,
  });
  const found = await mnist({ dataDir }).load({ split });
  assertEquals([found.count, ...found.labels.slice(0, 5)], [10_000, 7, 2, 1, 0, 4]);
});
