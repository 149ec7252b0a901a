/**
 * Counter-based random numbers: Philox4x32-10.
 * Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3".
 *
 * A number is a pure function of (seed, chain, step, layer, unit), so the same seed gives the same
 * digits whatever the batch size, the worker count or the order of evaluation.
 * @module
 */
import { streamOf, streams } from "./streams.ts";

/** What a number is drawn for. Two different purposes never share a counter. */
export interface RandomKey {
  /** Integer in [0, 2^53 - 1]. */
  seed: number;
  /** Chain, or row of a training batch. Integer in [0, 2^32 - 1]. */
  chain: number;
  /** Gibbs step, or training step. Integer in [0, 2^32 - 1]. */
  step: number;
  /** Layer or purpose, see streams.ts. Integer in [0, 2^32 - 1]. */
  layer: number;
}

const TWO_POW_MINUS_24 = 1 / 16777216;

/** Checks a seed once, at the boundary. @throws {RangeError} if it is not an integer in [0, 2^53 - 1]. */
export function checkSeed(seed: number): number {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(
      `Cannot seed: seed must be an integer in [0, ${Number.MAX_SAFE_INTEGER}], got ${seed}`,
    );
  }
  return seed;
}

/** Upper 32 bits of the product of two unsigned 32-bit integers, from 16-bit halves. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff, aHigh = a >>> 16;
  const bLow = b & 0xffff, bHigh = b >>> 16;
  // Every partial sum stays below 2^33, so doubles hold it exactly.
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const low = aLow * bHigh + (middle % 65536);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(low / 65536)) >>> 0;
}

/**
 * One Philox4x32-10 block: four 32-bit words from a 128-bit counter and a 64-bit key.
 * @param out receives 4 words at `at`.
 */
export function philox4x32(
  out: Uint32Array,
  at: number,
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(0xd2511f53, c0), low0 = Math.imul(0xd2511f53, c0);
    const high1 = mulHigh(0xcd9e8d57, c2), low1 = Math.imul(0xcd9e8d57, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

const block = new Uint32Array(4);

/**
 * Fills `out` with uniforms in [0, 1), each a multiple of 2^-24. `out[i]` belongs to unit
 * `firstUnit + i` of the key; `firstUnit` must be a multiple of 4.
 */
export function fillUniform(out: Float32Array, key: RandomKey, firstUnit = 0): void {
  const seedLow = key.seed >>> 0, seedHigh = Math.floor(key.seed / 4294967296) >>> 0;
  for (let i = 0; i < out.length; i += 4) {
    philox4x32(block, 0, [(firstUnit + i) >>> 2, key.layer, key.step, key.chain], [
      seedLow,
      seedHigh,
    ]);
    const end = Math.min(4, out.length - i);
    for (let j = 0; j < end; j++) out[i + j] = (block[j] >>> 8) * TWO_POW_MINUS_24;
  }
}

/** Fills `out` with standard normal numbers (Box and Muller 1958), keyed like {@linkcode fillUniform}. */
export function fillNormal(out: Float32Array, key: RandomKey): void {
  const uniform = new Float32Array(2 * Math.ceil(out.length / 2));
  fillUniform(uniform, key);
  for (let i = 0; i < out.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform[i])); // 1 - u is in (0, 1]
    const angle = 2 * Math.PI * uniform[i + 1];
    out[i] = radius * Math.cos(angle);
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
  }
}

/** A permutation of 0 … n-1 (Fisher and Yates), a function of seed and epoch alone. */
export function permutation(n: number, seed: number, epoch = 0): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  const uniform = new Float32Array(n);
  const fine = new Float32Array(n); // 24 bits more, so that n above 2^24 is covered evenly too
  fillUniform(uniform, { seed, chain: 0, step: epoch, layer: streamOf(streams.shuffle) });
  fillUniform(fine, { seed, chain: 1, step: epoch, layer: streamOf(streams.shuffle) });
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor((uniform[i] + fine[i] * TWO_POW_MINUS_24) * (i + 1));
    const swap = order[i];
    order[i] = order[j];
    order[j] = swap;
  }
  return order;
}

/** Bernoulli samples: `out[i] = 1` where `uniform[i] < probabilities[i]`, else 0. Returns `out`. */
export function sampleBernoulli(
  out: Float32Array,
  probabilities: Float32Array,
  uniform: Float32Array,
): Float32Array {
  for (let i = 0; i < out.length; i++) out[i] = uniform[i] < probabilities[i] ? 1 : 0;
  return out;
}

/** One categorical sample as a one-hot row of `size` at `offset`, by inversion of the running sum. */
export function sampleOneHot(
  out: Float32Array,
  probabilities: Float32Array,
  offset: number,
  size: number,
  uniform: number,
): void {
  let total = 0;
  for (let i = 0; i < size; i++) total += probabilities[offset + i];
  let chosen = size - 1, running = 0;
  for (let i = 0; i < size; i++) {
    running += probabilities[offset + i];
    if (uniform * total < running) {
      chosen = i;
      break;
    }
  }
  for (let i = 0; i < size; i++) out[offset + i] = i === chosen ? 1 : 0;
}
