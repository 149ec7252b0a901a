/**
 * Persistent contrastive divergence, PCD: the model's half comes from chains that go on from batch to
 * batch. Tieleman (2008), "Training restricted Boltzmann machines using approximations to the likelihood
 * gradient". With fast weights see ./fast_weights.ts, at several temperatures ./tempering.ts.
 * @module
 */
import {
  activateHidden,
  activateLabels,
  GibbsSampler,
  hiddenPanel,
  listHidden,
  listVisible,
  measurePanel,
  sampleHidden,
  sampleHiddenUnits,
  sampleLabels,
  sampleVisible,
  sumHiddenShare,
  visiblePanel,
} from "./conditionals";
import { Inputs, readInputs, readTargets } from "./inputs";
import { firstColumn, padded, RbmContext, States, visibleUnits } from "./memory";
import { listByUnit, listLabelsByUnit } from "./statistics";
import { swapTemperatures, Tempering } from "./tempering";
import { finishUpdate, startUpdate, Update, updatePanel } from "./update";
import { Form } from "../simd/row_lists";
import { PANEL } from "../simd/panel";
import { claimShare, waitForAll } from "../simd/barrier";

/** One mini-batch. */
// @ts-ignore: decorator
@unmanaged
export class PcdBatch {
  context: RbmContext;
  inputs: Inputs;
  sampler: GibbsSampler;
  update: Update;
  tempering: Tempering; // 0 for chains at temperature 1 alone
  k: i32;
  monitor: States; // a reconstruction of the data that is only measured; 0 for none
  monitorStream: i32;
  errors: usize; // (V/32 + 1, R): its squared errors
}

/** A worker's share of a mini-batch. */
export function persistentDivergence(b: PcdBatch, worker: i32): void {
  const r = b.context, g = b.sampler, u = b.update, data = u.data, chains = u.model;
  const labelled = r.labels > 0, step = r.step, panels = padded(r.hidden) / PANEL;

  // Positive phase: p(h|v) of the data.
  readInputs(r, b.inputs, data, u.statistics, worker);
  if (worker == 0) readTargets(r, b.inputs, data, u.statistics);
  waitForAll(r.barrier, worker);
  if (changetype<usize>(b.monitor)) measureReconstruction(b, worker);
  else {
    for (
      let p = claimShare(r.barrier, worker, -1);
      p < panels;
      p = claimShare(r.barrier, worker, p)
    ) {
      hiddenPanel(r, data, worker, p * PANEL);
    }
  }

  // Negative phase: k steps of the chains.
  for (let k = 0; k < b.k; k++) {
    const streams = g.stepStreams * k, last = k == b.k - 1;
    if (k == 0 && changetype<usize>(b.tempering)) {
      sumHiddenShare(r, chains, worker, chains.hidden);
      swapTemperatures(r, b.tempering, chains, worker);
      sampleHiddenShare(r, g, chains, worker);
    } else {
      if (k == 0) waitForAll(r.barrier, worker); // panels of the data have been claimed
      sampleHiddenUnits(r, g, chains, Form.Ones, worker, g.hiddenStream + streams);
    }
    listHidden(r, g, worker, chains.rows);
    const visiblePanels = visibleUnits(r) / PANEL;
    for (
      let p = claimShare(r.barrier, worker, -1);
      p < visiblePanels;
      p = claimShare(r.barrier, worker, p)
    ) {
      visiblePanel(r, g, chains, worker, p * PANEL, 1);
      sampleVisible(r, chains, worker, p * PANEL, g.visibleStream + streams, step);
      if (last) listByUnit(r, u.statistics, data, chains, p * PANEL);
    }
    waitForAll(r.barrier, worker);
    if (labelled && worker == 0) {
      activateLabels(r, chains);
      sampleLabels(r, chains, g.labelStream + streams, step);
      if (last) listLabelsByUnit(r, u.statistics, chains);
    }
    listVisible(r, chains, worker);
    waitForAll(r.barrier, worker);
  }

  // Update, a panel as soon as its hidden units p(h|v) of the chains are there.
  startUpdate(r, u, worker);
  for (
    let p = claimShare(r.barrier, worker, -1);
    p < panels;
    p = claimShare(r.barrier, worker, p)
  ) {
    hiddenPanel(r, chains, worker, p * PANEL);
    updatePanel(r, u, worker, p * PANEL);
  }
  finishUpdate(r, u, worker);
  waitForAll(r.barrier, worker);
}

/** The positive phase, with a sample of the hidden units and the error of what they reconstruct. */
function measureReconstruction(b: PcdBatch, worker: i32): void {
  const r = b.context, g = b.sampler, data = b.update.data, panels = visibleUnits(r) / PANEL;
  sampleHiddenUnits(r, g, data, data.form, worker, b.monitorStream);
  listHidden(r, g, worker, data.rows);
  for (
    let p = claimShare(r.barrier, worker, -1);
    p < panels;
    p = claimShare(r.barrier, worker, p)
  ) {
    visiblePanel(r, g, b.monitor, worker, p * PANEL, 1);
    measurePanel(r, b.monitor, p * PANEL, b.inputs.values, b.errors);
  }
  waitForAll(r.barrier, worker);
}

/** h ~ p(h|v) of a worker's own columns, once each row's temperature is known. */
function sampleHiddenShare(r: RbmContext, g: GibbsSampler, chains: States, worker: i32): void {
  const pad = padded(r.hidden),
    workers = r.barrier.workers,
    to = firstColumn(pad, worker + 1, workers);
  for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
    activateHidden(r, chains, worker, column, chains.hidden, 1);
    sampleHidden(r, g, chains, worker, column, g.hiddenStream, r.step);
  }
}
