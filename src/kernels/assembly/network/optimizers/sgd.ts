/**
 * Stochastic gradient descent.
 * @module
 */
import { NetworkShare } from "../batch";

/** w ← w − η·g */
export function sgd(s: NetworkShare): void {
  const parameters = s.values, gradient = s.gradient, bytes = s.bytes;
  const rate = f32x4.splat(s.batch.learningRate);
  for (let at = 0; at < bytes; at += 16) {
    const step = f32x4.mul(rate, v128.load(gradient + at));
    v128.store(parameters + at, f32x4.sub(v128.load(parameters + at), step));
  }
}
