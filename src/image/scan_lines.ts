/**
 * The scan lines of a PNG, one after the other: inflated piece by piece, unfiltered in place. No more than
 * two lines and one piece are kept.
 * W3C, "Portable Network Graphics (PNG) Specification (Third Edition)", sections 7 to 10.
 * @module
 */
import { fail, PngFormatError, type PngHeader, type PngParts } from "./png_chunks.ts";

/** A line of pixels, and where they stand in the picture. */
export interface ScanLine {
  bytes: Uint8Array; // packed samples; the next line takes its place
  width: number; // in pixels
  y: number;
  left: number; // the column of the first pixel
  step: number; // columns from pixel to pixel
}

/** A pass over the picture: the first column and row, and the steps. */
interface Pass {
  left: number;
  top: number;
  dx: number;
  dy: number;
}

const whole: readonly Pass[] = [{ left: 0, top: 0, dx: 1, dy: 1 }];
const adam7: readonly Pass[] = [
  { left: 0, top: 0, dx: 8, dy: 8 },
  { left: 4, top: 0, dx: 8, dy: 8 },
  { left: 0, top: 4, dx: 4, dy: 8 },
  { left: 2, top: 0, dx: 4, dy: 4 },
  { left: 0, top: 2, dx: 2, dy: 4 },
  { left: 1, top: 0, dx: 2, dy: 2 },
  { left: 0, top: 1, dx: 1, dy: 2 },
];

/** Compressed bytes that are inflated at a time: at most a thousand times as many come out. */
const PIECE_BYTES = 4096;

/**
 * Calls `onLine` with every line of the picture, in the order of the file.
 * @throws {PngFormatError} if the data is broken, or not as long as the header says
 */
export async function readLines(
  { header, compressed }: Pick<PngParts, "header" | "compressed">,
  onLine: (line: ScanLine) => void,
): Promise<void> {
  const { width, height } = header, expected = expectedBytes(header);
  const lines = new LineFilter(header, onLine);
  let length = 0;
  for await (const piece of inflated(compressed)) {
    length += piece.length;
    if (length > expected) break;
    lines.push(piece);
  }
  if (length !== expected) {
    const got = length > expected ? "more" : `${length}`;
    fail(`${width} × ${height} pixels need ${expected} bytes of data, got ${got}`);
  }
}

/** What is inflated of a zlib stream, piece by piece. */
async function* inflated(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, void> {
  const pieces = piecesOf(parts);
  const stream = new ReadableStream<BufferSource>({
    pull(controller) {
      const { value, done } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(value as BufferSource);
    },
  });
  const reader = stream.pipeThrough(new DecompressionStream("deflate")).getReader();
  let done = false;
  try {
    while (!done) {
      const next = await readOf(reader);
      done = next.done;
      if (next.value) yield next.value;
    }
  } finally {
    if (!done) await Promise.allSettled([reader.cancel()]); // one that is broken has ended already
  }
}

function* piecesOf(parts: readonly Uint8Array[]): Generator<Uint8Array, void, void> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += PIECE_BYTES) yield part.slice(at, at + PIECE_BYTES);
  }
}

async function readOf(reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    return await reader.read();
  } catch (cause) { // whatever it is, the data is what it was given
    throw new PngFormatError("Cannot read PNG: its compressed data is broken", { cause });
  }
}

const passesOf = ({ isInterlaced }: PngHeader) => isInterlaced ? adam7 : whole;

function sizeOf({ left, top, dx, dy }: Pass, { width, height, channels, depth }: PngHeader) {
  const columns = Math.max(0, Math.ceil((width - left) / dx));
  const rows = columns === 0 ? 0 : Math.max(0, Math.ceil((height - top) / dy));
  return { columns, rows, lineBytes: Math.ceil(columns * channels * depth / 8) };
}

/** Bytes of all lines with the filter byte of each. */
function expectedBytes(header: PngHeader): number {
  return passesOf(header).reduce((sum, pass) => {
    const { rows, lineBytes } = sizeOf(pass, header);
    return sum + rows * (1 + lineBytes);
  }, 0);
}

/** Cuts bytes into lines and takes their filters away. */
class LineFilter {
  readonly #header: PngHeader;
  readonly #onLine: (line: ScanLine) => void;
  readonly #passes: readonly Pass[];
  #pass = -1;
  #row = 0;
  #rows = 0;
  #columns = 0;
  #line = new Uint8Array(); // filter byte, samples
  #above = new Uint8Array();
  #filled = 0;

  constructor(header: PngHeader, onLine: (line: ScanLine) => void) {
    this.#header = header;
    this.#onLine = onLine;
    this.#passes = passesOf(header);
    this.#nextPass();
  }

  /** Takes the next bytes, of which there are never more than lines. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + this.#line.length - this.#filled);
      this.#line.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#line.length) this.#lineDone();
    }
  }

  #nextPass(): void {
    do {
      if (++this.#pass === this.#passes.length) return;
      const { columns, rows, lineBytes } = sizeOf(this.#passes[this.#pass], this.#header);
      [this.#columns, this.#rows, this.#row] = [columns, rows, 0];
      this.#line = new Uint8Array(1 + lineBytes);
      this.#above = new Uint8Array(1 + lineBytes); // zeros above the first line
    } while (this.#rows === 0);
  }

  #lineDone(): void {
    const { channels, depth } = this.#header, { left, top, dx, dy } = this.#passes[this.#pass];
    unfilter(this.#line, this.#above, Math.ceil(channels * depth / 8));
    this.#onLine({
      bytes: this.#line.subarray(1),
      width: this.#columns,
      y: top + dy * this.#row,
      left,
      step: dx,
    });
    [this.#line, this.#above] = [this.#above, this.#line];
    this.#filled = 0;
    if (++this.#row === this.#rows) this.#nextPass();
  }
}

/** Adds each byte's prediction from the bytes to the left, above, and above left; modulo 256. */
function unfilter(line: Uint8Array, above: Uint8Array, pixelBytes: number): void {
  const left = (i: number) => i > pixelBytes ? line[i - pixelBytes] : 0;
  switch (line[0]) {
    case 0:
      return;
    case 1:
      for (let i = 1 + pixelBytes; i < line.length; i++) line[i] += line[i - pixelBytes];
      return;
    case 2:
      for (let i = 1; i < line.length; i++) line[i] += above[i];
      return;
    case 3:
      for (let i = 1; i < line.length; i++) line[i] += (left(i) + above[i]) >> 1;
      return;
    case 4:
      for (let i = 1; i < line.length; i++) {
        const aboveLeft = i > pixelBytes ? above[i - pixelBytes] : 0;
        line[i] += paeth(left(i), above[i], aboveLeft);
      }
      return;
    default:
      fail(`unknown filter: ${line[0]}`);
  }
}

/** Of a, b and c the one that is nearest to a + b − c; the first of those that are equally near. */
function paeth(a: number, b: number, c: number): number {
  const ofA = Math.abs(b - c), ofB = Math.abs(a - c), ofC = Math.abs(a + b - 2 * c);
  if (ofA <= ofB && ofA <= ofC) return a;
  return ofB <= ofC ? b : c;
}
