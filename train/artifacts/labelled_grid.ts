/**
 * Grids of images with their labels: rows and columns named at the margin, or a caption under each
 * image.
 * @module
 */
import { encodeGrayPng } from "../../src/image/encode_png.ts";
import { type GridOptions, imageGrid } from "../../src/image/grid.ts";
import type { GrayImage } from "../../src/image/png.ts";
import { concatFloats } from "../../src/math/matrix.ts";
import { drawLabels, type Label, textWidth } from "./text.ts";

// N images, H height, W width

/** Texts of a grid. */
export interface GridLabels {
  /** One for each row, left of it. */
  rows?: readonly string[];
  /** One for each column, above it. */
  columns?: readonly string[];
  /** One under each image, row by row. */
  captions?: readonly string[];
}

const PAPER = 255, INK = 40;
/** Height of a letter and space around text, in pixels. */
const SIZE = 14, PADDING = 6;
/** Smallest height of a letter, where a caption is wider than its image. */
const SMALLEST = 7;

/** Draws images (N, H·W) of values in [0, 1] as a labelled grid, dark text on white, as PNG bytes. */
export async function labelledGridPng(
  images: Float32Array,
  { rows = [], columns = [], captions = [] }: GridLabels,
  options: GridOptions = {},
): Promise<Uint8Array> {
  const { height = 28, width = 28, gap = 2, scale = 1 } = options;
  const rowGap = gap + (captions.length > 0 ? SIZE + PADDING : 0);
  const grid = imageGrid(images, { ...options, rowGap, background: PAPER });
  const stepX = width * scale + gap, stepY = height * scale + rowGap;
  const left = rows.length > 0
    ? PADDING + Math.max(...rows.map((text) => textWidth(text, SIZE)))
    : 0;
  const top = columns.length > 0 ? SIZE + PADDING : 0;
  const picture = withMargin(grid, left, top);
  const across = Math.round((grid.width - gap) / stepX);
  const middleOf = (column: number) => left + gap + column * stepX + width * scale / 2;
  await drawLabels(picture, [
    ...rows.map((text, row): Label => ({
      text,
      x: left - PADDING / 2,
      y: top + gap + row * stepY + height * scale / 2 + 0.36 * SIZE,
      align: "end",
      size: SIZE,
      gray: INK,
    })),
    ...columns.map((text, column): Label => ({
      text,
      x: middleOf(column),
      y: top - PADDING / 2,
      align: "middle",
      size: fittingSize(text, stepX),
      gray: INK,
    })),
    ...captions.map((text, i): Label => ({
      text,
      x: middleOf(i % across),
      y: top + gap + Math.floor(i / across) * stepY + height * scale + SIZE,
      align: "middle",
      size: fittingSize(text, stepX),
      gray: INK,
    })),
  ]);
  return encodeGrayPng(picture);
}

/** What {@linkcode showExamples} draws. */
export interface ShownExample {
  /** Bytes, or floats in [0, 1]. */
  image: Uint8Array | Float32Array;
  /** Its class. */
  label: number;
}

/** How {@linkcode showExamples} draws. */
export interface ShowOptions extends Omit<GridOptions, "columns" | "rowGap" | "background"> {
  /** Rows of the grid. @default 3 */
  rows?: number;
  /** Images in a row. @default 3 */
  columns?: number;
  /** Names of the classes. @default their numbers */
  labels?: readonly string[];
}

/** A labelled grid of the first `rows` × `columns` examples as PNG, like `tfds.show_examples`. */
export async function showExamples(
  examples: Iterable<ShownExample> | AsyncIterable<ShownExample>,
  { rows = 3, columns = 3, labels, ...options }: ShowOptions = {},
): Promise<Uint8Array> {
  const images: Float32Array[] = [], captions: string[] = [];
  for await (const { image, label } of examples) {
    const divisor = image instanceof Uint8Array ? 255 : 1;
    images.push(Float32Array.from(image, (pixel) => pixel / divisor));
    captions.push(labels?.[label] ?? String(label));
    if (images.length === rows * columns) break;
  }
  if (images.length === 0) throw new RangeError("Cannot show examples: there are none");
  return labelledGridPng(concatFloats(images), { captions }, { scale: 2, ...options, columns });
}

/** A picture with white space left of it and above it. */
function withMargin({ data, width, height }: GrayImage, left: number, top: number): GrayImage {
  const wide = { width: width + left, height: height + top };
  const out = new Uint8Array(wide.width * wide.height).fill(PAPER);
  for (let y = 0; y < height; y++) {
    out.set(data.subarray(y * width, (y + 1) * width), (y + top) * wide.width + left);
  }
  return { ...wide, data: out };
}

function fittingSize(text: string, width: number): number {
  return Math.max(SMALLEST, Math.min(SIZE, SIZE * width / textWidth(text, SIZE)));
}
