/**
 * Dense row-major matrices in plain loops: the arithmetic of the reference twin, and shape checks.
 *
 * Sums run in double precision and are rounded to float32 once, so this is the most exact of the
 * engines and the slowest.
 * @module
 */

// B batch, I inputs, O outputs

/** @throws {RangeError} if `data` does not hold `rows` × `cols` numbers. */
export function checkShape(
  what: string,
  data: ArrayLike<number>,
  rows: number,
  cols: number,
): void {
  if (data.length !== rows * cols) {
    throw new RangeError(
      `Cannot use ${what}: expected shape (${rows}, ${cols}) = ${
        rows * cols
      } numbers, got ${data.length}`,
    );
  }
}

/**
 * The number of rows in a batch of rows of `size` numbers.
 * @throws {RangeError} if there is no row or a part of one.
 */
export function countRows(what: string, data: ArrayLike<number>, size: number): number {
  if (data.length === 0 || data.length % size !== 0) {
    throw new RangeError(
      `Cannot use ${what}: length must be a positive multiple of ${size}, got ${data.length}`,
    );
  }
  return data.length / size;
}

/** @throws {RangeError} if `value` is not an integer in [min, max]. */
export function checkInteger(what: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${what} must be an integer in [${min}, ${max}], got ${value}`);
  }
  return value;
}

/** out = x·w + b, with x (B, I), w (I, O), b (O), out (B, O). Rows of zeros in x cost nothing. */
export function affine(
  out: Float32Array,
  x: Float32Array,
  w: Float32Array,
  b: Float32Array,
): Float32Array {
  const outputs = b.length, inputs = w.length / outputs, batch = x.length / inputs;
  const sum = new Float64Array(outputs);
  for (let row = 0; row < batch; row++) {
    sum.set(b);
    for (let i = 0; i < inputs; i++) {
      const value = x[row * inputs + i];
      if (value === 0) continue;
      const at = i * outputs;
      for (let o = 0; o < outputs; o++) sum[o] += value * w[at + o];
    }
    out.set(sum, row * outputs);
  }
  return out;
}

/** out = x·wᵀ + b, with x (B, O), w (I, O), b (I), out (B, I). */
export function affineTransposed(
  out: Float32Array,
  x: Float32Array,
  w: Float32Array,
  b: Float32Array,
): Float32Array {
  const inputs = b.length, outputs = w.length / inputs, batch = x.length / outputs;
  for (let row = 0; row < batch; row++) {
    for (let i = 0; i < inputs; i++) {
      let sum = b[i];
      const at = i * outputs, from = row * outputs;
      for (let o = 0; o < outputs; o++) sum += x[from + o] * w[at + o];
      out[row * inputs + i] = sum;
    }
  }
  return out;
}

/** Applies `f` to every entry in place. */
export function mapInPlace(data: Float32Array, f: (x: number) => number): Float32Array {
  for (let i = 0; i < data.length; i++) data[i] = f(data[i]);
  return data;
}

/** The parts behind one another. */
export function concatFloats(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
