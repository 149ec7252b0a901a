/**
 * The centred gradient, ⟨(v − μ)(h − λ)⟩, with offsets μ and λ that follow the data's means.
 * Melchior, Fischer, Wiskott (2016), "How to center deep Boltzmann machines", §3.
 * @module
 */
import { correctionOf, hiddenSumsOf, padded, RbmContext, visibleUnits } from "./memory";
import { hiddenMean } from "./statistics";
import { sumLanes } from "../simd/math";
import { PANEL, ROW_BYTES } from "../simd/panel";

/** The rule and memory of centring; fields that recipes have are named as there. */
// @ts-ignore: decorator
@unmanaged
export class Centring {
  centring: f32; // share of the way from the offsets to the means, each update
  visibleOffsets: usize; // (V padded): μ
  hiddenOffsets: usize; // (H padded): λ
  partials: usize; // (H/32, V padded): Σ gradient·λ over a panel
}

/** μ ← μ + speed·(mean − μ) of a visible unit. */
export function moveVisibleOffset(c: Centring, unit: i32, mean: f32): void {
  const offset = c.visibleOffsets + (unit << 2);
  store<f32>(offset, load<f32>(offset) + c.centring * (mean - load<f32>(offset)));
}

/** λ ← λ + speed·(mean − λ) of 32 hidden units, over so many rows of data. */
export function moveHiddenOffsets(c: Centring, areas: usize, rows: i32, column: i32): void {
  const speed = f32x4.splat(c.centring);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const offset = c.hiddenOffsets + (column << 2) + at, old = v128.load(offset);
    const step = f32x4.mul(speed, f32x4.sub(hiddenMean(areas, rows, at), old));
    v128.store(offset, f32x4.add(old, step));
  }
}

/**
 * The gradient g of a block ← g − Σv·λ − μ·Σh, and what it takes from the biases: g·λ from the visible
 * ones, as partial sums, and g·μ from the hidden ones, beside the block.
 */
export function centreBlock(
  r: RbmContext,
  c: Centring,
  visibleSums: usize,
  column: i32,
  unit: i32,
  block: usize,
): void {
  const hiddenSums = hiddenSumsOf(block), correction = correctionOf(block);
  const partials = c.partials + (column / PANEL * visibleUnits(r) << 2);
  const offsets = c.hiddenOffsets + (column << 2);
  for (let i = 0; i < PANEL; i++) {
    const gradient = block + i * ROW_BYTES, own = (unit + i) << 2;
    const sum = f32x4.splat(load<f32>(visibleSums + own));
    const mu = f32x4.splat(load<f32>(c.visibleOffsets + own));
    let total = f32x4.splat(0);
    for (let at = 0; at < ROW_BYTES; at += 16) {
      const lambda = v128.load(offsets + at);
      let g = f32x4.sub(v128.load(gradient + at), f32x4.mul(sum, lambda));
      g = f32x4.sub(g, f32x4.mul(mu, v128.load(hiddenSums + at)));
      v128.store(gradient + at, g);
      total = f32x4.add(total, f32x4.mul(g, lambda));
      v128.store(correction + at, f32x4.add(v128.load(correction + at), f32x4.mul(g, mu)));
    }
    store<f32>(partials + own, sumLanes(total));
  }
}

/** The gradient of a visible unit's bias, less what centring takes from it. */
export function centredSum(r: RbmContext, c: Centring, unit: i32, sum: f32): f32 {
  const panels = padded(r.hidden) / PANEL, visible = visibleUnits(r);
  for (let panel = 0; panel < panels; panel++) {
    sum -= load<f32>(c.partials + ((panel * visible + unit) << 2));
  }
  return sum;
}
