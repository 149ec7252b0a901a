/**
 * Backward through a layer: backpropagation, Rumelhart, Hinton, Williams (1986).
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { addProduct, BLOCK_BYTES, transpose32x32, transposePanel } from "../simd/products";
import {
  endOf,
  enterInputs,
  enterLayer,
  firstOf,
  layerAt,
  NetworkActivation,
  NetworkShare,
  Normalization,
  panelAt,
  rowOf,
} from "./batch";
import { unnormalizePanel } from "./normalization";

/** A worker's panels of the gradients by the sums below layer `i`, into `out` of the layer below. */
export function backwardLayer(s: NetworkShare, i: i32): void {
  const b = s.batch, panels = layerAt(b, i).inputs / PANEL, end = endOf(s, panels);
  const below = layerAt(b, i - 1);
  for (let panel = firstOf(s, panels); panel < end; panel++) {
    const out = panelAt(below.out, b, panel);
    s.panel = panel;
    enterLayer(s, i);
    inputGradients(s, out);
    enterLayer(s, i - 1);
    multiplyBySlopes(s);
    if (b.normalization != Normalization.None) unnormalizePanel(s);
    transposePanel(rowOf(below.outByOutput, b, panel), out, b.maxRows, b.rows);
  }
}

/** A worker's panels of the gradients by the network's inputs, into `x` of the first layer. */
export function backwardInputs(s: NetworkShare): void {
  const b = s.batch;
  enterInputs(s);
  const layer = s.layer, panels = layer.inputs / PANEL, end = endOf(s, panels);
  for (let panel = firstOf(s, panels); panel < end; panel++) {
    s.panel = panel;
    inputGradients(s, panelAt(layer.x, b, panel));
  }
}

/** to (B, 32) ← ∂L/∂x = ∂L/∂out · wᵀ for the inputs of the layer in the panel. */
function inputGradients(s: NetworkShare, to: usize): void {
  const b = s.batch, layer = s.layer, scratch = s.scratch;
  for (let o = 0; o < layer.outputs / PANEL; o++) {
    const from = layer.weights + (o * layer.inputs + s.panel * PANEL) * ROW_BYTES;
    transpose32x32(scratch + o * BLOCK_BYTES, from);
  }
  memory.fill(to, 0, b.rows * ROW_BYTES);
  addProduct(to, layer.outByOutput, b.maxRows, scratch, layer.outputs, b.rows);
}

/**
 * out ← out · f′. With x = a / keep where a unit stays and 0 where not: σ′·x/a = x(1 − x·keep) and
 * ReLU′·x/a = 1 / keep.
 */
function multiplyBySlopes(s: NetworkShare): void {
  const b = s.batch, out = panelAt(s.layer.out, b, s.panel);
  const x = panelAt(layerAt(b, s.level).x, b, s.panel), bytes = b.rows * ROW_BYTES;
  const relu = b.activation == NetworkActivation.Relu;
  const zero = f32x4.splat(0), one = f32x4.splat(1);
  const keep = f32x4.splat(b.hiddenKeep), scale = f32x4.splat(1 / b.hiddenKeep);
  for (let at = 0; at < bytes; at += 16) {
    const value = v128.load(x + at);
    const slope = relu
      ? v128.and(f32x4.gt(value, zero), scale)
      : f32x4.mul(value, f32x4.sub(one, f32x4.mul(value, keep)));
    v128.store(out + at, f32x4.mul(v128.load(out + at), slope));
  }
}
