/**
 * A batch's inputs: values, samples of them, bits or dense probabilities; listed by row for the hidden
 * units, and by unit for the update.
 * @module
 */
import {
  bitsOf,
  fillPanel,
  firstColumn,
  labelList,
  padded,
  panelOf,
  pixelList,
  RbmContext,
  States,
  uniformsOf,
  visibleUnits,
} from "./memory";
import { activityAt, Area, Pairing, Statistics, unitList } from "./statistics";
import { clear, Form, HEAD_BYTES, push, pushAt } from "../simd/row_lists";
import { below32 } from "../simd/vectors";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { transposePanel } from "../simd/products";

/** What inputs are, and how they are taken. */
export enum InputKind {
  /** Numbers as they are, most of them 0. */
  Values,
  /** Probabilities, each batch as a binary sample of them. */
  Samples,
  /** 0 or 1 alone. */
  Binary,
  /** Numbers as they are, few of them 0: by a product. */
  Dense,
}

/** The inputs of a batch. */
// @ts-ignore: decorator
@unmanaged
export class Inputs {
  kind: InputKind;
  values: usize; // (B, P padded) f32
  bytes: usize; // (B, P padded) u8: `values` are these divided by `divisor`; 0 if they are there
  divisor: f32;
  stream: i32; // of the numbers that sample them
  targets: usize; // (B) i32: labels
}

/** Takes in the inputs of a worker's columns: as `data`, and in the lists by unit of `s`. */
export function readInputs(
  r: RbmContext,
  inputs: Inputs,
  data: States,
  s: Statistics,
  worker: i32,
): void {
  const visible = visibleUnits(r), pixels = r.pixels, workers = r.barrier.workers;
  const from = firstColumn(visible, worker, workers);
  const until = firstColumn(visible, worker + 1, workers), to = min(until, padded(pixels));
  const dense = inputs.kind == InputKind.Dense;
  if (inputs.bytes) divideBytes(r, inputs, data.rows, from, to);
  for (let i = from; i < until; i++) {
    const isLabel = i >= pixels && i < pixels + r.labels; // see readTargets
    if (dense || !isLabel) clear(unitList(r, s, i));
  }
  if (dense) placeDense(r, inputs, data, from, until);
  else listInputs(r, inputs, data, s, worker, from, to);
}

/** Lists the inputs of columns `from` … `to`, by batch row and by pixel. */
function listInputs(
  r: RbmContext,
  inputs: Inputs,
  data: States,
  s: Statistics,
  worker: i32,
  from: i32,
  to: i32,
): void {
  const rows = data.rows, pixels = r.pixels, pad = padded(pixels), form = data.form;
  const uniforms = uniformsOf(r, worker), zero = f32x4.splat(0), values = inputs.values;
  const sampled = inputs.kind == InputKind.Samples, separate = s.pairing == Pairing.Separate;
  const entries = s.form, stream = inputs.stream, bits = data.bits, step = r.step;
  const lists = pixelList(r, data.lists, worker * r.maxRows);
  for (let row = 0; row < rows; row++) {
    const list = pixelList(r, lists, row), activity = activityAt(r, Area.Data, row);
    let end = list + HEAD_BYTES;
    for (let unit = from; unit < to; unit += PANEL) {
      const input = values + ((row * pad + unit) << 2);
      let word: u32 = 0;
      for (let part = 0; part < PANEL; part += 4) {
        word |= i32x4.bitmask(f32x4.ne(v128.load(input + (part << 2)), zero)) << part;
      }
      if (sampled && word) {
        fillPanel(uniforms, r, unit, stream, step, row);
        word = below32(uniforms, input);
      }
      if (pixels - unit < PANEL) word &= (1 << (pixels - unit)) - 1;
      store<u32>(bitsOf(r, bits, unit, row), word);
      while (word) {
        const lane = ctz(word);
        const value = form == Form.Ones ? <f32> 1 : load<f32>(input + (lane << 2));
        end = pushAt(end, (unit + lane) * ROW_BYTES, value, form);
        if (separate) push(unitList(r, s, unit + lane), activity, value, entries);
        word &= word - 1;
      }
    }
    store<u32>(list, <u32> end);
  }
}

/** values ← bytes / divisor, for columns `from` … `to`. */
function divideBytes(r: RbmContext, inputs: Inputs, rows: i32, from: i32, to: i32): void {
  const pad = padded(r.pixels), divisor = f32x4.splat(inputs.divisor);
  const values = inputs.values, all = inputs.bytes;
  for (let row = 0; row < rows; row++) {
    for (let unit = from; unit < to; unit += 16) {
      const at = row * pad + unit, out = values + (at << 2);
      const bytes = v128.load(all + at);
      const low = i16x8.extend_low_i8x16_u(bytes), high = i16x8.extend_high_i8x16_u(bytes);
      divide4(out, i32x4.extend_low_i16x8_u(low), divisor);
      divide4(out + 16, i32x4.extend_high_i16x8_u(low), divisor);
      divide4(out + 32, i32x4.extend_low_i16x8_u(high), divisor);
      divide4(out + 48, i32x4.extend_high_i16x8_u(high), divisor);
    }
  }
}

// @inline
function divide4(out: usize, integers: v128, divisor: v128): void {
  v128.store(out, f32x4.div(f32x4.convert_i32x4_s(integers), divisor));
}

/** Copies the inputs and labels of columns `from` … `to` into panels. */
function placeDense(r: RbmContext, inputs: Inputs, data: States, from: i32, to: i32): void {
  const pad = padded(r.pixels), all = r.maxRows;
  for (let unit = from; unit < to; unit += PANEL) {
    const panel = panelOf(r, data.panels, unit), pixels = max(min(PANEL, r.pixels - unit), 0);
    for (let row = 0; row < data.rows; row++) {
      const at = panel + row * ROW_BYTES;
      memory.fill(at, 0, ROW_BYTES);
      memory.copy(at, inputs.values + ((row * pad + unit) << 2), pixels << 2);
      if (r.labels == 0) continue;
      const label = r.pixels + load<i32>(inputs.targets + (row << 2)) - unit;
      if (label >= 0 && label < PANEL) store<f32>(at + (label << 2), 1);
    }
    transposePanel(panelOf(r, data.byUnit, unit), panel, all, data.rows);
  }
}

/** Lists the label of each row, unless the inputs are dense, labels among them; one worker does it. */
export function readTargets(r: RbmContext, inputs: Inputs, data: States, s: Statistics): void {
  if (r.labels == 0 || inputs.kind == InputKind.Dense) return;
  for (let y = 0; y < r.labels; y++) clear(unitList(r, s, r.pixels + y));
  for (let row = 0; row < data.rows; row++) {
    const list = labelList(r, data.labels, row);
    const unit = r.pixels + load<i32>(inputs.targets + (row << 2));
    clear(list);
    push(list, unit * ROW_BYTES, 1, Form.Values);
    push(unitList(r, s, unit), activityAt(r, Area.Data, row), 1, s.form);
  }
}
