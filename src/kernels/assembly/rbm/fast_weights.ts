/**
 * Fast weights, which move persistent chains on: they learn at a rate of their own and decay.
 * Tieleman, Hinton (2009), "Using fast weights to improve persistent contrastive divergence".
 * @module
 */
import { ROW_BYTES } from "../simd/panel";

/** The rule and memory of fast weights; fields that recipes have are named as there. */
// @ts-ignore: decorator
@unmanaged
export class FastWeights {
  fastLearningRate: f32;
  fastDecay: f32; // share that an update keeps
  fastWeights: usize; // as weights
  chainWeights: usize; // weights + fast weights, which chains go by
}

/** fast ← decay·fast + rate·gradient, for 32 weights at an offset; after those have been updated. */
export function updateFast32(
  f: FastWeights,
  weights: usize,
  at: i32,
  gradient: usize,
  rows: i32,
): void {
  const rate = f32x4.splat(f.fastLearningRate / <f32> rows), decay = f32x4.splat(f.fastDecay);
  const fast = f.fastWeights + at, chain = f.chainWeights + at;
  for (let i = 0; i < ROW_BYTES; i += 16) {
    const kept = f32x4.mul(decay, v128.load(fast + i));
    const next = f32x4.add(kept, f32x4.mul(rate, v128.load(gradient + i)));
    v128.store(fast + i, next);
    v128.store(chain + i, f32x4.add(v128.load(weights + at + i), next));
  }
}
