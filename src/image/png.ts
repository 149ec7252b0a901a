/**
 * PNG in, as grey bytes. A picture is read line by line, so that beside its grey bytes hardly any memory
 * is needed, whatever the file says; what a hostile file can cost is bounded before it is inflated.
 * Format: W3C, "Portable Network Graphics (PNG) Specification (Third Edition)".
 * @module
 */
import { fail, type PngParts, readParts } from "./png_chunks.ts";
import { readLines } from "./scan_lines.ts";

export { PngFormatError } from "./png_chunks.ts";

// H height, W width, in pixels

/** An image of grey bytes. */
export interface GrayImage {
  /** Grey levels (H, W), 0 black. */
  data: Uint8Array;
  /** W, in pixels. */
  width: number;
  /** H, in pixels. */
  height: number;
}

/** The most pixels that {@linkcode decodePng} takes, unless told otherwise. */
export const MAX_PNG_PIXELS = 4_194_304;

/**
 * Decodes a PNG of any colour type to grey: luma of ITU-R BT.601, alpha composited over white.
 * Checks the size in the header before it inflates, and inflates no more than that size needs.
 *
 * @throws {PngFormatError} if the file is broken, too large, or interlaced below 8 bits a sample.
 */
export async function decodePng(
  bytes: Uint8Array,
  { maxPixels = MAX_PNG_PIXELS }: { maxPixels?: number } = {},
): Promise<GrayImage> {
  const parts = readParts(bytes, maxPixels), { width, height, channels, depth } = parts.header;
  const toGray = parts.header.hasPalette ? ofPalette(parts) : ofSamples(parts);
  const samples = new Uint16Array(width * channels);
  let data: Uint8Array | undefined; // only when there is a line to write
  await readLines(parts, (line) => {
    data ??= new Uint8Array(width * height);
    unpack(line.bytes, samples.subarray(0, line.width * channels), depth);
    const first = line.y * width + line.left;
    for (let x = 0; x < line.width; x++) {
      data[first + x * line.step] = toGray(samples, x * channels);
    }
  });
  return { data: data!, width, height };
}

/** Samples of 1, 2, 4, 8 or 16 bits, the highest bits first. */
function unpack(line: Uint8Array, samples: Uint16Array, depth: number): void {
  if (depth === 8) return samples.set(line);
  if (depth === 16) {
    for (let i = 0; i < samples.length; i++) samples[i] = 256 * line[2 * i] + line[2 * i + 1];
    return;
  }
  const mask = 2 ** depth - 1;
  for (let i = 0, bit = 0; i < samples.length; i++, bit += depth) {
    samples[i] = (line[bit >> 3] >> (8 - depth - bit % 8)) & mask;
  }
}

/** The grey of the pixel whose samples begin at `at`. */
type ToGray = (samples: Uint16Array, at: number) => number;

function ofPalette({ palette }: PngParts): ToGray {
  const grays = palette.map(([r, g, b, a]) => overWhite(luma(r, g, b), a / 255));
  return (samples, at) =>
    grays[samples[at]] ?? fail(`palette has ${palette.length} colours, got index ${samples[at]}`);
}

function ofSamples({ header: { channels, depth }, transparent }: PngParts): ToGray {
  const scale = 255 / (2 ** depth - 1), isGray = channels < 3, hasAlpha = channels % 2 === 0;
  return (samples, at) => {
    const gray = isGray ? samples[at] : luma(samples[at], samples[at + 1], samples[at + 2]);
    let alpha = 1;
    if (hasAlpha) alpha = samples[at + channels - 1] * scale / 255;
    else if (transparent?.every((sample, c) => samples[at + c] === sample)) alpha = 0;
    return overWhite(gray * scale, alpha);
  };
}

/** Y' of ITU-R BT.601. */
function luma(r: number, g: number, b: number): number {
  return 0.299 * r + 0.587 * g + 0.114 * b;
}

function overWhite(gray: number, alpha: number): number {
  return Math.round(gray * alpha + 255 * (1 - alpha));
}
