/**
 * RMSProp: Tieleman, Hinton (2012), "Lecture 6.5".
 * @module
 */
import { NetworkShare } from "../batch";

/** m ← ρ·m + (1 − ρ)·g², w ← w − η·g / (√m + ε) */
export function rmsprop(s: NetworkShare): void {
  const parameters = s.values, first = s.first, gradient = s.gradient, bytes = s.bytes;
  const rate = f32x4.splat(s.batch.learningRate), epsilon = f32x4.splat(s.batch.epsilon);
  const rho = f32x4.splat(s.batch.momentum), rest = f32x4.splat(1 - s.batch.momentum);
  for (let at = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const m = f32x4.add(f32x4.mul(rho, v128.load(first + at)), f32x4.mul(rest, f32x4.mul(g, g)));
    v128.store(first + at, m);
    const step = f32x4.div(f32x4.mul(rate, g), f32x4.add(f32x4.sqrt(m), epsilon));
    v128.store(parameters + at, f32x4.sub(v128.load(parameters + at), step));
  }
}
