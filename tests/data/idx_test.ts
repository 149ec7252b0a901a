import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeIdx, decodeLabels, encodeIdx, IdxFormatError } from "../../src/data/idx.ts";
import { encodeInts } from "./idx_files.ts";

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

Deno.test("an array that does not fill its shape is not encoded", () => {
  assertThrows(
    () => encodeIdx({ shape: [2], data: new Uint8Array(3) }),
    RangeError,
    "needs 2 bytes, got 3",
  );
  assertThrows(() => encodeIdx({ shape: [], data: new Uint8Array(1) }), RangeError);
});

Deno.test("labels are read of bytes and of int32, in one column or in the first of several", () => {
  const file = "labels";
  const bytes = encodeIdx({ shape: [3], data: new Uint8Array([4, 0, 255]) });
  assertEquals([...decodeLabels(bytes, file)], [4, 0, 255]);
  const rows = encodeIdx({ shape: [3, 2], data: new Uint8Array([4, 9, 0, 9, 255, 9]) });
  assertEquals([...decodeLabels(rows, file)], [4, 0, 255]);
  assertEquals([...decodeLabels(encodeInts([3], [7, -1, 70_000]), file)], [7, -1, 70_000]);
  const qmnist = encodeInts([2, 8], [5, 4, 2, 3, 4, 5, 0, 0, 9, 1, 2, 3, 4, 5, 0, 0]);
  assertEquals([...decodeLabels(qmnist, file)], [5, 9]);
});

for (
  const [what, bytes, message] of [
    ["images", images, "it must have 1 or 2 axes, got 3"],
    ["floats", patched(encodeInts([1], [0]), 2, 0x0d), "0x0c (int), got 0x0d (float)"],
    ["a cut row", encodeInts([2, 2], [1, 2, 3, 4]).slice(0, -1), "(2, 2) needs 28 bytes, got 27"],
    ["rows of nothing", encodeInts([2, 0], []), "at least 1 column, got 0"],
  ] as const
) {
  Deno.test(`a file of labels is refused: ${what}`, () => {
    const error = assertThrows(() => decodeLabels(bytes, "y"), IdxFormatError);
    assert(error.message.startsWith("Cannot read y: "), error.message);
    assert(error.message.includes(message), error.message);
  });
}
