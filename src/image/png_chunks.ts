/**
 * The chunks of a PNG: header, palette, transparency and image data, checked before a byte is inflated.
 * W3C, "Portable Network Graphics (PNG) Specification (Third Edition)", sections 5 and 11.
 * @module
 */

/** A file that is not a PNG this reader takes. */
export class PngFormatError extends Error {
  /** The class's name, as `Error` has it. */
  override name = "PngFormatError";
}

/** @throws {PngFormatError} */
export function fail(reason: string): never {
  throw new PngFormatError(`Cannot read PNG: ${reason}`);
}

/** The longest side of a picture, in pixels. */
const MAX_PNG_SIDE = 4096;

/** What a picture's bytes mean. */
export interface PngHeader {
  width: number;
  height: number;
  /** Bits a sample. */
  depth: number;
  channels: number;
  hasPalette: boolean;
  isInterlaced: boolean;
}

/** A picture whose data is still compressed. */
export interface PngParts {
  header: PngHeader;
  /** Red, green, blue and alpha of each index, where the header says so. */
  palette: [number, number, number, number][];
  /** The one colour that is transparent, a sample a channel. */
  transparent: number[] | undefined;
  /** Parts of one zlib stream. */
  compressed: Uint8Array[];
}

/** Reads what a picture is made of. @throws {PngFormatError} if it is broken, or larger than the bounds. */
export function readParts(bytes: Uint8Array, maxPixels: number): PngParts {
  const chunks = readChunks(bytes), header = readHeader(chunks, maxPixels);
  for (const chunk of chunks) checkCrc(bytes, chunk);
  const parts: PngParts = { header, palette: [], transparent: undefined, compressed: [] };
  for (const { type, data } of chunks.slice(1)) {
    if (type === "IHDR") fail("it has more than one IHDR");
    if (type === "PLTE") parts.palette = readPalette(data);
    if (type === "tRNS") readTransparency(data, parts);
    if (type === "IDAT") parts.compressed.push(data);
  }
  if (header.hasPalette && !chunks.some(({ type }) => type === "PLTE")) {
    fail("its palette is missing");
  }
  return parts;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** The others, such as colour profiles and texts, are skipped unread. */
const READ_CHUNKS = new Set(["IHDR", "PLTE", "IDAT", "IEND", "tRNS"]);

interface Chunk {
  type: string;
  start: number; // of the length field
  data: Uint8Array;
}

/** Splits a file into chunks, each inside the file, the last one IEND. */
function readChunks(bytes: Uint8Array): Chunk[] {
  if (!SIGNATURE.every((byte, i) => bytes[i] === byte)) fail("it has no PNG signature");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  let at = SIGNATURE.length, last = "";
  while (last !== "IEND") {
    if (at + 12 > bytes.length) {
      fail(`it is truncated: it ends at byte ${bytes.length} without IEND`);
    }
    const length = view.getUint32(at);
    last = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length) {
      fail(`it is truncated: chunk ${last} needs ${at + 12 + length} bytes, got ${bytes.length}`);
    }
    if (at === SIGNATURE.length && last !== "IHDR") fail("its first chunk is not IHDR");
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (READ_CHUNKS.has(last)) chunks.push({ type: last, start: at, data });
    at += 12 + length;
  }
  return chunks;
}

const channelsOfColourType: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const depthsOfColourType: Record<number, number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

function readHeader([{ data }]: Chunk[], maxPixels: number): PngHeader {
  if (data.length !== 13) fail(`IHDR must have 13 bytes, got ${data.length}`);
  const view = new DataView(data.buffer, data.byteOffset, 13);
  const width = view.getUint32(0), height = view.getUint32(4);
  const [depth, colourType, compression, filter, interlace] = data.subarray(8);
  if (width === 0 || height === 0) fail(`width and height must be >= 1, got ${width} × ${height}`);
  if (width * height > maxPixels) {
    fail(`it may have at most ${maxPixels} pixels, got ${width} × ${height} = ${width * height}`);
  }
  if (Math.max(width, height) > MAX_PNG_SIDE) {
    fail(`a side may have at most ${MAX_PNG_SIDE} pixels, got ${width} × ${height}`);
  }
  const channels = channelsOfColourType[colourType];
  if (channels === undefined) fail(`unknown colour type ${colourType}`);
  if (!depthsOfColourType[colourType].includes(depth)) {
    fail(`colour type ${colourType} cannot have this bit depth: ${depth}`);
  }
  if (compression !== 0) fail(`unknown compression method ${compression}`);
  if (filter !== 0) fail(`unknown filter method ${filter}`);
  if (interlace > 1) fail(`unknown interlace method ${interlace}`);
  const isInterlaced = interlace === 1;
  if (isInterlaced && depth < 8) fail(`interlacing needs 8 or 16 bits a sample, got ${depth}`);
  return { width, height, depth, channels, hasPalette: colourType === 3, isInterlaced };
}

function readPalette(data: Uint8Array): PngParts["palette"] {
  if (data.length % 3 !== 0) fail(`PLTE must have 3 bytes a colour, got ${data.length}`);
  return Array.from({ length: data.length / 3 }, (_, i) => {
    return [data[3 * i], data[3 * i + 1], data[3 * i + 2], 255];
  });
}

function readTransparency(data: Uint8Array, parts: PngParts): void {
  const { palette, header: { hasPalette, channels } } = parts;
  if (hasPalette) {
    if (data.length > palette.length) {
      fail(`palette has ${palette.length} colours, tRNS has ${data.length}`);
    }
    data.forEach((alpha, i) => palette[i][3] = alpha);
    return;
  }
  if (channels % 2 === 0) fail("tRNS stands beside an alpha channel");
  if (data.length !== 2 * channels) fail(`tRNS needs ${2 * channels} bytes, got ${data.length}`);
  parts.transparent = Array.from(
    { length: channels },
    (_, c) => 256 * data[2 * c] + data[2 * c + 1],
  );
}

let crcTable: Uint32Array | undefined;

/** CRC-32 of type and data, annex D. */
function checkCrc(bytes: Uint8Array, { type, start, data }: Chunk): void {
  crcTable ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
    return byte;
  });
  const end = start + 8 + data.length;
  let crc = 0xffffffff;
  for (let at = start + 4; at < end; at++) crc = crcTable[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8);
  const got = new DataView(bytes.buffer, bytes.byteOffset + end, 4).getUint32(0);
  if (got !== ~crc >>> 0) fail(`the CRC of chunk ${type} does not fit its data`);
}
