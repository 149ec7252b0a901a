/**
 * Contrastive divergence, CD-k: the gradient ⟨v·h⟩ over the data − over what k Gibbs steps from the data
 * come to. Hinton (2002), "Training products of experts by minimizing contrastive divergence", eq. 5.
 * @module
 */
import {
  activateHidden,
  activateLabels,
  GibbsSampler,
  hiddenPanel,
  labelActivity,
  listHidden,
  listVisible,
  measurePanel,
  prefetchPanel,
  sampleHidden,
  sampleHiddenUnits,
  sampleLabels,
  sampleVisible,
  sampleVisibleUnits,
  sumHidden,
  visiblePanel,
} from "./conditionals";
import { Inputs, readInputs, readTargets } from "./inputs";
import {
  bitsOf,
  errorOf,
  labelList,
  padded,
  panelOf,
  pixelList,
  RbmContext,
  rowOfLabel,
  visibleUnits,
} from "./memory";
import { listByUnit, listLabelsByUnit } from "./statistics";
import { finishUpdate, startUpdate, Update, updatePanel } from "./update";
import { Form, HEAD_BYTES, pushBitsAt, subtractRows, sumRows } from "../simd/row_lists";
import { addRow, subtractRow } from "../simd/vectors";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { transposePanel } from "../simd/products";
import { claimShare, shareStart, waitForAll } from "../simd/barrier";

/** What ends the chains: what the weights learn from. */
export enum Reconstruction {
  Sample,
  Mean,
}

/** How the hidden units' sums over the reconstruction come about. */
export enum ModelSums {
  /** From all pixels that are on. */
  Whole,
  /** From the sums over the data, by the pixels that have flipped: after one step between samples. */
  ByFlips,
}

/** One mini-batch. */
// @ts-ignore: decorator
@unmanaged
export class CdBatch {
  context: RbmContext;
  inputs: Inputs;
  sampler: GibbsSampler;
  update: Update;
  k: i32;
  reconstruction: Reconstruction;
  modelSums: ModelSums;
  removed: usize; // (R) lists: pixels that went off, where the model's lists are of those that came on
  errors: usize; // (V/32 + 1, R): squared errors of the reconstruction
}

/** A worker's share of a mini-batch. */
export function contrastiveDivergence(b: CdBatch, worker: i32): void {
  const r = b.context, g = b.sampler, u = b.update, data = u.data, model = u.model;
  const labelled = r.labels > 0, step = r.step, flips = b.modelSums == ModelSums.ByFlips;

  // Positive phase: h ~ p(h|v) of the data.
  readInputs(r, b.inputs, data, u.statistics, worker);
  if (worker == 0) readTargets(r, b.inputs, data, u.statistics);
  waitForAll(r.barrier, worker);
  if (flips) sampleDataHidden(r, b, worker);
  else sampleHiddenUnits(r, g, data, data.form, worker, g.hiddenStream);

  // Negative phase: k steps of v, y ~ p(v, y|h) and h ~ p(h|v, y).
  for (let k = 0; k < b.k - 1; k++) {
    const streams = g.stepStreams * k;
    if (k > 0) sampleHiddenUnits(r, g, model, Form.Ones, worker, g.hiddenStream + streams);
    listHidden(r, g, worker, model.rows);
    sampleVisibleUnits(r, g, model, worker, g.visibleStream + streams, step, 1);
    waitForAll(r.barrier, worker);
    if (labelled && worker == 0) {
      activateLabels(r, model);
      sampleLabels(r, model, g.labelStream + streams, step);
    }
    listVisible(r, model, worker);
    waitForAll(r.barrier, worker);
  }
  const streams = g.stepStreams * (b.k - 1);
  if (b.k > 1) sampleHiddenUnits(r, g, model, Form.Ones, worker, g.hiddenStream + streams);
  listHidden(r, g, worker, model.rows);
  reconstruct(b, worker, g.visibleStream + streams);
  waitForAll(r.barrier, worker);
  if (labelled && worker == 0) reconstructLabels(b, g.labelStream + streams);
  if (flips) listFlips(r, b, worker);
  else if (b.reconstruction == Reconstruction.Sample) listVisible(r, model, worker);
  waitForAll(r.barrier, worker);

  // Update, a panel as soon as its hidden units p(h|v) of the model are there.
  startUpdate(r, u, worker);
  const panels = padded(r.hidden) / PANEL;
  for (
    let p = claimShare(r.barrier, worker, -1);
    p < panels;
    p = claimShare(r.barrier, worker, p)
  ) {
    if (flips) hiddenPanelByFlips(r, b, worker, p * PANEL);
    else hiddenPanel(r, model, worker, p * PANEL);
    updatePanel(r, u, worker, p * PANEL);
  }
  finishUpdate(r, u, worker);
  waitForAll(r.barrier, worker);
}

/** The last half-step down: p(v|h), its error, and what the update needs of it, by panels claimed. */
function reconstruct(b: CdBatch, worker: i32, stream: i32): void {
  const r = b.context, u = b.update, model = u.model, panels = visibleUnits(r) / PANEL;
  const sampled = b.reconstruction == Reconstruction.Sample;
  for (
    let p = claimShare(r.barrier, worker, -1);
    p < panels;
    p = claimShare(r.barrier, worker, p)
  ) {
    const column = p * PANEL;
    visiblePanel(r, b.sampler, model, worker, column, 1);
    measurePanel(r, model, column, b.inputs.values, b.errors);
    if (sampled) {
      sampleVisible(r, model, worker, column, stream, r.step);
      listByUnit(r, u.statistics, u.data, model, column);
    } else {
      const byUnit = panelOf(r, model.byUnit, column);
      transposePanel(byUnit, panelOf(r, model.panels, column), r.maxRows, model.rows);
    }
  }
}

/** The same of labels; one worker does it. */
function reconstructLabels(b: CdBatch, stream: i32): void {
  const r = b.context, u = b.update, model = u.model;
  activateLabels(r, model);
  for (let row = 0; row < model.rows; row++) {
    const target = load<i32>(b.inputs.targets + (row << 2));
    let error: f32 = 0;
    for (let y = 0; y < r.labels; y++) {
      const p = load<f32>(labelActivity(r, model, row, y)),
        d = p - (target == y ? <f32> 1 : <f32> 0);
      error += d * d;
      if (b.reconstruction == Reconstruction.Sample) continue;
      store<f32>(model.byUnit + (((r.pixels + y) * r.maxRows + row) << 2), p);
    }
    store<f32>(errorOf(r, b.errors, visibleUnits(r), row), error);
  }
  if (b.reconstruction == Reconstruction.Mean) return;
  sampleLabels(r, model, stream, r.step);
  listLabelsByUnit(r, u.statistics, model);
}

/** The positive phase, which leaves its sums where those of the model go on from them. */
function sampleDataHidden(r: RbmContext, b: CdBatch, worker: i32): void {
  const data = b.update.data, sums = b.update.model.hidden, g = b.sampler;
  const panels = padded(r.hidden) / PANEL;
  for (
    let p = claimShare(r.barrier, worker, -1);
    p < panels;
    p = claimShare(r.barrier, worker, p)
  ) {
    sumHidden(r, data, data.form, worker, p * PANEL, sums);
    activateHidden(r, data, worker, p * PANEL, sums, 1);
    sampleHidden(r, g, data, worker, p * PANEL, g.hiddenStream, r.step);
  }
}

/** Lists the pixels that came on, and those that went off, for a worker's share of the rows. */
function listFlips(r: RbmContext, b: CdBatch, worker: i32): void {
  const data = b.update.data, model = b.update.model, workers = r.barrier.workers;
  const units = padded(r.pixels), to = shareStart(model.rows, worker + 1, workers);
  for (let row = shareStart(model.rows, worker, workers); row < to; row++) {
    const added = pixelList(r, model.lists, row), removed = pixelList(r, b.removed, row);
    let addedEnd = added + HEAD_BYTES, removedEnd = removed + HEAD_BYTES;
    for (let unit = 0; unit < units; unit += PANEL) {
      const now = load<u32>(bitsOf(r, model.bits, unit, row));
      const before = load<u32>(bitsOf(r, data.bits, unit, row));
      addedEnd = pushBitsAt(addedEnd, unit, now & ~before);
      removedEnd = pushBitsAt(removedEnd, unit, before & ~now);
    }
    store<u32>(added, <u32> addedEnd);
    store<u32>(removed, <u32> removedEnd);
  }
}

/** p(h=1|v) of a panel: the data's sums + the rows of what came on − of what went off. */
function hiddenPanelByFlips(r: RbmContext, b: CdBatch, worker: i32, column: i32): void {
  const data = b.update.data,
    model = b.update.model,
    labelled = r.labels > 0,
    visible = visibleUnits(r);
  const table = r.weights + column * (visible << 2), panel = panelOf(r, model.hidden, column);
  prefetchPanel(r, worker, table, visible, model.rows);
  for (let row = 0; row < model.rows; row++) {
    const sums = panel + row * ROW_BYTES;
    sumRows(sums, sums, table, pixelList(r, model.lists, row), Form.Ones);
    subtractRows(sums, table, pixelList(r, b.removed, row));
    if (!labelled) continue;
    addRow(sums, rowOfLabel(table, labelList(r, model.labels, row)));
    subtractRow(sums, rowOfLabel(table, labelList(r, data.labels, row)));
  }
  activateHidden(r, model, worker, column, model.hidden, 1);
}
