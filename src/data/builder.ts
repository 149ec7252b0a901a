/**
 * Dataset builders in the manner of TensorFlow Datasets: what a data set holds, and slices of its splits.
 * @module
 */
import { Dataset, type Example } from "./dataset.ts";
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
  /** What the reader changed in the files' values, in words; none if they are as they were stored. */
  conversion?: string;
  /** Shape and type of an image and of its label. */
  features: {
    image: { shape: [height: number, width: number, channels: 1]; dtype: "uint8" };
    label: {
      shape: [];
      dtype: "uint8";
      numClasses: number;
      /** What the classes are called, where that is known. */
      names?: readonly string[];
    };
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

/** A builder whose whole splits are read by `readSplit`, each once. */
export function createBuilder(
  info: DatasetInfo,
  readSplit: (split: string) => Promise<Examples>,
): DatasetBuilder {
  const cache = new Map<string, Promise<Examples>>();
  const readOnce = (split: string) => {
    const reading = cache.get(split) ?? readSplit(split);
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
      slices.map(async ({ split, from, to }) => slice(await readOnce(split), from, to)),
    );
    return parts.length === 1 ? parts[0] : join(parts);
  };
  return {
    info,
    load,
    asDataset: async (options) => examplesDataset(await load(options)),
  };
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
function examplesDataset({ images, labels, count, height, width }: Examples): Dataset<Example> {
  const size = height * width;
  return Dataset.from<Example>(count, (index) => ({
    image: images.subarray(index * size, (index + 1) * size),
    label: labels[index],
    index,
  }));
}
