import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeIdx, encodeIdx, gunzipIfNeeded, IdxFormatError } from "../../src/data/idx.ts";

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

const images = encodeIdx({ shape: [2, 3, 3], data: Uint8Array.from({ length: 18 }, (_, i) => i) });

function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const out = bytes.slice();
  out.set(values, at);
  return out;
}

Deno.test("arrays survive encoding and decoding", () => {
  const arrays = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }).chain(
    (shape) => {
      const length = shape.reduce((a, b) => a * b, 1);
      return fc.uint8Array({ minLength: length, maxLength: length }).map((data) => ({
        shape,
        data,
      }));
    },
  );
  fc.assert(fc.property(arrays, (array) => {
    assertEquals(decodeIdx(encodeIdx(array), array.shape.length), array);
  }));
});

Deno.test("a gzipped file inflates to itself, a plain one passes through", async () => {
  assertEquals(await gunzipIfNeeded(await gzip(images), 1000), images);
  assert(await gunzipIfNeeded(images, 1) === images);
});

const bad: [string, Uint8Array, string][] = [
  ["empty", new Uint8Array(0), "expected a magic number, got 0 bytes"],
  ["three bytes", images.slice(0, 3), "got 3 bytes"],
  ["a PNG", new Uint8Array([0x89, 0x50, 0x4e, 0x47]), "begin with 0x0000, got 0x8950"],
  ["signed bytes", patched(images, 2, 0x09), "got 0x09 (signed byte)"],
  ["shorts", patched(images, 2, 0x0b), "(short)"],
  ["ints", patched(images, 2, 0x0c), "(int)"],
  ["floats", patched(images, 2, 0x0d), "(float)"],
  ["doubles", patched(images, 2, 0x0e), "(double)"],
  ["an unknown type", patched(images, 2, 0x42), "got 0x42 (unknown)"],
  ["labels where images are needed", patched(images, 3, 1), "it must have 3 axes, got 1"],
  ["a cut header", images.slice(0, 10), "expected a header of 16 bytes, got 10"],
  ["one byte too few", images.slice(0, -1), "truncated: shape (2, 3, 3) needs 34 bytes, got 33"],
  ["no data", images.slice(0, 16), "needs 34 bytes, got 16"],
  ["one byte too many", new Uint8Array([...images, 0]), "too long"],
  ["a count larger than the data", patched(images, 7, 3), "(3, 3, 3) needs 43 bytes, got 34"],
  ["a count of 4 billion", patched(images, 4, 255, 255, 255, 255), "(4294967295, 3, 3)"],
];

for (const [what, bytes, message] of bad) {
  Deno.test(`an IDX file is refused: ${what}`, () => {
    const error = assertThrows(() => decodeIdx(bytes, 3, "x-ubyte"), IdxFormatError);
    assert(error.message.startsWith("Cannot read x-ubyte: "), error.message);
    assert(error.message.includes(message), `${error.message} lacks ${message}`);
  });
}

Deno.test("a broken gzip stream is refused", async () => {
  const packed = await gzip(images);
  for (const bytes of [packed.slice(0, -9), patched(packed, 12, 1, 2, 3, 4), packed.slice(0, 3)]) {
    await assertRejects(() => gunzipIfNeeded(bytes, 1000), IdxFormatError, "gzip stream is broken");
  }
});

Deno.test("a gzip bomb is refused at its bound", async () => {
  const bomb = await gzip(new Uint8Array(5_000_000));
  assert(bomb.length < 10_000);
  await assertRejects(
    () => gunzipIfNeeded(bomb, 1_000_000),
    IdxFormatError,
    "more than 1000000 bytes",
  );
});

Deno.test("an array that does not fill its shape is not encoded", () => {
  assertThrows(
    () => encodeIdx({ shape: [2], data: new Uint8Array(3) }),
    RangeError,
    "needs 2 bytes, got 3",
  );
  assertThrows(() => encodeIdx({ shape: [], data: new Uint8Array(1) }), RangeError);
});
