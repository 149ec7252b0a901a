/**
 * Half-precision floats, which not every platform has an array of. Format: IEEE 754 binary16.
 * @module
 */

/** The bits of numbers beyond this are those of an infinity or NaN. */
const INFINITE = 0x7c00;

/** Numbers of little-endian binary16, infinities and NaN among them. */
export function readFloat16(bytes: Uint8Array): Float32Array {
  const out = new Float32Array(bytes.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = float16Value(bytes[2 * i] | bytes[2 * i + 1] << 8);
  return out;
}

/** Rounds numbers to the nearest binary16, ties to even, in little-endian bytes; what is too large is infinite. */
export function writeFloat16(out: Uint8Array, numbers: Float32Array): void {
  for (let i = 0; i < numbers.length; i++) {
    const bits = bitsOf(numbers[i]);
    out[2 * i] = bits & 0xff;
    out[2 * i + 1] = bits >> 8;
  }
}

/**
 * The number of 16 bits: (−1)^sign · fraction · 2^−24 below 2^−14, else
 * (−1)^sign · (1024 + fraction) · 2^(exponent − 25).
 */
export function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * powers[exponent];
}

/** 2^(exponent − 25). */
const powers = Array.from({ length: 31 }, (_, exponent) => 2 ** (exponent - 25));

const word = new DataView(new ArrayBuffer(4));

function bitsOf(x: number): number {
  word.setFloat32(0, x);
  const bits = word.getUint32(0), sign = bits >>> 16 & 0x8000;
  if (Number.isNaN(x)) return sign | INFINITE | 0x200;
  const exponent = Math.max(-14, (bits >>> 23 & 255) - 127);
  const steps = roundToEven(Math.abs(x) * 2 ** (10 - exponent)); // the division is exact
  const magnitude = (exponent + 14 << 10) + steps; // 1,024 steps are the next exponent's first
  return sign | Math.min(magnitude, INFINITE);
}

/** The nearest integer, of two the even one. @param x in [0, 2^52) */
function roundToEven(x: number): number {
  return x + 2 ** 52 - 2 ** 52;
}
