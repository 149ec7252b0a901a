/**
 * A sparsity target: each hidden unit's running mean q is pulled towards it. The penalty is the cross
 * entropy between the two, whose gradient with respect to a unit's sum is q − target. Hinton (2012), "A
 * practical guide to training restricted Boltzmann machines", §11.
 * @module
 */
import { keptShare, RbmContext, sparsityOf, States } from "./memory";
import { hiddenMean } from "./statistics";
import { addScaled } from "../simd/vectors";
import { PANEL, ROW_BYTES } from "../simd/panel";

/** Share of the old in the running means. */
const SPARSITY_MEMORY: f32 = 0.9;

/** The rule and memory of a sparsity target; fields that recipes have are named as there. */
// @ts-ignore: decorator
@unmanaged
export class Sparsity {
  sparsityCost: f32;
  sparsityTarget: f32;
  sparsityMeans: usize; // (H padded): running means of hidden units
}

/**
 * B·cost·(q − target) of 32 hidden units, q their running mean in the cases that dropout leaves them in;
 * beside the block. Its product with a visible unit's mean is what weights lose.
 */
export function measureSparsity(
  r: RbmContext,
  p: Sparsity,
  data: States,
  areas: usize,
  column: i32,
  block: usize,
): void {
  const keep = f32x4.splat(SPARSITY_MEMORY), rest = f32x4.splat(1 - SPARSITY_MEMORY);
  const cost = f32x4.splat(p.sparsityCost * <f32> data.rows),
    target = f32x4.splat(p.sparsityTarget);
  const kept = f32x4.splat(keptShare(data)), out = sparsityOf(block);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const means = p.sparsityMeans + (column << 2) + at;
    const mean = f32x4.div(hiddenMean(areas, data.rows, at), kept);
    const q = f32x4.add(f32x4.mul(keep, v128.load(means)), f32x4.mul(rest, mean));
    v128.store(means, q);
    const mask = v128.load(r.hiddenMask + (column << 2) + at);
    v128.store(out + at, f32x4.mul(mask, f32x4.mul(cost, f32x4.sub(q, target))));
  }
}

/** The gradient of a block − ⟨v⟩·B·cost·(q − target). */
export function addSparsity(block: usize, visibleMeans: usize): void {
  for (let i = 0; i < PANEL; i++) {
    addScaled(block + i * ROW_BYTES, sparsityOf(block), -load<f32>(visibleMeans + (i << 2)));
  }
}
