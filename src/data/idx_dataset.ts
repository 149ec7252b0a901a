/**
 * Any data set in four IDX files: MNIST's relatives Fashion-MNIST, EMNIST and QMNIST, and one's own.
 * @module
 */
import { visible } from "../outside/shown.ts";
import { checkInteger } from "../math/matrix.ts";
import { createBuilder, type DatasetBuilder, type DatasetInfo } from "./builder.ts";
import {
  type Convention,
  conventionOf,
  convertLabels,
  describeConversion,
  MAX_CLASSES,
} from "./conventions.ts";
import { findIdxFile, type FoundFile, readIdxFile, readIdxShape } from "./files.ts";
import { decodeLabels, IdxFormatError, imageForm, labelForm } from "./idx.ts";
import { readIdxImages } from "./idx_examples.ts";

/** The classes of data whose labels and names tell of no more; training has so many label units. */
const LEAST_CLASSES = 10;

type Files = Record<"train" | "test", { images: FoundFile; labels: FoundFile }>;

/** Where data lie, and what they are. */
export interface IdxDatasetOptions {
  /** Directory of the four files, plain or gzipped, under any usual spelling of their names. */
  dataDir: string;
  /** What the data set is called. @default "idx" */
  name?: string;
  /** Classes; labels beyond them are refused. @default what names tell, else the labels: 10 to 256 */
  numClasses?: number;
}

/**
 * A dataset of four IDX files, such as Fashion-MNIST: images of one size, labels of bytes or int32, in one column
 * or in the first of several (QMNIST). Files of EMNIST are known by their names: images are transposed back, and
 * labels of letters begin at 0. Reads labels and the images' size first, so it is asynchronous.
 * @throws {IdxFormatError} naming the file, the place, the bound and the value, where files do not fit.
 * @throws {Error} naming what was looked for and is not there.
 */
export async function idxDataset(
  { dataDir, name = "idx", numClasses }: IdxDatasetOptions,
): Promise<DatasetBuilder> {
  if (numClasses !== undefined) {
    checkInteger("Cannot read a dataset: numClasses", numClasses, 1, MAX_CLASSES);
  }
  const files = await findFiles(dataDir), { source } = files.train.labels;
  const convention = conventionOf(source), { names } = convention;
  const stored = { train: await readLabels(files, "train"), test: await readLabels(files, "test") };
  const known = numClasses ?? names?.length, { firstLabel } = convention;
  const toClasses = (split: keyof Files) => {
    const file = visible(files[split].labels.path);
    return convertLabels(stored[split], { firstLabel, numClasses: known ?? MAX_CLASSES, file });
  };
  const labels = { train: toClasses("train"), test: toClasses("test") };
  const classes = known ??
    Math.max(LEAST_CLASSES, countClasses(labels.train), countClasses(labels.test));
  const conversion = describeConversion(source, convention, classes);
  const info: DatasetInfo = {
    name,
    version: "1.0.0",
    description: `IDX files of ${dataDir}`,
    ...(conversion && { conversion }),
    features: {
      image: { shape: [...await imageSize(files, convention), 1], dtype: "uint8" },
      label: {
        shape: [],
        dtype: "uint8",
        numClasses: classes,
        ...(names?.length === classes && { names }),
      },
    },
    splits: {
      train: { numExamples: labels.train.length },
      test: { numExamples: labels.test.length },
    },
    citation: "",
    homepage: "",
  };
  const { features, splits } = info, [height, width] = features.image.shape;
  return createBuilder(info, async (name) => {
    const split = name as keyof Files, count = splits[split].numExamples;
    const { path } = files[split].images;
    const images = await readIdxImages(path, { count, features, convention });
    return { images, labels: labels[split], count, height, width };
  });
}

/** The four files. @throws {IdxFormatError} naming two of them, if their names are of different data sets */
async function findFiles(directory: string): Promise<Files> {
  const find = async (split: "train" | "test") => ({
    labels: await findIdxFile({ directory, split, part: "labels" }),
    images: await findIdxFile({ directory, split, part: "images" }),
  });
  const files = { train: await find("train"), test: await find("test") };
  const [first, ...others] = [files.train, files.test].flatMap(({ labels, images }) => [
    labels,
    images,
  ]);
  const other = others.find(({ source }) => source !== first.source);
  if (other) {
    throw new IdxFormatError(
      `Cannot read ${visible(directory)}: its files must be of 1 data set, ` +
        `got ${visible(first.path)} and ${visible(other.path)}`,
    );
  }
  return files;
}

async function readLabels(files: Files, split: keyof Files): Promise<Uint8Array | Int32Array> {
  const { path } = files[split].labels;
  const labels = decodeLabels(await readIdxFile(path, labelForm), visible(path));
  if (labels.length === 0) {
    throw new IdxFormatError(`Cannot read ${visible(path)}: it must hold at least 1 label, got 0`);
  }
  return labels;
}

/** How many classes the labels tell of. */
function countClasses(labels: Uint8Array): number {
  return 1 + labels.reduce((a, b) => Math.max(a, b), 0);
}

/** Height and width of the training images, of which only the file's beginning is read. */
async function imageSize(
  { train: { images: { path } } }: Files,
  { transposed }: Convention,
): Promise<[height: number, width: number]> {
  const shape = await readIdxShape(path, imageForm), [, rows, columns] = shape;
  if (rows === 0 || columns === 0) {
    throw new IdxFormatError(
      `Cannot read ${visible(path)}: images must have at least 1 pixel, got (${shape.join(", ")})`,
    );
  }
  return transposed ? [columns, rows] : [rows, columns];
}
