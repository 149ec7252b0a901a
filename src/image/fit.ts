/**
 * Any picture of one digit → 28×28 as MNIST was made: light on dark, the ink scaled to fit 20×20 with
 * its aspect kept, then centred by mass.
 * LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
 * @module
 */
import type { GrayImage } from "./png.ts";

/** Side of the fitted image in pixels. */
export const FITTED_SIZE = 28;
const INK_SIZE = 20;

/** Share of the contrast below which a pixel counts as background when the ink's box is found. */
const INK_THRESHOLD = 0.1;
/** Least difference between background and ink, of 255. */
const MIN_CONTRAST = 16;
/** How far, in pixels, the centre of mass of an MNIST digit can be from the middle. */
const MNIST_CENTRE_TOLERANCE = 1;

interface Box {
  left: number;
  top: number;
  right: number; // excluded
  bottom: number; // excluded
}

/**
 * Fits a picture of a digit. One that is already 28×28, light on dark and placed as MNIST places it
 * comes back unchanged, so a PNG of an MNIST digit is classified exactly as its bytes are.
 *
 * @returns 28·28 bytes, 0 background.
 * @throws {RangeError} if there is nothing darker or lighter than the background.
 */
export function fitDigit(image: GrayImage): Uint8Array {
  const background = borderMedian(image);
  const { darkest, lightest } = extremes(image.data);
  if (Math.max(background - darkest, lightest - background) < MIN_CONTRAST) {
    throw new RangeError(
      `Cannot find a digit: the ink must differ from the background by at least ${MIN_CONTRAST} ` +
        `of 255, got ${Math.max(background - darkest, lightest - background)}`,
    );
  }
  const darkInk = background - darkest > lightest - background;
  if (!darkInk && isMnistLike(image, background)) return image.data.slice();
  const range = darkInk ? background - darkest : lightest - background;
  const inkOf = Float32Array.from({ length: 256 }, (_, gray) => { // 0 background … 255
    const distance = darkInk ? background - gray : gray - background;
    return 255 * Math.min(1, Math.max(0, distance) / range);
  });
  return place(image, inkOf, inkBox(image, (gray) => inkOf[gray] > 255 * INK_THRESHOLD));
}

function isMnistLike(image: GrayImage, background: number): boolean {
  const { data, width, height } = image;
  if (width !== FITTED_SIZE || height !== FITTED_SIZE || background !== 0) return false;
  const box = inkBox(image, (gray) => gray > 0);
  if (box.right - box.left > INK_SIZE || box.bottom - box.top > INK_SIZE) return false;
  if (Math.max(box.right - box.left, box.bottom - box.top) < INK_SIZE - 1) return false;
  const { x, y } = centreOfMass(data, width);
  const middle = FITTED_SIZE / 2;
  return Math.abs(x - middle) <= MNIST_CENTRE_TOLERANCE &&
    Math.abs(y - middle) <= MNIST_CENTRE_TOLERANCE;
}

/** Scales the ink in `box` to fit 20×20 and puts its centre of mass in the middle of 28×28. */
function place(image: GrayImage, inkOf: Float32Array, box: Box): Uint8Array {
  const boxWidth = box.right - box.left, boxHeight = box.bottom - box.top;
  const scale = INK_SIZE / Math.max(boxWidth, boxHeight);
  const w = Math.max(1, Math.round(boxWidth * scale)),
    h = Math.max(1, Math.round(boxHeight * scale));
  const small = resample(image, inkOf, { box, width: w, height: h });
  const { x, y } = centreOfMass(small, w);
  const left = clampOffset(Math.round(FITTED_SIZE / 2 - x), w);
  const top = clampOffset(Math.round(FITTED_SIZE / 2 - y), h);
  const out = new Uint8Array(FITTED_SIZE * FITTED_SIZE);
  for (let row = 0; row < h; row++) {
    for (let column = 0; column < w; column++) {
      out[(top + row) * FITTED_SIZE + left + column] = Math.round(small[row * w + column]);
    }
  }
  return out;
}

function clampOffset(offset: number, size: number): number {
  return Math.min(Math.max(0, offset), FITTED_SIZE - size);
}

/** Area average of the ink under each target pixel; for enlarging, bilinear by the same overlap. */
function resample(
  image: GrayImage,
  inkOf: Float32Array,
  { box, width: toWidth, height: toHeight }: { box: Box; width: number; height: number },
): Float32Array {
  const { data, width } = image;
  const columns = overlaps(box.left, box.right, toWidth);
  const rows = overlaps(box.top, box.bottom, toHeight);
  const out = new Float32Array(toWidth * toHeight);
  rows.forEach((rowParts, y) =>
    columns.forEach((columnParts, x) => {
      let sum = 0;
      for (const [row, rowShare] of rowParts) {
        for (const [column, share] of columnParts) {
          sum += rowShare * share * inkOf[data[row * width + column]];
        }
      }
      out[y * toWidth + x] = sum;
    })
  );
  return out;
}

/** For each of `count` equal parts of [from, to): the source cells it covers and their shares. */
function overlaps(from: number, to: number, count: number): [cell: number, share: number][][] {
  const size = (to - from) / count;
  return Array.from({ length: count }, (_, i) => {
    // A part narrower than a cell is widened to one cell, which interpolates linearly.
    const middle = from + (i + 0.5) * size, half = Math.max(size, 1) / 2;
    const start = Math.max(from, middle - half), end = Math.min(to, middle + half);
    const parts: [number, number][] = [];
    for (let cell = Math.floor(start); cell < end; cell++) {
      const share = (Math.min(cell + 1, end) - Math.max(cell, start)) / (end - start);
      if (share > 0) parts.push([cell, share]);
    }
    return parts;
  });
}

function inkBox({ data, width, height }: GrayImage, isInk: (gray: number) => boolean): Box {
  const box = { left: width, top: height, right: 0, bottom: 0 };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (!isInk(data[i])) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
    }
  }
  return box;
}

/** Centre of mass in pixels, a pixel's mass at its middle. */
function centreOfMass(ink: ArrayLike<number>, width: number): { x: number; y: number } {
  let mass = 0, x = 0, y = 0;
  for (let i = 0; i < ink.length; i++) {
    mass += ink[i];
    x += ink[i] * (i % width + 0.5);
    y += ink[i] * (Math.floor(i / width) + 0.5);
  }
  return { x: x / mass, y: y / mass };
}

/** The background: the median of the outermost pixels. */
function borderMedian({ data, width, height }: GrayImage): number {
  const border: number[] = [];
  for (let x = 0; x < width; x++) border.push(data[x], data[(height - 1) * width + x]);
  for (let y = 1; y < height - 1; y++) border.push(data[y * width], data[y * width + width - 1]);
  return border.sort((a, b) => a - b)[border.length >> 1];
}

function extremes(data: Uint8Array): { darkest: number; lightest: number } {
  let darkest = 255, lightest = 0;
  for (const gray of data) {
    darkest = Math.min(darkest, gray);
    lightest = Math.max(lightest, gray);
  }
  return { darkest, lightest };
}
