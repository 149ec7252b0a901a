/**
 * How data sets in IDX files differ from MNIST: EMNIST's images are transposed, and the labels of its letters start
 * at 1. They are recognised by the names of their files.
 * Cohen, Afshar, Tapson, van Schaik (2017), "EMNIST: an extension of MNIST to handwritten letters".
 * @module
 */
import { IdxFormatError } from "./idx.ts";

// N images

/** How the files of a data set are to be read. */
export interface Convention {
  /** Whether the rows of an image are columns in the file. */
  transposed: boolean;
  /** The label of the first class. */
  firstLabel: number;
  /** What the classes are called, where the files' names tell. */
  names?: readonly string[];
}

/** The most classes: labels are kept as bytes. */
export const MAX_CLASSES = 256;

const digits = [..."0123456789"];
const capitals = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/** Digits and letters, of which those that look alike in both cases are one class. */
const merged = [...digits, ...capitals, ..."abdefghnqrt"];

/** Class names of the data sets of EMNIST. */
const emnistNames: Record<string, readonly string[]> = {
  balanced: merged,
  byclass: [...digits, ...capitals, ..."abcdefghijklmnopqrstuvwxyz"],
  bymerge: merged,
  digits,
  letters: capitals,
  mnist: digits,
};

/** How files of `source` are read, such as `emnist-letters`; as MNIST is where that is "". */
export function conventionOf(source: string): Convention {
  if (source === "qmnist") return { transposed: false, firstLabel: 0, names: digits };
  const [family, set] = source.split("-");
  if (family !== "emnist") return { transposed: false, firstLabel: 0 };
  const names = Object.hasOwn(emnistNames, set) ? emnistNames[set] : undefined;
  return { transposed: true, firstLabel: set === "letters" ? 1 : 0, names };
}

/** What the reader changes in the values of these files, in words; undefined where they stay as they are. */
export function describeConversion(
  source: string,
  { transposed, firstLabel, names }: Convention,
  numClasses: number,
): string | undefined {
  if (!transposed) return undefined;
  const images = `files of ${source}: images transposed back`;
  if (firstLabel === 0) return images;
  const [from, to] = [firstLabel, firstLabel + numClasses - 1];
  const called = names?.length === numClasses ? ` (${names[0]} to ${names[numClasses - 1]})` : "";
  return `${images}, labels ${from} to ${to} read as 0 to ${numClasses - 1}${called}`;
}

/**
 * Transposes N images in place: from (N, width, height) as EMNIST stores them to (N, height, width).
 */
export function transposeImages(
  images: Uint8Array, // (N, width, height), then (N, height, width)
  { height, width }: { height: number; width: number },
): void {
  const size = height * width, stored = new Uint8Array(size);
  for (let from = 0; from < images.length; from += size) {
    const image = images.subarray(from, from + size);
    stored.set(image);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        image[row * width + column] = stored[column * height + row];
      }
    }
  }
}

/**
 * Labels from 0, in bytes.
 * @throws {IdxFormatError} naming the file, the bounds, and the first label out of them and where it is.
 */
export function convertLabels(
  labels: Uint8Array | Int32Array, // (N)
  { firstLabel, numClasses, file }: { firstLabel: number; numClasses: number; file: string },
): Uint8Array {
  const last = firstLabel + numClasses - 1;
  const bad = labels.findIndex((label) => label < firstLabel || label > last);
  if (bad >= 0) {
    throw new IdxFormatError(
      `Cannot read ${file}: labels must be in [${firstLabel}, ${last}], ` +
        `got ${labels[bad]} at index ${bad}`,
    );
  }
  if (firstLabel === 0 && labels instanceof Uint8Array) return labels;
  return Uint8Array.from(labels, (label) => label - firstLabel);
}
