/**
 * Randomness of one case: the same for the same seed, part and number, whatever ran before it.
 * @module
 */

/** Draws of one case. */
export class CaseRandom {
  #state: number;

  constructor(seed: number, part: string, index: number) {
    this.#state = 0x9e3779b9;
    for (const word of [seed, seed / 2 ** 32, index, ...new TextEncoder().encode(part)]) {
      this.#state = mix(this.#state ^ (word >>> 0));
    }
  }

  /** An integer in [0, count). */
  below(count: number): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    return Math.floor(mix(this.#state) / 2 ** 32 * count);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.below(1_000_000) < p * 1_000_000;
  }

  /** One of `values`, each as likely as the others. */
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  /** Random bytes. */
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** A 32-bit finalizer: every bit of the result depends on every bit of `x`. */
function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}
