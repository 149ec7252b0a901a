/**
 * Annealed importance sampling: chains go through inverse temperatures, or along a path from one RBM to
 * another, and sum up their log importance weights. Neal (2001), "Annealed importance sampling";
 * Salakhutdinov, Murray (2008), "On the quantitative analysis of deep belief networks".
 * @module
 */
import {
  activateHidden,
  activateLabels,
  GibbsSampler,
  listHidden,
  listVisible,
  sampleHidden,
  sampleLabels,
  sampleVisibleUnits,
  sumHiddenShare,
} from "./conditionals";
import {
  betaOf,
  firstColumn,
  labelList,
  padded,
  panelOf,
  pixelList,
  RbmContext,
  States,
  visibleUnits,
} from "./memory";
import { entryBytes, Form, HEAD_BYTES, listEnd } from "../simd/row_lists";
import { blend } from "../simd/vectors";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { softplus4 } from "../simd/math";
import { transpose32x32 } from "../simd/products";
import { shareStart, waitForAll } from "../simd/barrier";

/** Sums of log p*(v) of one distribution − of another, both without log Z, and what tells them apart. */
// @ts-ignore: decorator
@unmanaged
export class LogWeights {
  sums: usize; // (workers, R) f64
  visibleBias: usize; // (V padded): b
  otherVisibleBias: usize; // (V padded): b′
  otherHiddenSums: usize; // (H/32, R, 32): c + v·W of the other one; the chains' own if it has those
  otherBetas: usize; // (M): inverse temperatures of the other one, where each row has its own; 0 if not
}

/** A run of Gibbs steps through a schedule. */
// @ts-ignore: decorator
@unmanaged
export class AnnealingRun {
  context: RbmContext;
  sampler: GibbsSampler;
  chains: States;
  logWeights: LogWeights;
  steps: i32;
  schedule: usize; // (steps + 1): inverse temperatures, or shares of the path
}

/** An end of a path: an RBM without labels, laid out as the context's. */
// @ts-ignore: decorator
@unmanaged
export class PathEnd {
  weights: usize;
  visibleBias: usize;
  hiddenBias: usize;
}

/** A run along the line of parameters from one RBM to another. */
// @ts-ignore: decorator
@unmanaged
export class PathRun {
  run: AnnealingRun;
  from: PathEnd;
  to: PathEnd;
}

/** A worker's share of a run through temperatures: log w += log p*_β(v) − log p*_β′(v), then v ~ T_β(v). */
export function annealTemperatures(run: AnnealingRun, worker: i32): void {
  const r = run.context, chains = run.chains, schedule = run.schedule;
  const steps = run.steps; // after the last barrier the caller may write its next call here
  for (let s = 0; s < steps; s++) {
    const before = load<f32>(schedule + (s << 2)), beta = load<f32>(schedule + (s << 2), 4);
    sumHiddenShare(r, chains, worker, chains.hidden);
    addTemperatureRatios(r, run.logWeights, chains, worker, beta, before);
    gibbsStep(run, worker, beta, r.step + s);
  }
}

/**
 * The same along a path, at the shares of it that the schedule names. The context's parameters end as
 * those of the last share.
 */
export function annealPath(path: PathRun, worker: i32): void {
  const run = path.run, r = run.context, chains = run.chains, l = run.logWeights;
  const schedule = run.schedule, steps = run.steps; // as above
  moveAlong(r, path, worker, load<f32>(schedule));
  waitForAll(r.barrier, worker);
  for (let s = 0; s < steps; s++) {
    const before = load<f32>(schedule + (s << 2)), share = load<f32>(schedule + (s << 2), 4);
    sumHiddenShare(r, chains, worker, l.otherHiddenSums);
    moveAlong(r, path, worker, share);
    sumHiddenShare(r, chains, worker, chains.hidden);
    addHiddenRatios(r, l, chains, worker, 1, 1);
    addVisibleRatios(r, l, chains, worker, share, before);
    gibbsStep(run, worker, 1, r.step + s);
  }
}

/** From the hidden units' sums to the next visible states. */
function gibbsStep(run: AnnealingRun, worker: i32, beta: f32, step: i32): void {
  const r = run.context, g = run.sampler, chains = run.chains, workers = r.barrier.workers;
  const pad = padded(r.hidden), to = firstColumn(pad, worker + 1, workers);
  for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
    activateHidden(r, chains, worker, column, chains.hidden, beta);
    sampleHidden(r, g, chains, worker, column, g.hiddenStream, step);
  }
  listHidden(r, g, worker, chains.rows);
  sampleVisibleUnits(r, g, chains, worker, g.visibleStream, step, beta);
  waitForAll(r.barrier, worker);
  if (r.labels > 0 && worker == 0) {
    activateLabels(r, chains);
    sampleLabels(r, chains, g.labelStream, step);
  }
  listVisible(r, chains, worker);
  waitForAll(r.barrier, worker);
}

/** Adds log p*(v) at inverse temperature `beta` − at `other`, or at the rows' own and the others'. */
export function addTemperatureRatios(
  r: RbmContext,
  l: LogWeights,
  chains: States,
  worker: i32,
  beta: f32,
  other: f32,
): void {
  addHiddenRatios(r, l, chains, worker, beta, other);
  addVisibleRatios(r, l, chains, worker, beta, other);
}

/** The other inverse temperature of a row. */
// @inline
function otherBetaOf(l: LogWeights, row: i32, other: f32): f32 {
  return l.otherBetas ? load<f32>(l.otherBetas + (row << 2)) : other;
}

/** Σ softplus(β·sum) − softplus(β′·sum′) over a worker's columns. */
function addHiddenRatios(
  r: RbmContext,
  l: LogWeights,
  chains: States,
  worker: i32,
  beta: f32,
  other: f32,
): void {
  const pad = padded(r.hidden), workers = r.barrier.workers;
  const sums = chains.hidden, others = l.otherHiddenSums;
  const from = firstColumn(pad, worker, workers), to = firstColumn(pad, worker + 1, workers);
  for (let row = 0; row < chains.rows; row++) {
    const b = betaOf(chains, row, beta), o = otherBetaOf(l, row, other);
    if (b == o && others == sums) continue;
    const scale = f32x4.splat(b), otherScale = f32x4.splat(o);
    let low = f64x2.splat(0), high = f64x2.splat(0);
    for (let column = from; column < to; column += PANEL) {
      const first = panelOf(r, 0, column) + row * ROW_BYTES;
      for (let at = first; at < first + ROW_BYTES; at += 16) { // padding sums are 0, which adds nothing
        const own = softplus4(f32x4.mul(scale, v128.load(sums + at)));
        const its = softplus4(f32x4.mul(otherScale, v128.load(others + at)));
        const ratio = f32x4.sub(own, its);
        low = f64x2.add(low, f64x2.promote_low_f32x4(ratio));
        high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i64>(ratio, ratio, 1, 1)));
      }
    }
    const sum = f64x2.add(low, high), out = l.sums + ((worker * r.maxRows + row) << 3);
    store<f64>(out, load<f64>(out) + f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
  }
}

/** (β − β′)·Σ (b − b′)·v, for a worker's share of the rows. */
function addVisibleRatios(
  r: RbmContext,
  l: LogWeights,
  chains: States,
  worker: i32,
  beta: f32,
  other: f32,
): void {
  const bias = l.visibleBias, base = l.otherVisibleBias;
  const workers = r.barrier.workers, end = shareStart(chains.rows, worker + 1, workers);
  for (let row = shareStart(chains.rows, worker, workers); row < end; row++) {
    const b = betaOf(chains, row, beta), o = otherBetaOf(l, row, other);
    if (b == o) continue;
    let sum = sumBiases(pixelList(r, chains.lists, row), Form.Ones, bias, base);
    if (r.labels > 0) sum += sumBiases(labelList(r, chains.labels, row), Form.Values, bias, base);
    const out = l.sums + ((worker * r.maxRows + row) << 3);
    store<f64>(out, load<f64>(out) + <f64> (b - o) * sum);
  }
}

/** Σ bias − base over the units that a list has on. */
function sumBiases(list: usize, form: Form, bias: usize, base: usize): f64 {
  let sum: f64 = 0;
  for (let at = list + HEAD_BYTES, end = listEnd(list); at < end; at += entryBytes(form)) {
    const offset = load<u32>(at) / PANEL; // a row of the weights is 32 times as long
    sum += <f64> load<f32>(bias + offset) - <f64> load<f32>(base + offset);
  }
  return sum;
}

/** A worker's share of the parameters ← those at `share` of the path. */
function moveAlong(r: RbmContext, path: PathRun, worker: i32, share: f32): void {
  const visible = visibleUnits(r), pad = padded(r.hidden), workers = r.barrier.workers;
  const from = path.from, end = path.to, to = firstColumn(pad, worker + 1, workers);
  for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
    const at = column * (visible << 2), bias = column << 2;
    blend(r.weights + at, from.weights + at, end.weights + at, share, visible * ROW_BYTES);
    for (let unit = 0; unit < visible; unit += PANEL) {
      const block = r.weights + at + unit * ROW_BYTES;
      transpose32x32(r.transposed + unit * (pad << 2) + column * ROW_BYTES, block);
    }
    blend(r.hiddenBias + bias, from.hiddenBias + bias, end.hiddenBias + bias, share, ROW_BYTES);
  }
  const first = firstColumn(visible, worker, workers) << 2;
  const bytes = (firstColumn(visible, worker + 1, workers) << 2) - first;
  blend(r.visibleBias + first, from.visibleBias + first, end.visibleBias + first, share, bytes);
}
