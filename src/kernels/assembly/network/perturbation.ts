/**
 * Moving a batch's inputs up the loss: adversarial training, Goodfellow, Shlens, Szegedy (2015), "Explaining
 * and harnessing adversarial examples".
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { sumLanes } from "../simd/math";
import { NetworkBatch, inputOf, NetworkLayer, panelAt } from "./batch";

/**
 * 2^40. Squares are taken of gradients times this, because a case learnt with a margin of 40 nats has some
 * of 1e-20.
 */
const SCALE: f32 = 1099511627776;

/** inputs ← inputs + reach·sign(gradient) within [0, 1]; x of the layer holds the gradients. */
export function perturbPanel(b: NetworkBatch, layer: NetworkLayer, panel: i32): void {
  const gradients = panelAt(layer.x, b, panel), count = min(PANEL, b.inputSize - panel * PANEL);
  for (let row = 0; row < b.rows; row++) {
    const from = gradients + row * ROW_BYTES, inputs = inputOf(b, row, panel);
    for (let i = 0; i < count; i++) {
      const g = load<f32>(from + (i << 2)), at = inputs + (i << 2);
      if (g == 0) continue;
      store<f32>(at, max<f32>(0, min<f32>(1, load<f32>(at) + (g > 0 ? b.reach : -b.reach))));
    }
  }
}

/** The squared norm of a panel's gradients times {@linkcode SCALE}, a row a number. */
export function squarePanel(b: NetworkBatch, layer: NetworkLayer, panel: i32): void {
  const gradients = panelAt(layer.x, b, panel), up = f32x4.splat(SCALE);
  for (let row = 0; row < b.rows; row++) {
    let sum = f32x4.splat(0);
    for (let at = 0; at < ROW_BYTES; at += 16) {
      const g = f32x4.mul(up, v128.load(gradients + row * ROW_BYTES + at));
      sum = f32x4.add(sum, f32x4.mul(g, g));
    }
    store<f32>(b.squares + ((panel * b.maxRows + row) << 2), sumLanes(sum));
  }
}

/** inputs ← inputs + reach·gradient / its norm. */
export function perturbRows(b: NetworkBatch, layer: NetworkLayer, panel: i32): void {
  const gradients = panelAt(layer.x, b, panel), count = min(PANEL, b.inputSize - panel * PANEL);
  for (let row = 0; row < b.rows; row++) {
    let squares: f32 = 0;
    for (let other = 0; other < layer.inputs / PANEL; other++) {
      squares += load<f32>(b.squares + ((other * b.maxRows + row) << 2));
    }
    if (squares == 0) continue;
    const scale = b.reach * SCALE / sqrt<f32>(squares);
    const from = gradients + row * ROW_BYTES, inputs = inputOf(b, row, panel);
    for (let i = 0; i < count; i++) {
      const at = inputs + (i << 2);
      store<f32>(at, load<f32>(at) + scale * load<f32>(from + (i << 2)));
    }
  }
}
