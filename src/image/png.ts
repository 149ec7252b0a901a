/**
 * PNG in. fast-png does the decoding; this file bounds what a hostile file can cost and turns every kind
 * of pixel into grey bytes. The library is loaded with the first image, because a server's first answer
 * would wait for it 30 ms.
 * Format: W3C, "Portable Network Graphics (PNG) Specification (Third Edition)".
 * @module
 */
import type { DecodedPng } from "fast-png";

// H height, W width, in pixels

/** A file that is not a PNG this reader takes. */
export class PngFormatError extends Error {
  override name = "PngFormatError";
}

/** An image of grey bytes. */
export interface GrayImage {
  data: Uint8Array; // (H, W)
  width: number;
  height: number;
}

/** The longest side that {@linkcode decodePng} takes, in pixels. */
const MAX_PNG_SIDE = 4096;

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
  const chunks = readChunks(bytes);
  const header = readHeader(chunks, maxPixels);
  await checkInflatedSize(chunks, header);
  const { decode } = await import("fast-png");
  let png: DecodedPng;
  try {
    png = decode(withoutAncillaryChunks(bytes, chunks), { checkCrc: true });
  } catch (cause) {
    throw new PngFormatError(`Cannot read PNG: ${(cause as Error).message}`, { cause });
  }
  return { data: toGray(png), width: png.width, height: png.height };
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const CRITICAL_CHUNKS = new Set(["IHDR", "PLTE", "IDAT", "IEND", "tRNS"]);

interface Chunk {
  type: string;
  start: number; // of the length field
  data: Uint8Array;
}

interface Header {
  width: number;
  height: number;
  bitsPerPixel: number;
  interlaced: boolean;
}

/** Splits a file into chunks, each inside the file, the last one IEND. */
function readChunks(bytes: Uint8Array): Chunk[] {
  if (!SIGNATURE.every((byte, i) => bytes[i] === byte)) fail("it has no PNG signature");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  let at = SIGNATURE.length;
  while (chunks.at(-1)?.type !== "IEND") {
    if (at + 12 > bytes.length) {
      fail(`it is truncated: it ends at byte ${bytes.length} without IEND`);
    }
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length) {
      fail(`it is truncated: chunk ${type} needs ${at + 12 + length} bytes, got ${bytes.length}`);
    }
    chunks.push({ type, start: at, data: bytes.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

const channelsOfColourType: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

function readHeader([first, ...rest]: Chunk[], maxPixels: number): Header {
  if (first.type !== "IHDR" || first.data.length !== 13) fail("its first chunk is not IHDR");
  const view = new DataView(first.data.buffer, first.data.byteOffset, 13);
  const width = view.getUint32(0), height = view.getUint32(4);
  const depth = view.getUint8(8),
    colourType = view.getUint8(9),
    interlaced = view.getUint8(12) === 1;
  if (width === 0 || height === 0) fail(`width and height must be >= 1, got ${width} × ${height}`);
  if (width * height > maxPixels) {
    fail(`it may have at most ${maxPixels} pixels, got ${width} × ${height} = ${width * height}`);
  }
  if (Math.max(width, height) > MAX_PNG_SIDE) {
    fail(`a side may have at most ${MAX_PNG_SIDE} pixels, got ${width} × ${height}`);
  }
  const channels = channelsOfColourType[colourType];
  if (channels === undefined) fail(`unknown colour type ${colourType}`);
  if (interlaced && depth < 8) fail(`interlacing needs 8 or 16 bits a sample, got ${depth}`);
  if (colourType === 3 && !rest.some(({ type }) => type === "PLTE")) fail("its palette is missing");
  return { width, height, bitsPerPixel: channels * depth, interlaced };
}

/** Bytes of the filtered scan lines: a filter byte and the packed pixels of each line. */
function expectedBytes({ width, height, bitsPerPixel, interlaced }: Header): number {
  const lines = (w: number, h: number) => w > 0 ? h * (1 + Math.ceil(w * bitsPerPixel / 8)) : 0;
  if (!interlaced) return lines(width, height);
  // Adam7: first column, first row, column step, row step
  const passes = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ];
  return passes.reduce(
    (sum, [x, y, dx, dy]) =>
      sum +
      lines(Math.max(0, Math.ceil((width - x) / dx)), Math.max(0, Math.ceil((height - y) / dy))),
    0,
  );
}

/** Inflates the image data without keeping it, and stops at the first byte too many. */
async function checkInflatedSize(chunks: Chunk[], header: Header): Promise<void> {
  const expected = expectedBytes(header);
  const parts = chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data as BlobPart);
  let length = 0;
  try {
    const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
    for await (const chunk of stream) {
      length += chunk.length;
      if (length > expected) break;
    }
  } catch (cause) {
    throw new PngFormatError("Cannot read PNG: its compressed data is broken", { cause });
  }
  if (length !== expected) {
    const got = length > expected ? "more" : `${length}`;
    fail(`${header.width} × ${header.height} pixels need ${expected} bytes of data, got ${got}`);
  }
}

/** The file with its critical chunks alone: colour profiles and text are never inflated. */
function withoutAncillaryChunks(bytes: Uint8Array, chunks: Chunk[]): Uint8Array {
  const kept = chunks.filter(({ type }) => CRITICAL_CHUNKS.has(type))
    .map(({ start, data }) => bytes.subarray(start, start + 12 + data.length));
  const out = new Uint8Array(kept.reduce((sum, part) => sum + part.length, SIGNATURE.length));
  out.set(SIGNATURE);
  let at = SIGNATURE.length;
  for (const part of kept) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function toGray(png: DecodedPng): Uint8Array {
  const { width, height, channels, depth, palette, transparency } = png;
  const samples = depth < 8 ? unpack(png) : png.data, out = new Uint8Array(width * height);
  if (palette) {
    const grays = palette.map(([r, g, b, a = 255]) => overWhite(luma(r, g, b), a / 255));
    for (let i = 0; i < out.length; i++) {
      out[i] = grays[samples[i]] ?? noColour(palette, samples[i]);
    }
    return out;
  }
  const scale = 255 / (2 ** depth - 1), isGray = channels < 3, hasAlpha = channels % 2 === 0;
  for (let i = 0, at = 0; i < out.length; i++, at += channels) {
    const gray = isGray ? samples[at] : luma(samples[at], samples[at + 1], samples[at + 2]);
    let alpha = 1;
    if (hasAlpha) alpha = samples[at + channels - 1] * scale / 255;
    else if (transparency && isTransparent(transparency, samples, at, channels)) alpha = 0;
    out[i] = overWhite(gray * scale, alpha);
  }
  return out;
}

/** Samples of 1, 2 or 4 bits, one a byte; each line begins on a byte. */
function unpack({ data, width, height, depth }: DecodedPng): Uint8Array {
  const bytesPerLine = Math.ceil(width * depth / 8), mask = 2 ** depth - 1;
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      const shift = 8 - depth - bit % 8;
      out[y * width + x] = (data[y * bytesPerLine + (bit >> 3)] >> shift) & mask;
    }
  }
  return out;
}

/** Whether a grey or RGB pixel is the one colour that tRNS makes transparent. */
function isTransparent(
  transparency: Uint16Array,
  samples: ArrayLike<number>,
  at: number,
  channels: number,
): boolean {
  for (let c = 0; c < channels; c++) if (samples[at + c] !== transparency[c]) return false;
  return true;
}

function noColour(palette: number[][], index: number): never {
  return fail(`palette has ${palette.length} colours, got index ${index}`);
}

/** Y' of ITU-R BT.601. */
function luma(r: number, g: number, b: number): number {
  return 0.299 * r + 0.587 * g + 0.114 * b;
}

function overWhite(gray: number, alpha: number): number {
  return Math.round(gray * alpha + 255 * (1 - alpha));
}

function fail(reason: string): never {
  throw new PngFormatError(`Cannot read PNG: ${reason}`);
}
