/**
 * The update of a layer: gradients of its weights and biases, weight decay, the optimizer, a bound on norms.
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { addProduct4x8, BLOCK_BYTES } from "../simd/products";
import {
  endOf,
  firstOf,
  NetworkLayer,
  NetworkShare,
  NetworkTask,
  Normalization,
  panelAt,
} from "./batch";
import { moveBlock } from "./optimizers/optimizer";

/** A worker's blocks of 32 × 32 weights of a layer, and its panels of biases. */
export function updateLayer(s: NetworkShare): void {
  const b = s.batch, layer = s.layer;
  const rowPanels = layer.inputs / PANEL, blocks = rowPanels * (layer.outputs / PANEL);
  const end = endOf(s, blocks);
  for (let block = firstOf(s, blocks); block < end; block++) {
    s.panel = block / rowPanels;
    updateWeights(s, block % rowPanels);
  }
  const isHidden = s.level < b.layerCount;
  if (b.normalization != Normalization.None && isHidden) return; // its biases have moved already
  const panels = layer.outputs / PANEL, panelsEnd = endOf(s, panels);
  for (let panel = firstOf(s, panels); panel < panelsEnd; panel++) {
    s.panel = panel;
    updateBiases(s);
  }
}

/** ∂L/∂w = xᵀ · ∂L/∂out of 32 inputs by 32 outputs, and a step along it. */
function updateWeights(s: NetworkShare, rowPanel: i32): void {
  const b = s.batch, layer = s.layer, gradient = s.scratch;
  const x = panelAt(layer.x, b, rowPanel), out = panelAt(layer.out, b, s.panel);
  memory.fill(gradient, 0, BLOCK_BYTES);
  for (let i = 0; i < PANEL; i += 4) {
    for (let part = 0; part < ROW_BYTES; part += 32) {
      const to = gradient + i * ROW_BYTES + part;
      addProduct4x8(to, x + (i << 2), ROW_BYTES, out + part, b.rows);
    }
  }
  const at = (s.panel * layer.inputs + rowPanel * PANEL) * ROW_BYTES;
  s.values = layer.weights + at;
  s.first = layer.weightsFirst + at;
  s.second = layer.weightsSecond + at;
  s.gradient = gradient;
  s.bytes = BLOCK_BYTES;
  if ((b.l1 != 0 || b.l2 != 0) && b.task == NetworkTask.Train) addWeightDecay(s);
  moveBlock(s);
}

/** ∂L/∂b = Σ over rows of ∂L/∂out of 32 outputs, and a step along it. */
function updateBiases(s: NetworkShare): void {
  const b = s.batch, layer = s.layer, out = panelAt(layer.out, b, s.panel), gradient = s.scratch;
  for (let part = 0; part < ROW_BYTES; part += 16) {
    let sum = f32x4.splat(0);
    for (let row = 0; row < b.rows; row++) {
      sum = f32x4.add(sum, v128.load(out + row * ROW_BYTES + part));
    }
    v128.store(gradient + part, sum);
  }
  const at = s.panel * ROW_BYTES;
  s.values = layer.bias + at;
  s.first = layer.biasFirst + at;
  s.second = layer.biasSecond + at;
  s.gradient = gradient;
  s.bytes = ROW_BYTES;
  moveBlock(s);
}

/** g ← g + l2·w + l1·sign(w) */
function addWeightDecay(s: NetworkShare): void {
  const b = s.batch, weights = s.values, gradient = s.gradient, bytes = s.bytes;
  const l1 = f32x4.splat(b.l1), l2 = f32x4.splat(b.l2), zero = f32x4.splat(0);
  for (let at = 0; at < bytes; at += 16) {
    const w = v128.load(weights + at);
    const up = v128.and(f32x4.gt(w, zero), l1), down = v128.and(f32x4.lt(w, zero), l1);
    const decay = f32x4.add(f32x4.mul(l2, w), f32x4.sub(up, down));
    v128.store(gradient + at, f32x4.add(v128.load(gradient + at), decay));
  }
}

/** w ← w · min(1, bound / |w|) for the weights into each of 32 units. Srivastava et al. (2014). */
export function limitNorms(layer: NetworkLayer, panel: i32, bound: f32): void {
  const w = layer.weights + panel * layer.inputs * ROW_BYTES, bytes = layer.inputs * ROW_BYTES;
  for (let part = 0; part < ROW_BYTES; part += 16) {
    let squares = f32x4.splat(0);
    for (let at = part; at < bytes; at += ROW_BYTES) {
      const x = v128.load(w + at);
      squares = f32x4.add(squares, f32x4.mul(x, x));
    }
    const norm = f32x4.sqrt(squares), most = f32x4.splat(bound);
    if (!v128.any_true(f32x4.gt(norm, most))) continue;
    const scale = f32x4.pmin(f32x4.splat(1), f32x4.div(most, norm));
    for (let at = part; at < bytes; at += ROW_BYTES) {
      v128.store(w + at, f32x4.mul(v128.load(w + at), scale));
    }
  }
}
