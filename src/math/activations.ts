/**
 * Activations in forms that are finite for every finite input.
 * Hinton (2012), "A practical guide to training restricted Boltzmann machines".
 * @module
 */

/** σ(x) = 1 / (1 + e^-x), without overflow for any finite x. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** log(1 + e^x) = max(x, 0) + log1p(e^-|x|), finite for all finite x. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** log Σ e^x over `values[offset … offset + size)`, shifted by the largest term. */
export function logSumExp(values: ArrayLike<number>, offset = 0, size = values.length): number {
  let largest = -Infinity;
  for (let i = 0; i < size; i++) largest = Math.max(largest, values[offset + i]);
  if (largest === -Infinity) return -Infinity;
  let sum = 0;
  for (let i = 0; i < size; i++) sum += Math.exp(values[offset + i] - largest);
  return largest + Math.log(sum);
}

/** Softmax of each row in place. `rows` has shape (B, size). */
export function softmaxRows(rows: Float32Array, size: number): Float32Array {
  for (let offset = 0; offset < rows.length; offset += size) {
    const logZ = logSumExp(rows, offset, size);
    for (let i = 0; i < size; i++) rows[offset + i] = Math.exp(rows[offset + i] - logZ);
  }
  return rows;
}

/** The index of the largest entry of each row of `rows`, shape (B, size). Ties go to the lower index. */
export function argmaxRows(rows: Float32Array, size: number): number[] {
  const best: number[] = [];
  for (let offset = 0; offset < rows.length; offset += size) {
    let index = 0;
    for (let i = 1; i < size; i++) if (rows[offset + i] > rows[offset + index]) index = i;
    best.push(index);
  }
  return best;
}
