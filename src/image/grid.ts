/**
 * Pictures of many digits, and of one in the terminal.
 * @module
 */
import { checkInteger, checkShape } from "../math/matrix.ts";
import { encodeGrayPng } from "./encode_png.ts";
import type { GrayImage } from "./png.ts";

// N images, H height, W width

/** How a grid is laid out; lengths in pixels of the images before scaling. */
export interface GridOptions {
  /** Of an image. @default 28 */
  height?: number;
  /** Of an image. @default 28 */
  width?: number;
  /** Images in a row. @default the least number that makes the grid at least as wide as high */
  columns?: number;
  /** Space between images. @default 2 */
  gap?: number;
  /** Space between rows. @default gap */
  rowGap?: number;
  /** Grey of the space, 0 to 255. @default 64; 0 where there is no gap */
  background?: number;
  /** Each pixel is drawn as scale × scale. @default 1 */
  scale?: number;
}

const GAP_GRAY = 64;

/**
 * Lays out images (N, H·W) of values in [0, 1] on a grid, row by row.
 * @throws {RangeError} if the numbers do not fill whole images.
 */
export function imageGrid(
  images: Float32Array,
  options: GridOptions = {},
): GrayImage {
  const { height = 28, width = 28, columns, gap = 2, rowGap = gap, scale = 1 } = options;
  const { background = gap > 0 ? GAP_GRAY : 0 } = options;
  const count = Math.max(1, Math.ceil(images.length / (height * width)));
  checkShape("images", images, count, height * width);
  checkInteger("Cannot draw grid: scale", scale, 1, 32);
  checkInteger("Cannot draw grid: rowGap", rowGap, 0, 1000);
  checkInteger("Cannot draw grid: background", background, 0, 255);
  const across = Math.min(count, columns ?? Math.ceil(Math.sqrt(count)));
  checkInteger("Cannot draw grid: columns", across, 1, 1000);
  const stepX = width * scale + gap, stepY = height * scale + rowGap;
  const grid: GrayImage = {
    width: across * stepX + gap,
    height: Math.ceil(count / across) * stepY + gap,
    data: new Uint8Array(0),
  };
  grid.data = new Uint8Array(grid.width * grid.height).fill(background);
  for (let i = 0; i < count; i++) {
    const left = gap + (i % across) * stepX, top = gap + Math.floor(i / across) * stepY;
    const image = images.subarray(i * height * width, (i + 1) * height * width);
    paint(grid, image, width, left, top, scale);
  }
  return grid;
}

/** {@linkcode imageGrid} as PNG bytes. */
export function toGridPng(images: Float32Array, options?: GridOptions): Uint8Array {
  return encodeGrayPng(imageGrid(images, options));
}

/** An image of values in [0, 1] as text: two rows of pixels a line, in blocks and shades. */
export function toText(
  image: Float32Array | Uint8Array,
  { height = 28, width = 28 }: { height?: number; width?: number } = {},
): string {
  checkShape("image", image, height, width);
  const divisor = image instanceof Uint8Array ? 255 : 1;
  const at = (x: number, y: number) => y < height ? image[y * width + x] / divisor : 0;
  const lines: string[] = [];
  for (let y = 0; y < height; y += 2) {
    let line = "";
    for (let x = 0; x < width; x++) line += block(at(x, y), at(x, y + 1));
    lines.push(line.trimEnd());
  }
  return lines.join("\n");
}

/** The character whose halves are nearest to two grey values. */
function block(upper: number, lower: number): string {
  const [up, down] = [upper > 0.5, lower > 0.5];
  if (up && down) return "█";
  if (up) return "▀";
  if (down) return "▄";
  return upper + lower > 0.4 ? "░" : " ";
}

function paint(
  grid: GrayImage,
  image: Float32Array,
  width: number,
  left: number,
  top: number,
  scale: number,
): void {
  for (let i = 0; i < image.length; i++) {
    const gray = Math.round(255 * Math.min(1, Math.max(0, image[i])));
    const x = left + (i % width) * scale, y = top + Math.floor(i / width) * scale;
    for (let dy = 0; dy < scale; dy++) {
      grid.data.fill(gray, (y + dy) * grid.width + x, (y + dy) * grid.width + x + scale);
    }
  }
}
