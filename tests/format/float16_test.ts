import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { readFloat16, writeFloat16 } from "../../src/format/float16.ts";

/** The platform's own half floats: the truth that ours are compared with. */
function truthOf(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  return Float32Array.from(new Float16Array(bytes.buffer));
}

function written(numbers: Float32Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(2 * numbers.length);
  writeFloat16(out, numbers);
  return out;
}

/** The bytes of every half float, 0x0000 to 0xffff. */
const all = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, bits) => bits).buffer);

Deno.test("all 65,536 half floats are read as the platform reads them", () => {
  assertEquals(readFloat16(all), truthOf(all));
});

Deno.test("all 65,536 half floats but NaN are written as the bits that they were read from", () => {
  const numbers = truthOf(all), back = new Uint16Array(written(numbers).buffer);
  for (const [bits, x] of numbers.entries()) if (!Number.isNaN(x)) assertEquals(back[bits], bits);
  for (const [bits, x] of truthOf(written(numbers)).entries()) assertEquals(x, numbers[bits]);
});

Deno.test("floats are rounded to half floats as the platform rounds them, ties and edges too", () => {
  const edges = [0, -0, 65_504, 65_519.99, 65_520, 1e30, Infinity, -Infinity, NaN, 2 ** -14];
  const small = [2 ** -24, 2 ** -25, 1.5 * 2 ** -25, 2 ** -26, 2 ** -149, 1023.5 * 2 ** -24];
  const ties = Array.from({ length: 4096 }, (_, i) => (2048 + i) / 2048); // every other one is a tie
  const numbers = Float32Array.from([...edges, ...small, ...ties, ...ties.map((x) => -x / 3)]);
  const round = (x: Float32Array) => Float32Array.from(Float16Array.from(x));
  assertEquals(truthOf(written(numbers)), round(numbers));
  fc.assert(fc.property(fc.float32Array({ maxLength: 50 }), (x) => {
    assertEquals(truthOf(written(x)), round(x));
  }));
});
