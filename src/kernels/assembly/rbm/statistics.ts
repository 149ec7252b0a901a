/**
 * The statistics of a batch: ⟨v·h⟩ over the data − over the model, and the same of single units.
 *
 * A visible unit has a list of the rows that it is on in. An entry is an offset into the hidden
 * activities of a panel, which lie there three times: of the data, of the model with a minus, and the sum
 * of both for rows that have the unit on in the data and in the model. So ⟨v·h⟩ of a unit is one sum.
 * @module
 */
import { bitsOf, isLearning, labelList, panelOf, RbmContext, States } from "./memory";
import { entryBytes, Form, HEAD_BYTES, listBytes, listEnd, push, sumRows } from "../simd/row_lists";
import { sumFloats, ZEROS } from "../simd/vectors";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { addProduct4x8, BLOCK_BYTES } from "../simd/products";

/** Areas of a panel's activities, each (R, 32). */
export enum Area {
  Data,
  Model,
  Both,
}

/** How rows of the data and of the model are listed. */
export enum Pairing {
  /** Each for itself. */
  Separate,
  /** Row by row: those with a unit on in both are listed once. */
  Paired,
}

/** Lists by unit, and what a batch sums up. */
// @ts-ignore: decorator
@unmanaged
export class Statistics {
  form: Form; // of the lists by unit
  pairing: Pairing;
  unitLists: usize; // (V padded) lists
  signed: usize; // (workers, 3, R, 32): the areas
  visibleSums: usize; // (V padded): over the data − over the model
  visibleMeans: usize; // (V padded): over the data
}

/** The list of a visible unit. */
// @inline
export function unitList(r: RbmContext, s: Statistics, unit: i32): usize {
  return s.unitLists + unit * listBytes(2 * r.maxRows);
}

/** Offset of a row's activities in an area. */
// @inline
export function activityAt(r: RbmContext, area: Area, row: i32): i32 {
  return (area * r.maxRows + row) * ROW_BYTES;
}

/** Lists the model's samples of a panel of pixels by unit; with those of the data if they are paired. */
export function listByUnit(
  r: RbmContext,
  s: Statistics,
  data: States,
  model: States,
  column: i32,
): void {
  const paired = s.pairing == Pairing.Paired, rows = model.rows;
  for (let row = 0; row < rows && column < r.pixels; row++) {
    if (!isLearning(model, row)) continue;
    const word = load<u32>(bitsOf(r, model.bits, column, row));
    const input = paired ? load<u32>(bitsOf(r, data.bits, column, row)) : 0;
    pushUnits(r, s, column, word & input, activityAt(r, Area.Both, row));
    pushUnits(r, s, column, input & ~word, activityAt(r, Area.Data, row));
    pushUnits(r, s, column, word & ~input, activityAt(r, Area.Model, row));
  }
}

/** Adds a row to the lists of a word's units. */
// @inline
function pushUnits(r: RbmContext, s: Statistics, unit: i32, word: u32, activity: i32): void {
  while (word) {
    push(unitList(r, s, unit + ctz(word)), activity, 1, s.form);
    word &= word - 1;
  }
}

/** Lists the model's labels by unit; one worker does it. */
export function listLabelsByUnit(r: RbmContext, s: Statistics, model: States): void {
  for (let row = 0; row < model.rows; row++) {
    if (!isLearning(model, row)) continue;
    const unit = load<u32>(labelList(r, model.labels, row), HEAD_BYTES) / ROW_BYTES;
    push(unitList(r, s, unit), activityAt(r, Area.Model, row), 1, s.form);
  }
}

/** How much a row of the model counts, so that all count as much as those of the data. */
// @inline
export function modelShare(data: States, model: States): f32 {
  return <f32> data.rows / <f32> model.learningRows;
}

/** Writes the areas of a panel. */
export function placeAreas(
  r: RbmContext,
  s: Statistics,
  data: States,
  model: States,
  worker: i32,
  column: i32,
): void {
  const signed = areasOf(r, s, worker), area = r.maxRows * ROW_BYTES, bytes = data.rows * ROW_BYTES;
  const positive = panelOf(r, data.hidden, column), negative = panelOf(r, model.hidden, column);
  const minus = f32x4.splat(-modelShare(data, model)), modelRows = model.rows;
  for (let at = 0; at < bytes; at += 16) v128.store(signed + at, v128.load(positive + at));
  for (let row = 0; row < modelRows; row++) {
    const scale = isLearning(model, row) ? minus : f32x4.splat(0), from = row * ROW_BYTES;
    for (let at = from; at < from + ROW_BYTES; at += 16) {
      v128.store(signed + area + at, f32x4.mul(scale, v128.load(negative + at)));
    }
  }
  if (s.pairing == Pairing.Separate) return;
  const both = signed + Area.Both * area;
  for (let at = 0; at < bytes; at += 16) {
    v128.store(both + at, f32x4.add(v128.load(signed + at), v128.load(signed + area + at)));
  }
}

/** The areas of the panel that a worker is at. */
// @inline
export function areasOf(r: RbmContext, s: Statistics, worker: i32): usize {
  return s.signed + worker * 3 * r.maxRows * ROW_BYTES;
}

/** block (32, 32) ← Σ v·h over the data − over the model, of visible units from `unit` on. */
export function correlate(
  r: RbmContext,
  s: Statistics,
  data: States,
  model: States,
  worker: i32,
  unit: i32,
  block: usize,
): void {
  const signed = areasOf(r, s, worker), form = s.form;
  if (data.form == Form.Dense && model.form == Form.Dense) memory.fill(block, 0, BLOCK_BYTES);
  else {
    for (let i = 0; i < PANEL; i++) {
      sumRows(block + i * ROW_BYTES, ZEROS, signed, unitList(r, s, unit + i), form);
    }
  }
  if (data.form == Form.Dense) addOuter(block, panelOf(r, data.panels, unit), signed, data.rows);
  if (model.form == Form.Dense) {
    const negative = signed + activityAt(r, Area.Model, 0);
    addOuter(block, panelOf(r, model.panels, unit), negative, data.rows);
  }
}

/** block (32, 32) += vᵀ·h, both panels of so many rows. */
export function addOuter(block: usize, visible: usize, hidden: usize, rows: i32): void {
  for (let i = 0; i < PANEL; i += 4) {
    for (let part = 0; part < ROW_BYTES; part += 32) {
      const to = block + i * ROW_BYTES + part;
      addProduct4x8(to, visible + (i << 2), ROW_BYTES, hidden + part, rows);
    }
  }
}

/** Σ of 32 hidden units over the data − over the model. */
export function sumHiddenUnits(
  areas: usize,
  r: RbmContext,
  rows: i32,
  modelRows: i32,
  out: usize,
): void {
  const model = areas + activityAt(r, Area.Model, 0);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    let sum = f32x4.splat(0);
    for (let row = 0; row < rows; row++) {
      sum = f32x4.add(sum, v128.load(areas + row * ROW_BYTES + at));
    }
    for (let row = 0; row < modelRows; row++) {
      sum = f32x4.add(sum, v128.load(model + row * ROW_BYTES + at));
    }
    v128.store(out + at, sum);
  }
}

/** Means of 4 hidden units over the data, `at` bytes into the panel. */
export function hiddenMean(areas: usize, rows: i32, at: i32): v128 {
  let sum = f32x4.splat(0);
  for (let row = 0; row < rows; row++) {
    sum = f32x4.add(sum, v128.load(areas + row * ROW_BYTES + at));
  }
  return f32x4.div(sum, f32x4.splat(<f32> rows));
}

/** Σ of a visible unit over the data − over the model. */
export function sumVisibleUnit(
  r: RbmContext,
  s: Statistics,
  data: States,
  model: States,
  unit: i32,
): f32 {
  const list = unitList(r, s, unit), area = <u32> (r.maxRows * ROW_BYTES), form = s.form;
  const row = unit * r.maxRows << 2, share = modelShare(data, model);
  let sum: f32 = 0;
  if (data.form == Form.Dense) sum += sumFloats(data.byUnit + row, data.rows);
  if (model.form == Form.Dense) sum -= sumFloats(model.byUnit + row, data.rows);
  if (data.form == Form.Dense && model.form == Form.Dense) return sum;
  for (let at = list + HEAD_BYTES, end = listEnd(list); at < end; at += entryBytes(form)) {
    const offset = load<u32>(at), value = form == Form.Ones ? <f32> 1 : load<f32>(at, 4);
    if (offset < area) sum += value;
    else if (offset < 2 * area) sum -= share * value;
  }
  return sum;
}

/** Mean of a visible unit over the data. */
export function visibleMean(r: RbmContext, s: Statistics, data: States, unit: i32): f32 {
  const list = unitList(r, s, unit), area = <u32> (r.maxRows * ROW_BYTES), form = s.form;
  let sum: f32 = 0;
  if (data.form == Form.Dense) sum = sumFloats(data.byUnit + (unit * r.maxRows << 2), data.rows);
  else {
    for (let at = list + HEAD_BYTES, end = listEnd(list); at < end; at += entryBytes(form)) {
      const offset = load<u32>(at);
      const ofData = offset < area || offset >= 2 * area;
      if (ofData) sum += form == Form.Ones ? <f32> 1 : load<f32>(at, 4);
    }
  }
  return sum / <f32> data.rows;
}
