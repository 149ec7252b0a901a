/**
 * Forward through a layer: x·w + b, normalization, activation, dropout.
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { sigmoid4 } from "../simd/math";
import { addProduct, transposePanel } from "../simd/products";
import {
  endOf,
  firstOf,
  inputOf,
  layerAt,
  NetworkActivation,
  NetworkShare,
  Normalization,
  panelAt,
  rowOf,
  unitsOf,
} from "./batch";
import { addNoise, dropUnits } from "./dropout";
import { normalizePanel } from "./normalization";

/** Copies a worker's columns of the inputs into panels, with noise, some left out. */
export function placeInputs(s: NetworkShare): void {
  const b = s.batch, layer = s.layer, panels = layer.inputs / PANEL, end = endOf(s, panels);
  for (let panel = firstOf(s, panels); panel < end; panel++) {
    s.panel = panel;
    const x = panelAt(layer.x, b, panel), count = unitsOf(s);
    for (let row = 0; row < b.rows; row++) {
      const at = x + row * ROW_BYTES;
      if (count < PANEL) memory.fill(at, 0, ROW_BYTES);
      memory.copy(at, inputOf(b, row, panel), count << 2);
      if (b.inputNoise > 0) addNoise(s, at, at, row);
      if (b.inputKeep < 1) dropUnits(s, at, row);
    }
    transposePanel(rowOf(layer.xByInput, b, panel), x, b.maxRows, b.rows);
  }
}

/** A worker's panels of a layer: its scores where it is the last, and the inputs of the next one else. */
export function forwardLayer(s: NetworkShare): void {
  const b = s.batch, panels = s.layer.outputs / PANEL, end = endOf(s, panels);
  const isLast = s.level == b.layerCount;
  const normalized = b.normalization != Normalization.None && !isLast;
  for (let panel = firstOf(s, panels); panel < end; panel++) {
    s.panel = panel;
    sumPanel(s, normalized);
    if (normalized) normalizePanel(s);
    if (!isLast) activatePanel(s);
  }
}

/** out[panel] ← x·w + b, or x·w where the bias follows after normalization. */
function sumPanel(s: NetworkShare, normalized: bool): void {
  const b = s.batch, layer = s.layer, out = panelAt(layer.out, b, s.panel);
  const bias = layer.bias + s.panel * ROW_BYTES;
  if (normalized) memory.fill(out, 0, b.rows * ROW_BYTES);
  else for (let row = 0; row < b.rows; row++) memory.copy(out + row * ROW_BYTES, bias, ROW_BYTES);
  const w = layer.weights + s.panel * layer.inputs * ROW_BYTES;
  addProduct(out, layer.xByInput, b.maxRows, w, layer.inputs, b.rows);
}

/** x[panel] of the next layer ← f(out), padding 0, with some units left out. */
function activatePanel(s: NetworkShare): void {
  const b = s.batch, next = layerAt(b, s.level), panel = s.panel;
  const from = panelAt(s.layer.out, b, panel), to = panelAt(next.x, b, panel);
  const relu = b.activation == NetworkActivation.Relu, zero = f32x4.splat(0), count = unitsOf(s);
  for (let row = 0; row < b.rows; row++) {
    const at = to + row * ROW_BYTES, sums = from + row * ROW_BYTES;
    for (let i = 0; i < ROW_BYTES; i += 16) {
      const sum = v128.load(sums + i);
      v128.store(at + i, relu ? f32x4.pmax(zero, sum) : sigmoid4(sum));
    }
    for (let i = count; i < PANEL; i++) store<f32>(at + (i << 2), 0);
    if (b.hiddenKeep < 1) dropUnits(s, at, row);
  }
  transposePanel(rowOf(next.xByInput, b, panel), to, b.maxRows, b.rows);
}
