/**
 * AdaDelta: Zeiler (2012).
 * @module
 */
import { NetworkShare } from "../batch";

/** m ← ρ·m + (1 − ρ)·g², d = g·√(s + ε) / √(m + ε), s ← ρ·s + (1 − ρ)·d², w ← w − η·d */
export function adadelta(s: NetworkShare): void {
  const parameters = s.values, first = s.first, second = s.second;
  const gradient = s.gradient, bytes = s.bytes;
  const rate = f32x4.splat(s.batch.learningRate), epsilon = f32x4.splat(s.batch.epsilon);
  const rho = f32x4.splat(s.batch.momentum), rest = f32x4.splat(1 - s.batch.momentum);
  for (let at = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at), moved = v128.load(second + at);
    const m = f32x4.add(f32x4.mul(rho, v128.load(first + at)), f32x4.mul(rest, f32x4.mul(g, g)));
    v128.store(first + at, m);
    const above = f32x4.sqrt(f32x4.add(moved, epsilon)), below = f32x4.sqrt(f32x4.add(m, epsilon));
    const d = f32x4.mul(f32x4.div(above, below), g);
    v128.store(second + at, f32x4.add(f32x4.mul(rho, moved), f32x4.mul(rest, f32x4.mul(d, d))));
    v128.store(parameters + at, f32x4.sub(v128.load(parameters + at), f32x4.mul(rate, d)));
  }
}
