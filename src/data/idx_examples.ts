/**
 * The examples of a split from its two IDX files.
 * @module
 */
import { visible } from "../outside/shown.ts";
import type { DatasetInfo, Examples } from "./builder.ts";
import { type Convention, convertLabels, transposeImages } from "./conventions.ts";
import { readIdxFile } from "./files.ts";
import {
  decodeIdx,
  decodeLabels,
  type IdxForm,
  IdxFormatError,
  imageForm,
  labelForm,
} from "./idx.ts";

/** Where a split lies, and what it must hold. */
export interface IdxSplit {
  /** Paths of its files. */
  files: { images: string; labels: string };
  /** Examples, N. */
  count: number;
  features: DatasetInfo["features"];
  convention: Convention;
}

/**
 * Reads a split, its images and labels as the convention says they are meant.
 * @param verify looks at a file's unpacked bytes before they are decoded, and throws where they do not fit.
 * @throws {IdxFormatError} naming the file, what was expected and what was found.
 */
export async function readIdxExamples(
  { files, count, features, convention }: IdxSplit,
  verify: (path: string, bytes: Uint8Array) => Promise<void> = async () => {},
): Promise<Examples> {
  const read = async (path: string, form: IdxForm) => {
    const bytes = await readIdxFile(path, form);
    await verify(path, bytes);
    return bytes;
  };
  const [height, width] = features.image.shape, { transposed, firstLabel } = convention;
  const images = visible(files.images), labels = visible(files.labels);
  const pixels = decodeIdx(await read(files.images, imageForm), 3, images);
  checkShape(images, pixels.shape, [count, ...transposed ? [width, height] : [height, width]]);
  const stored = decodeLabels(await read(files.labels, labelForm), labels);
  checkShape(labels, [stored.length], [count]);
  const { numClasses } = features.label;
  const classes = convertLabels(stored, { firstLabel, numClasses, file: labels });
  if (transposed) transposeImages(pixels.data, { height, width });
  return { images: pixels.data, labels: classes, count, height, width };
}

function checkShape(file: string, shape: number[], expected: number[]): void {
  if (shape.join() !== expected.join()) {
    throw new IdxFormatError(
      `Cannot read ${file}: shape must be (${expected.join(", ")}), got (${shape.join(", ")})`,
    );
  }
}
