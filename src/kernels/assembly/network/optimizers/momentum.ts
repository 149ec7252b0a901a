/**
 * Momentum: Polyak (1964); Nesterov's in the form of Sutskever et al. (2013).
 * @module
 */
import { NetworkShare } from "../batch";

/** m ← μ·m − η·g, w ← w + m */
export function momentum(s: NetworkShare): void {
  const parameters = s.values, first = s.first, gradient = s.gradient, bytes = s.bytes;
  const rate = f32x4.splat(s.batch.learningRate), mu = f32x4.splat(s.batch.momentum);
  for (let at = 0; at < bytes; at += 16) {
    const step = f32x4.mul(rate, v128.load(gradient + at));
    const m = f32x4.sub(f32x4.mul(mu, v128.load(first + at)), step);
    v128.store(first + at, m);
    v128.store(parameters + at, f32x4.add(v128.load(parameters + at), m));
  }
}

/** m ← μ·m − η·g, w ← w + μ·m − η·g */
export function nesterov(s: NetworkShare): void {
  const parameters = s.values, first = s.first, gradient = s.gradient, bytes = s.bytes;
  const rate = f32x4.splat(s.batch.learningRate), mu = f32x4.splat(s.batch.momentum);
  for (let at = 0; at < bytes; at += 16) {
    const step = f32x4.mul(rate, v128.load(gradient + at));
    const m = f32x4.sub(f32x4.mul(mu, v128.load(first + at)), step);
    v128.store(first + at, m);
    const move = f32x4.sub(f32x4.mul(mu, m), step);
    v128.store(parameters + at, f32x4.add(v128.load(parameters + at), move));
  }
}
