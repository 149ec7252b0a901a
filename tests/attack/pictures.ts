/**
 * Broken PNGs: mutated as bytes, or with a mutated chunk whose CRC is right again, so that what lies
 * behind the CRC is reached.
 * @module
 */
import { encode } from "fast-png";
import { join, mutated } from "./mutate.ts";
import type { CaseRandom } from "./random.ts";

const SIGNATURE_BYTES = 8;

type Channels = 1 | 2 | 3 | 4;
type Depth = 8 | 16;
const allChannels = [1, 2, 3, 4] as const, depths = [8, 16] as const;

/** The share of pictures that are as large as the server takes them. */
const HUGE = 1 / 400;

const valid = allChannels.flatMap((channels) =>
  depths.map((depth) => encoded([9, 11], { channels, depth }))
);
const huge = new Map<string, Uint8Array>();

function encoded(
  [width, height]: readonly [number, number],
  { channels, depth }: { channels: Channels; depth: Depth },
): Uint8Array {
  const count = width * height * channels;
  const data = depth === 8 ? new Uint8Array(count) : new Uint16Array(count);
  for (let i = 0; i < count; i++) data[i] = (i * 37) % 256 * (depth === 8 ? 1 : 257);
  return encode({ width, height, channels, depth, data });
}

/** Pictures at the bounds of pixels and sides; each is made once. */
function hugePicture(random: CaseRandom): Uint8Array {
  const size = random.pick([[2048, 2048], [4096, 1024], [1024, 4096], [1, 4096]] as const);
  const kind = { channels: random.pick(allChannels), depth: random.pick(depths) };
  const key = `${size} ${kind.channels} ${kind.depth}`;
  if (!huge.has(key)) huge.set(key, encoded(size, kind));
  return huge.get(key)!;
}

/** The picture of a case. */
export function pictureOf(random: CaseRandom): Uint8Array {
  const isHuge = random.chance(HUGE), png = isHuge ? hugePicture(random) : random.pick(valid);
  if (isHuge && random.chance(0.5)) return png;
  if (random.chance(0.3)) return mutated(png, random);
  const chunks = chunksOf(png), broken = random.below(chunks.length);
  const out = chunks.map(({ type, data }, i) => {
    if (i !== broken) return chunkBytes(type, data);
    if (type === "IHDR" && random.chance(0.7)) return chunkBytes(type, oddHeader(data, random));
    return chunkBytes(type, mutated(data, random));
  });
  if (random.chance(0.1)) out.splice(random.below(out.length), 1);
  if (random.chance(0.1)) out.push(random.pick(out));
  return join(png.slice(0, SIGNATURE_BYTES), ...out);
}

/** Another size, depth, colour type or interlacing: a field or two of 13 bytes. */
function oddHeader(header: Uint8Array, random: CaseRandom): Uint8Array {
  const out = header.slice(), view = new DataView(out.buffer);
  const sizes = [0, 1, 2048, 4096, 65535, 4_194_304, 2 ** 31 - 1, 2 ** 32 - 1];
  if (random.chance(0.5)) view.setUint32(4 * random.below(2), random.pick(sizes));
  else out[8 + random.below(5)] = random.pick([0, 1, 2, 3, 4, 6, 7, 8, 16, 255]);
  return out;
}

interface Chunk {
  type: string;
  data: Uint8Array;
}

function chunksOf(png: Uint8Array): Chunk[] {
  const view = new DataView(png.buffer, png.byteOffset, png.length), chunks: Chunk[] = [];
  for (let at = SIGNATURE_BYTES; at < png.length;) {
    const length = view.getUint32(at), type = new TextDecoder().decode(png.slice(at + 4, at + 8));
    chunks.push({ type, data: png.slice(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

function chunkBytes(type: string, data: Uint8Array): Uint8Array {
  const out = join(new Uint8Array(4), new TextEncoder().encode(type), data, new Uint8Array(4));
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  view.setUint32(out.length - 4, crc32(out.subarray(4, out.length - 4)));
  return out;
}

/** CRC-32 of PNG, annex D. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
