/**
 * Softmax and cross-entropy of a network's scores.
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { exp4 } from "../simd/math";
import { transposePanel } from "../simd/products";
import { endOf, firstOf, NetworkShare, panelAt, rowOf } from "./batch";

/** Cross-entropy of a row in nats; its scores become the gradient (softmax − target) / B. */
export function softmaxRow(s: NetworkShare, row: i32): void {
  const b = s.batch, outputs = s.layer.outputs, target = load<i32>(b.targets + (row << 2));
  let largest: f32 = -Infinity, best = 0, total: f32 = 0, others: f32 = 0;
  for (let y = 0; y < b.outputSize; y++) {
    const score = load<f32>(scoreOf(s, row, y));
    if (score > largest) largest = score, best = y;
  }
  const own = load<f32>(scoreOf(s, row, target));
  for (let y = 0; y < b.outputSize; y++) {
    const at = scoreOf(s, row, y);
    const e = f32x4.extract_lane(exp4(f32x4.splat(load<f32>(at) - largest)), 0);
    store<f32>(at, e);
    total += e;
    if (y != target) others += e;
  }
  const scale: f32 = 1 / (<f32> b.rows);
  for (let y = 0; y < b.outputSize; y++) {
    const at = scoreOf(s, row, y);
    const share = y == target ? -others : load<f32>(at); // p − 1 would round to 0 from 17 nats on
    store<f32>(at, share / total * scale);
  }
  for (let y = b.outputSize; y < outputs; y++) store<f32>(scoreOf(s, row, y), 0);
  // The caller adds log(total), for which there is no kernel.
  store<f32>(b.losses + (row << 3), largest - own);
  store<f32>(b.losses + (row << 3), total, 4);
  store<i32>(b.hits + (row << 2), best == target ? 1 : 0);
}

/** A worker's panels of the gradients, by output too. */
export function transposeGradients(s: NetworkShare): void {
  const b = s.batch, layer = s.layer, panels = layer.outputs / PANEL, end = endOf(s, panels);
  for (let panel = firstOf(s, panels); panel < end; panel++) {
    const at = rowOf(layer.outByOutput, b, panel);
    transposePanel(at, panelAt(layer.out, b, panel), b.maxRows, b.rows);
  }
}

// @inline
function scoreOf(s: NetworkShare, row: i32, unit: i32): usize {
  return panelAt(s.layer.out, s.batch, unit / PANEL) + row * ROW_BYTES + ((unit % PANEL) << 2);
}
