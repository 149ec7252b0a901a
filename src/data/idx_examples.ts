/**
 * The images and the labels of a split, from IDX files, as the convention says they are meant.
 * @module
 */
import { visible } from "../outside/shown.ts";
import type { DatasetInfo } from "./builder.ts";
import { type Convention, convertLabels, transposeImages } from "./conventions.ts";
import { readIdxFile } from "./files.ts";
import { decodeIdx, decodeLabels, IdxFormatError, imageForm, labelForm } from "./idx.ts";

/** What the files of a split must hold. */
export interface IdxSplit {
  /** Examples, N. */
  count: number;
  features: DatasetInfo["features"];
  convention: Convention;
}

/** Looks at a file's unpacked bytes before they are decoded, and throws where they do not fit. */
type Verify = (bytes: Uint8Array) => Promise<void>;

/**
 * Reads the images (N, height, width) of a split.
 * @throws {IdxFormatError} naming the file, what was expected and what was found.
 */
export async function readIdxImages(
  path: string,
  { count, features, convention: { transposed } }: IdxSplit,
  verify?: Verify,
): Promise<Uint8Array> {
  const file = visible(path), bytes = await readIdxFile(path, imageForm);
  await verify?.(bytes);
  const { shape, data } = decodeIdx(bytes, 3, file), [height, width] = features.image.shape;
  checkShape(file, shape, [count, ...transposed ? [width, height] : [height, width]]);
  if (transposed) transposeImages(data, { height, width });
  return data;
}

/**
 * Reads the classes (N) of a split.
 * @throws {IdxFormatError} naming the file, what was expected and what was found.
 */
export async function readIdxLabels(
  path: string,
  { count, features, convention: { firstLabel } }: IdxSplit,
  verify?: Verify,
): Promise<Uint8Array> {
  const file = visible(path), bytes = await readIdxFile(path, labelForm);
  await verify?.(bytes);
  const labels = decodeLabels(bytes, file), { numClasses } = features.label;
  checkShape(file, [labels.length], [count]);
  return convertLabels(labels, { firstLabel, numClasses, file });
}

function checkShape(file: string, shape: number[], expected: number[]): void {
  if (shape.join() !== expected.join()) {
    throw new IdxFormatError(
      `Cannot read ${file}: shape must be (${expected.join(", ")}), got (${shape.join(", ")})`,
    );
  }
}
