/**
 * Dense products with 32-column panels of weights.
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { sigmoid4, softplus4 } from "../simd/math";
import { Barrier, shareStart, waitForAll } from "../simd/barrier";
import { scaledRow1x32, scaleSums, widenPanel } from "./scaled";

// B batch, I inputs, O outputs, T temperature

/** Biases of sums that have none yet. */
const ZEROS: usize = memory.data(ROW_BYTES, 16);

/** Some rows of weights (I, O), or (O, I) if they are `transposed`, to put into panels of (I, 32). */
// @ts-ignore: decorator
@unmanaged
export class PanelRows {
  panels: usize; // (O/32, I, 32), f32 or i8
  rows: usize; // (count, O), or (count, I) if they are transposed
  first: i32; // index of the first row
  count: i32;
  inputs: i32; // I
  outputs: i32; // O
  transposed: i32; // 1 or 0
  bytes: i32; // of a weight: 4 or 1
}

/** Puts rows of weights into panels; columns from O up to whole panels stay as they are. */
export function placePanels(r: PanelRows): void {
  const rowBytes = (r.transposed ? r.inputs : r.outputs) * r.bytes;
  for (let i = 0; i < r.count; i++) {
    const from = r.rows + i * rowBytes;
    if (r.transposed) placeColumn(r, from, r.first + i);
    else placeRow(r, from, r.first + i);
  }
}

/** Weights into output `o` from all inputs. */
function placeColumn(r: PanelRows, from: usize, o: i32): void {
  const inputs = r.inputs, bytes = r.bytes;
  const to = r.panels + ((o & -PANEL) * inputs + (o & PANEL - 1)) * bytes;
  if (bytes == 1) {
    for (let i = 0; i < inputs; i++) store<i8>(to + i * PANEL, load<i8>(from + i));
  } else {
    for (let i = 0; i < inputs; i++) store<f32>(to + i * ROW_BYTES, load<f32>(from + (i << 2)));
  }
}

/** Weights from input `i` into all outputs. */
function placeRow(r: PanelRows, from: usize, i: i32): void {
  const inputs = r.inputs, outputs = r.outputs, panels = r.panels, bytes = r.bytes;
  for (let column = 0; column < outputs; column += PANEL) {
    const length = min(PANEL, outputs - column) * bytes;
    memory.copy(panels + (column * inputs + i * PANEL) * bytes, from + column * bytes, length);
  }
}

/** What follows a layer's sums. */
export enum LayerActivation {
  None,
  Sigmoid,
  Relu,
}

/** A layer's call. */
// @ts-ignore: decorator
@unmanaged
export class LayerCall {
  barrier: Barrier;
  out: usize; // (B, stride) f32
  x: usize; // (B, xStride) f32
  weights: usize; // panels of (I, 32), f32 or i8
  scale: usize; // (stride) f32 of weights of i8, else 0
  widened: usize; // a worker: room for a panel of floats; 0 if rows are too few to use it
  bias: usize; // (stride) f32
  batch: i32; // B
  inputs: i32; // I
  xStride: i32; // floats between rows of x
  stride: i32; // O rounded up to 32
  activation: LayerActivation;
  inverseTemperature: f32; // of the sigmoid
}

/**
 * A worker's columns of out = f(x·w + b), f nothing, σ(· / T) or max(·, 0). Each sum runs over I in order, so a
 * row's bits depend neither on B nor on the number of workers.
 */
export function runLayer(r: LayerCall, worker: i32): void {
  const workers = r.barrier.workers, panels = r.stride / PANEL;
  const from = shareStart(panels, worker, workers) * PANEL;
  const to = shareStart(panels, worker + 1, workers) * PANEL;
  for (let column = from; column < to; column += PANEL) {
    if (r.scale) scaledPanel(r, column, worker);
    else floatPanel(r, column);
    activate(r, column);
  }
  waitForAll(r.barrier, worker);
}

/** 32 columns of x·w + b. */
function floatPanel(r: LayerCall, column: i32): void {
  const at = column << 2;
  panelSums(r, r.out + at, r.weights + at * r.inputs, r.bias + at);
}

/** The same of weights of i8: their sums, then scales and biases. */
function scaledPanel(r: LayerCall, column: i32, worker: i32): void {
  const at = column << 2, out = r.out + at, inputs = r.inputs, strideBytes = r.stride << 2;
  const q = r.weights + column * inputs;
  if (r.widened) {
    const widened = r.widened + worker * inputs * ROW_BYTES;
    widenPanel(widened, q, inputs);
    panelSums(r, out, widened, ZEROS);
  } else {
    for (let row = 0; row < r.batch; row++) {
      scaledRow1x32(out + row * strideBytes, r.x + row * (r.xStride << 2), q, inputs);
    }
  }
  for (let row = 0; row < r.batch; row++) {
    scaleSums(out + row * strideBytes, r.scale + at, r.bias + at);
  }
}

/** Columns of x·w + b for every row: out (B, stride), w (I, 32), b (32). */
function panelSums(r: LayerCall, out: usize, w: usize, b: usize): void {
  const strideBytes = r.stride << 2, xBytes = r.xStride << 2, batch = r.batch, inputs = r.inputs;
  let row = 0;
  for (; row + 4 <= batch; row += 4) {
    for (let part = 0; part < ROW_BYTES; part += 32) {
      const to = out + row * strideBytes + part;
      block4x8(to, strideBytes, r.x + row * xBytes, xBytes, w + part, b + part, inputs);
    }
  }
  for (; row < batch; row++) {
    row1x32(out + row * strideBytes, r.x + row * xBytes, w, b, inputs);
  }
}

/** f of 32 columns of every row, in place. */
function activate(r: LayerCall, column: i32): void {
  if (r.activation == LayerActivation.None) return;
  for (let row = 0; row < r.batch; row++) {
    const at = r.out + ((row * r.stride + column) << 2);
    if (r.activation == LayerActivation.Sigmoid) {
      sigmoidInPlace(at, PANEL, r.inverseTemperature);
    } else rectifyInPlace(at);
  }
}

/** Four rows by eight columns in registers: addresses and strides as plain numbers, for the innermost loop. */
function block4x8(
  out: usize,
  strideBytes: i32,
  x: usize,
  inputBytes: i32,
  w: usize,
  b: usize,
  inputs: i32,
): void {
  const b0 = v128.load(b), b1 = v128.load(b, 16);
  let a00 = b0, a01 = b1, a10 = b0, a11 = b1, a20 = b0, a21 = b1, a30 = b0, a31 = b1;
  const x1 = x + inputBytes, x2 = x1 + inputBytes, x3 = x2 + inputBytes;
  for (let i = 0, at: usize = 0; i < inputs; i++, at += 4, w += ROW_BYTES) {
    const w0 = v128.load(w), w1 = v128.load(w, 16);
    let v = v128.load32_splat(x + at);
    a00 = f32x4.add(a00, f32x4.mul(v, w0));
    a01 = f32x4.add(a01, f32x4.mul(v, w1));
    v = v128.load32_splat(x1 + at);
    a10 = f32x4.add(a10, f32x4.mul(v, w0));
    a11 = f32x4.add(a11, f32x4.mul(v, w1));
    v = v128.load32_splat(x2 + at);
    a20 = f32x4.add(a20, f32x4.mul(v, w0));
    a21 = f32x4.add(a21, f32x4.mul(v, w1));
    v = v128.load32_splat(x3 + at);
    a30 = f32x4.add(a30, f32x4.mul(v, w0));
    a31 = f32x4.add(a31, f32x4.mul(v, w1));
  }
  v128.store(out, a00);
  v128.store(out, a01, 16);
  out += strideBytes;
  v128.store(out, a10);
  v128.store(out, a11, 16);
  out += strideBytes;
  v128.store(out, a20);
  v128.store(out, a21, 16);
  out += strideBytes;
  v128.store(out, a30);
  v128.store(out, a31, 16);
}

/** One row by 32 columns in registers, plain numbers as above; inputs of 0 cost nothing. */
function row1x32(out: usize, x: usize, w: usize, b: usize, inputs: i32): void {
  let a0 = v128.load(b), a1 = v128.load(b, 16), a2 = v128.load(b, 32), a3 = v128.load(b, 48);
  let a4 = v128.load(b, 64), a5 = v128.load(b, 80), a6 = v128.load(b, 96), a7 = v128.load(b, 112);
  for (let i = 0; i < inputs; i++, x += 4, w += ROW_BYTES) {
    if (load<f32>(x) == 0) continue;
    const v = v128.load32_splat(x);
    a0 = f32x4.add(a0, f32x4.mul(v, v128.load(w)));
    a1 = f32x4.add(a1, f32x4.mul(v, v128.load(w, 16)));
    a2 = f32x4.add(a2, f32x4.mul(v, v128.load(w, 32)));
    a3 = f32x4.add(a3, f32x4.mul(v, v128.load(w, 48)));
    a4 = f32x4.add(a4, f32x4.mul(v, v128.load(w, 64)));
    a5 = f32x4.add(a5, f32x4.mul(v, v128.load(w, 80)));
    a6 = f32x4.add(a6, f32x4.mul(v, v128.load(w, 96)));
    a7 = f32x4.add(a7, f32x4.mul(v, v128.load(w, 112)));
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  v128.store(out, a2, 32);
  v128.store(out, a3, 48);
  v128.store(out, a4, 64);
  v128.store(out, a5, 80);
  v128.store(out, a6, 96);
  v128.store(out, a7, 112);
}

/** 32 numbers x ← max(x, 0). */
function rectifyInPlace(x: usize): void {
  const zero = f32x4.splat(0);
  for (const end = x + ROW_BYTES; x < end; x += 16) {
    v128.store(x, f32x4.pmax(zero, v128.load(x)));
  }
}

/** x ← σ(x / T) in place for `count` floats, a multiple of 4; `inverse` is 1/T. */
export function sigmoidInPlace(x: usize, count: i32, inverse: f32): void {
  const end = x + (count << 2);
  for (; x < end; x += 16) v128.store(x, sigmoid4(f32x4.mul(v128.load(x), f32x4.splat(inverse))));
}

/** Σ softplus(a), over `count` floats; padding must hold -1000. In double precision. */
export function sumSoftplus(a: usize, count: i32): f64 {
  let low = f64x2.splat(0), high = f64x2.splat(0);
  for (let i = 0; i < count; i += 4, a += 16) {
    const s = softplus4(v128.load(a));
    low = f64x2.add(low, f64x2.promote_low_f32x4(s));
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i64>(s, s, 1, 1)));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** Σ [softplus(a + u) − softplus(a)] over `count` floats: small terms, so no digits are lost. */
export function softplusDifference(a: usize, u: usize, count: i32): f64 {
  let low = f64x2.splat(0), high = f64x2.splat(0);
  for (let i = 0; i < count; i += 4, a += 16, u += 16) {
    const own = v128.load(a);
    const s = f32x4.sub(softplus4(f32x4.add(own, v128.load(u))), softplus4(own));
    low = f64x2.add(low, f64x2.promote_low_f32x4(s));
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i64>(s, s, 1, 1)));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}
