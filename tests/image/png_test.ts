import { assert, assertEquals, assertRejects } from "@std/assert";
import { decode, encode } from "fast-png";
import fc from "fast-check";
import { encodeGrayPng, encodeRgbPng } from "../../src/image/encode_png.ts";
import { decodePng, PngFormatError } from "../../src/image/png.ts";

const gray = encodeGrayPng({ data: Uint8Array.of(0, 50, 100, 150, 200, 255), width: 3, height: 2 });

/** CRC-32 of ISO 3309, as PNG has it. */
function crc(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return ~c >>> 0;
}

function chunk(type: string, data: Uint8Array): number[] {
  const body = new Uint8Array([...new TextEncoder().encode(type), ...data]);
  const out = new Uint8Array(8 + body.length);
  new DataView(out.buffer).setUint32(0, data.length);
  out.set(body, 4);
  new DataView(out.buffer).setUint32(4 + body.length, crc(body));
  return [...out];
}

/** A PNG of any header over any raw scan lines. */
async function png(
  { width, height, depth = 8, colour = 0, interlace = 0, before = [] as number[] }: {
    width: number;
    height: number;
    depth?: number;
    colour?: number;
    interlace?: number;
    before?: number[];
  },
  raw: Uint8Array,
): Promise<Uint8Array> {
  const header = new Uint8Array(13), view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, colour, 0, 0, interlace], 8);
  const packed = await new Response(
    new Blob([raw as BlobPart]).stream().pipeThrough(new CompressionStream("deflate")),
  ).bytes();
  return new Uint8Array([
    ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    ...chunk("IHDR", header),
    ...before,
    ...chunk("IDAT", packed),
    ...chunk("IEND", new Uint8Array(0)),
  ]);
}

Deno.test("grey images survive encoding and decoding", async () => {
  const images = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 })).chain(
    ([width, height]) =>
      fc.uint8Array({ minLength: width * height, maxLength: width * height })
        .map((data) => ({ data, width, height })),
  );
  await fc.assert(fc.asyncProperty(images, async (image) => {
    assertEquals(await decodePng(encodeGrayPng(image)), image);
  }));
});

Deno.test("colours become their BT.601 luma", async () => {
  const { data } = await decodePng(
    encodeRgbPng(Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255), 3, 1),
  );
  assertEquals([...data], [76, 150, 29]);
});

Deno.test("alpha is composited over white", async () => {
  const rgba = encode({
    width: 2,
    height: 1,
    channels: 4,
    depth: 8,
    data: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128),
  });
  assertEquals([...(await decodePng(rgba)).data], [255, 127]);
  const greyAlpha = encode({
    width: 1,
    height: 1,
    channels: 2,
    depth: 8,
    data: Uint8Array.of(100, 255),
  });
  assertEquals([...(await decodePng(greyAlpha)).data], [100]);
});

Deno.test("samples of 1, 2, 4 and 16 bits scale to bytes", async () => {
  const one = await png(
    { width: 9, height: 1, depth: 1 },
    Uint8Array.of(0, 0b10101010, 0b10000000),
  );
  assertEquals([...(await decodePng(one)).data], [255, 0, 255, 0, 255, 0, 255, 0, 255]);
  const two = await png({ width: 4, height: 1, depth: 2 }, Uint8Array.of(0, 0b00011011));
  assertEquals([...(await decodePng(two)).data], [0, 85, 170, 255]);
  const four = await png({ width: 2, height: 1, depth: 4 }, Uint8Array.of(0, 0x3f));
  assertEquals([...(await decodePng(four)).data], [51, 255]);
  const sixteen = await png({ width: 2, height: 1, depth: 16 }, Uint8Array.of(0, 255, 255, 128, 0));
  assertEquals([...(await decodePng(sixteen)).data], [255, 128]);
});

Deno.test("palettes are looked up, with their alpha", async () => {
  const before = [
    ...chunk("PLTE", Uint8Array.of(0, 0, 0, 200, 200, 200)),
    ...chunk("tRNS", Uint8Array.of(255, 0)),
  ];
  const image = await png({ width: 2, height: 1, colour: 3, before }, Uint8Array.of(0, 0, 1));
  assertEquals([...(await decodePng(image)).data], [0, 255]);
});

Deno.test("interlaced images decode as plain ones do", async () => {
  const data = Uint8Array.from({ length: 11 * 7 }, (_, i) => 3 * i);
  const image = encode({ width: 11, height: 7, channels: 1, depth: 8, data }, {
    interlace: "Adam7",
  });
  assertEquals((await decodePng(image)).data, data);
});

const line = (n: number) => new Uint8Array(n);
const bad: [string, () => Uint8Array | Promise<Uint8Array>, string][] = [
  ["empty", () => line(0), "no PNG signature"],
  ["text", () => new TextEncoder().encode("hello world"), "no PNG signature"],
  ["a JPEG", () => Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), "no PNG signature"],
  ["the signature alone", () => gray.slice(0, 8), "ends at byte 8 without IEND"],
  ["cut in a chunk", () => gray.slice(0, 50), "truncated: chunk IDAT"],
  ["without IEND", () => gray.slice(0, -12), "without IEND"],
  [
    "first chunk not IHDR",
    () => new Uint8Array([...gray.slice(0, 8), ...gray.slice(33)]),
    "not IHDR",
  ],
  ["width 0", () => png({ width: 0, height: 1 }, line(1)), "got 0 × 1"],
  ["height 0", () => png({ width: 1, height: 0 }, line(1)), "got 1 × 0"],
  [
    "too many pixels",
    () => png({ width: 65535, height: 65535 }, line(1)),
    "at most 4194304 pixels, got 65535 × 65535",
  ],
  [
    "a side of 4 million pixels, of no more than may be",
    () => png({ width: 1, height: 4_194_304, colour: 6 }, line(1)),
    "a side may have at most 4096 pixels, got 1 × 4194304",
  ],
  ["a side one too long", () => png({ width: 4097, height: 1 }, line(4098)), "got 4097 × 1"],
  [
    "colour type 5",
    () => png({ width: 1, height: 1, colour: 5 }, line(2)),
    "unknown colour type 5",
  ],
  ["bit depth 3", () => png({ width: 1, height: 1, depth: 3 }, line(2)), "bit depth: 3"],
  [
    "4 bits a channel",
    () => png({ width: 1, height: 1, depth: 4, colour: 2 }, line(3)),
    "depth: 4",
  ],
  [
    "two headers",
    () => png({ width: 1, height: 1, before: [...gray.slice(8, 33)] }, line(2)),
    "more than one IHDR",
  ],
  [
    "transparency of half a colour",
    () => png({ width: 1, height: 1, before: chunk("tRNS", line(1)) }, line(2)),
    "tRNS needs 2 bytes, got 1",
  ],
  ["an unknown filter", () => png({ width: 1, height: 1 }, Uint8Array.of(9, 0)), "filter: 9"],
  [
    "too little data",
    () => png({ width: 4, height: 4 }, line(19)),
    "4 × 4 pixels need 20 bytes of data, got 19",
  ],
  [
    "too much data",
    () => png({ width: 4, height: 4 }, line(21)),
    "need 20 bytes of data, got more",
  ],
  ["a compressed bomb", () => png({ width: 4, height: 4 }, line(20_000_000)), "got more"],
  ["no palette", () => png({ width: 1, height: 1, colour: 3 }, line(2)), "palette is missing"],
  [
    "an index past the palette",
    () =>
      png({ width: 1, height: 1, colour: 3, before: chunk("PLTE", line(3)) }, Uint8Array.of(0, 7)),
    "palette has 1 colours, got index 7",
  ],
  [
    "interlaced at 1 bit",
    () => png({ width: 1, height: 1, depth: 1, interlace: 1 }, line(2)),
    "8 or 16 bits",
  ],
  ["a wrong checksum", () => gray.map((byte, i) => i === 30 ? byte ^ 1 : byte), "CRC"],
  [
    "broken compression",
    () => gray.map((byte, i) => i > 43 && i < 50 ? 0xff : byte),
    "Cannot read PNG",
  ],
];

const channelsOf = { 0: 1, 2: 3, 4: 2, 6: 4 } as const;

Deno.test("lines of every filter, interlaced or not, decode as another reader decodes them", async () => {
  const kinds = fc.record({
    width: fc.integer({ min: 1, max: 19 }),
    height: fc.integer({ min: 1, max: 19 }),
    colour: fc.constantFrom(0, 2, 4, 6),
    depth: fc.constantFrom(8, 16),
    interlace: fc.constantFrom(0, 1),
    seed: fc.nat(250),
  });
  await fc.assert(fc.asyncProperty(kinds, async ({ seed, ...kind }) => {
    const { width, height, depth } = kind;
    const channels = channelsOf[kind.colour as keyof typeof channelsOf];
    const lines = kind.interlace ? adam7Lines(width, height) : new Array(height).fill(width);
    const raw = Uint8Array.from(lines.flatMap((columns, y) => [
      (seed + y) % 5,
      ...Array.from({ length: columns * channels * depth / 8 }, (_, i) => (i * i + seed * y) % 251),
    ]));
    const bytes = await png(kind, raw), { data } = decode(bytes), max = 2 ** depth - 1;
    const expected = Array.from({ length: width * height }, (_, i) => {
      const [r, g, b] = channels < 3
        ? [0, 0, 0].fill(data[i * channels])
        : data.slice(i * channels);
      const luma = channels < 3 ? r : 0.299 * r + 0.587 * g + 0.114 * b;
      const alpha = channels % 2 ? 1 : data[i * channels + channels - 1] / max;
      return luma * 255 / max * alpha + 255 * (1 - alpha);
    });
    const got = await decodePng(bytes);
    expected.forEach((value, i) => assert(Math.abs(got.data[i] - value) <= 0.5 + 1e-9));
  }));
});

/** Pixels of each line of the seven passes. */
function adam7Lines(width: number, height: number): number[] {
  const passes = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4]];
  return [...passes, [1, 0, 2, 2], [0, 1, 1, 2]].flatMap(([x, y, dx, dy]) => {
    const columns = Math.max(0, Math.ceil((width - x) / dx));
    return columns ? new Array(Math.max(0, Math.ceil((height - y) / dy))).fill(columns) : [];
  });
}

Deno.test("a palette that true colours only suggest changes no pixel", async () => {
  const raw = Uint8Array.of(0, 10, 10, 10, 200, 200, 200);
  const palette = chunk("PLTE", Uint8Array.of(1, 2, 3, 4, 5, 6));
  const { data } = await decodePng(
    await png({ width: 2, height: 1, colour: 2, before: palette }, raw),
  );
  assertEquals([...data], [10, 200]);
});

for (const [what, make, message] of bad) {
  Deno.test(`a PNG is refused: ${what}`, async () => {
    const bytes = await make();
    const error = await assertRejects(() => decodePng(bytes), PngFormatError);
    assert(error.message.startsWith("Cannot read PNG: "), error.message);
    assert(error.message.includes(message), `${error.message} lacks ${message}`);
  });
}

Deno.test("random damage never gives anything but an image or a PngFormatError", async () => {
  await fc.assert(fc.asyncProperty(fc.nat(gray.length - 1), fc.nat(255), async (at, value) => {
    const bytes = gray.slice();
    bytes[at] = value;
    try {
      await decodePng(bytes);
    } catch (error) {
      assert(error instanceof PngFormatError, `${error}`);
    }
  }));
});
