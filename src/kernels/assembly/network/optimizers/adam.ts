/**
 * Adam: Kingma, Ba (2015).
 * @module
 */
import { NetworkShare } from "../batch";

/** m ← β₁·m + (1 − β₁)·g, s ← β₂·s + (1 − β₂)·g², w ← w − η·m̂ / (√ŝ + ε), both corrected for their start */
export function adam(s: NetworkShare): void {
  const b = s.batch, parameters = s.values, first = s.first, second = s.second;
  const gradient = s.gradient, bytes = s.bytes, epsilon = f32x4.splat(b.epsilon);
  const beta1 = f32x4.splat(b.momentum), rest1 = f32x4.splat(1 - b.momentum);
  const beta2 = f32x4.splat(b.beta2), rest2 = f32x4.splat(1 - b.beta2);
  const rate = f32x4.splat(b.correction1 * b.learningRate),
    correction2 = f32x4.splat(b.correction2);
  for (let at = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const m = f32x4.add(f32x4.mul(beta1, v128.load(first + at)), f32x4.mul(rest1, g));
    const v = f32x4.add(
      f32x4.mul(beta2, v128.load(second + at)),
      f32x4.mul(rest2, f32x4.mul(g, g)),
    );
    v128.store(first + at, m);
    v128.store(second + at, v);
    const root = f32x4.add(f32x4.sqrt(f32x4.mul(v, correction2)), epsilon);
    const step = f32x4.div(f32x4.mul(rate, m), root);
    v128.store(parameters + at, f32x4.sub(v128.load(parameters + at), step));
  }
}
