/**
 * One mini-batch of contrastive divergence (CD-k) or its persistent form (PCD), on all workers.
 * @module
 */
import { addTemperatureGains } from "./annealing";
import {
  activateHidden,
  RbmBatch,
  below32,
  binaryRows,
  bitsOf,
  BOTH_AREA,
  clear,
  DATA_AREA,
  denseModel,
  entryBytes,
  firstColumn,
  flipped,
  HEAD_BYTES,
  hiddenPanel,
  hiddenSums,
  hiddenUnits,
  inArea,
  isLearning,
  labelListBytes,
  listBytes,
  listVisible,
  MODEL_AREA,
  padded,
  paired,
  push,
  rowList,
  sampleLabels,
  scratchBytes,
  sumPanel,
  toLists,
  visibleSample,
  visibleUnits,
  ZEROS,
} from "./batch";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { exp4, sumLanes } from "../simd/math";
import { addProduct4x8, BLOCK_BYTES, transpose32x32, transposePanel } from "../simd/products";
import { fillUniform } from "../simd/random";
import { waitForAll, claimShare } from "../simd/barrier";

/** Stream of the random numbers of a reconstruction that is only measured. */
const MONITOR_STREAM: i32 = 4094;
/** Stream of the random numbers that swap temperatures. */
const SWAP_STREAM: i32 = 4092;
/** Share of the old in the running means of hidden units that a sparsity target looks at. */
const SPARSITY_MEMORY: f32 = 0.9;

/** A worker's share of one batch: positive and negative statistics, then the update. */
export function trainBatch(r: RbmBatch, worker: i32): void {
  const workers = r.barrier.workers, labelled = r.labels > 0, step = r.step;
  readInputs(r, worker, workers);
  if (worker == 0 && labelled && !r.denseInputs) readTargets(r);
  waitForAll(r.barrier, worker);
  const persistent = r.persistent != 0, firstLayer = r.layer + (persistent ? MONITOR_STREAM : 0);
  const sampled = r.monitor || !persistent ? firstLayer : -1;
  hiddenUnits(r, worker, r.data, r.dataLists, r.rows, false, sampled);
  if (r.monitor) {
    toLists(r, worker, workers, r.rows);
    visibleSample(r, worker, r.rows, r.layer, step, true, false, 1, false);
    waitForAll(r.barrier, worker);
  }
  for (let k = 0; k < r.k; k++) {
    const layer = r.layer + 3 * k + (persistent ? 1 : 0), last = k == r.k - 1;
    if (persistent || k > 0) {
      if (k == 0 && r.betas) {
        hiddenSums(r, worker, workers, r.model, r.modelLists, r.modelRows, false);
        swapTemperatures(r, worker, workers);
        activateHidden(r, worker, workers, r.model, r.modelRows, 1, layer, step);
      } else {
        if (k == 0) waitForAll(r.barrier, worker); // panels of the data have been taken
        hiddenUnits(r, worker, r.model, r.modelLists, r.modelRows, false, layer);
      }
    }
    toLists(r, worker, workers, r.modelRows);
    visibleSample(r, worker, r.modelRows, layer, step, !persistent && last, last, 1, true);
    waitForAll(r.barrier, worker);
    if (labelled && worker == 0) sampleLabels(r, layer + 2, step, last);
    listVisible(r, worker, workers, r.modelRows, last && flipped(r));
    waitForAll(r.barrier, worker);
  }
  update(r, worker, workers);
  waitForAll(r.barrier, worker);
}

/**
 * Parallel tempering: rows and their partners swap inverse temperatures with probability
 * min(1, p_β(v′)·p_β′(v) / p_β(v)·p_β′(v′)). Desjardins et al. (2010), "Tempered Markov chain Monte
 * Carlo for training of restricted Boltzmann machines".
 */
function swapTemperatures(r: RbmBatch, worker: i32, workers: i32): void {
  const all = r.maxRows;
  memory.fill(r.gains + ((worker * all) << 3), 0, r.modelRows << 3);
  addTemperatureGains(r, worker, workers, 1, 1);
  waitForAll(r.barrier, worker);
  if (worker == 0) {
    for (let row = 0; row < r.modelRows; row++) {
      const partner = load<i32>(r.partners + (row << 2));
      if (partner < row) continue; // each pair once
      const layer = r.layer + SWAP_STREAM, uniform = r.scratch;
      fillUniform(uniform, 0, 16, layer, r.step, row, r.seedLow, r.seedHigh);
      const gain = <f32> -(gainOf(r, row, workers) + gainOf(r, partner, workers));
      const chance = f32x4.extract_lane(exp4(f32x4.splat(min<f32>(gain, 0))), 0);
      if (load<f32>(uniform) >= chance) continue;
      const own = r.betas + (row << 2), its = r.betas + (partner << 2), beta = load<f32>(own);
      store<f32>(own, load<f32>(its));
      store<f32>(its, beta);
    }
  }
  waitForAll(r.barrier, worker);
}

function gainOf(r: RbmBatch, row: i32, workers: i32): f64 {
  let sum: f64 = 0;
  for (let worker = 0; worker < workers; worker++) {
    sum += load<f64>(r.gains + ((worker * r.maxRows + row) << 3));
  }
  return sum;
}

/** Lists the inputs of a worker's columns, by batch row and by pixel. */
export function readInputs(r: RbmBatch, worker: i32, workers: i32): void {
  const visible = visibleUnits(r), pad = padded(r.pixels), bytes = listBytes(r.pixels);
  const from = firstColumn(visible, worker, workers);
  const all = firstColumn(visible, worker + 1, workers), to = min(all, pad);
  const uniforms = r.scratch + worker * scratchBytes(r);
  if (r.bytes) divideBytes(r, from, to);
  for (let i = from; i < all; i++) {
    const isLabel = i >= r.pixels && i < r.pixels + r.labels; // see readTargets
    if (r.denseInputs || !isLabel) clear(rowList(r, i));
  }
  if (r.denseInputs) return placeDense(r, from, all);
  const pair = paired(r), binary = r.sampleInputs != 0, zero = f32x4.splat(0);
  const rowsBinary = binaryRows(r);
  for (let row = 0; row < r.rows; row++) {
    const list = r.dataLists + (worker * r.maxRows + row) * bytes;
    let end = list + HEAD_BYTES;
    for (let unit = from; unit < to; unit += PANEL) {
      const input = r.inputs + ((row * pad + unit) << 2);
      let word: u32 = 0;
      for (let part = 0; part < PANEL; part += 4) {
        word |= i32x4.bitmask(f32x4.ne(v128.load(input + (part << 2)), zero)) << part;
      }
      if (r.sampleInputs == 1 && word) {
        fillUniform(uniforms, unit, unit + PANEL, r.inputLayer, r.step, row, r.seedLow, r.seedHigh);
        word = below32(uniforms, input);
      }
      if (r.pixels - unit < PANEL) word &= (1 << (r.pixels - unit)) - 1;
      store<u32>(bitsOf(r, r.dataBits, unit, row), word);
      while (word) {
        const lane = ctz(word);
        const value = binary ? <f32> 1 : load<f32>(input + (lane << 2));
        store<u32>(end, (unit + lane) * ROW_BYTES);
        if (!binary) store<f32>(end, value, 4);
        end += entryBytes(binary);
        if (!pair) push(rowList(r, unit + lane), inArea(r, DATA_AREA, row), value, rowsBinary);
        word &= word - 1;
      }
    }
    store<u32>(list, <u32> end);
  }
}

/** inputs ← bytes / divisor, for columns `from` … `to`. */
function divideBytes(r: RbmBatch, from: i32, to: i32): void {
  const pad = padded(r.pixels), divisor = f32x4.splat(r.divisor);
  for (let row = 0; row < r.rows; row++) {
    for (let unit = from; unit < to; unit += 16) {
      const at = row * pad + unit, out = r.inputs + (at << 2);
      const bytes = v128.load(r.bytes + at);
      const low = i16x8.extend_low_i8x16_u(bytes), high = i16x8.extend_high_i8x16_u(bytes);
      divide4(out, i32x4.extend_low_i16x8_u(low), divisor);
      divide4(out + 16, i32x4.extend_high_i16x8_u(low), divisor);
      divide4(out + 32, i32x4.extend_low_i16x8_u(high), divisor);
      divide4(out + 48, i32x4.extend_high_i16x8_u(high), divisor);
    }
  }
}

// @ts-ignore: decorator
@inline
function divide4(out: usize, integers: v128, divisor: v128): void {
  v128.store(out, f32x4.div(f32x4.convert_i32x4_s(integers), divisor));
}

/** Copies the inputs and labels of columns `from` … `to` into panels. */
function placeDense(r: RbmBatch, from: i32, to: i32): void {
  const pad = padded(r.pixels), all = r.maxRows;
  for (let unit = from; unit < to; unit += PANEL) {
    const panel = r.dense + (unit * all << 2), pixels = max(min(PANEL, r.pixels - unit), 0);
    for (let row = 0; row < r.rows; row++) {
      const at = panel + row * ROW_BYTES;
      memory.fill(at, 0, ROW_BYTES);
      memory.copy(at, r.inputs + ((row * pad + unit) << 2), pixels << 2);
      if (r.labels == 0) continue;
      const label = r.pixels + load<i32>(r.targets + (row << 2)) - unit;
      if (label >= 0 && label < PANEL) store<f32>(at + (label << 2), 1);
    }
    transposePanel(r.denseByUnit + (unit * all << 2), panel, all, r.rows);
  }
}

/** Lists the label unit of each row; worker 0 does it for all. */
function readTargets(r: RbmBatch): void {
  const bytes = labelListBytes(r);
  for (let y = 0; y < r.labels; y++) clear(rowList(r, r.pixels + y));
  for (let row = 0; row < r.rows; row++) {
    const list = r.dataLabels + row * bytes;
    const unit = r.pixels + load<i32>(r.targets + (row << 2));
    clear(list);
    push(list, unit * ROW_BYTES, 1, false);
    push(rowList(r, unit), inArea(r, DATA_AREA, row), 1, binaryRows(r));
  }
}

/**
 * The model's hidden units, then velocity ← momentum·velocity + rate·(⟨vh⟩data − ⟨vh⟩model − penalties) and
 * w ← w + velocity, a panel at a time while its weights are in cache; biases alike.
 */
function update(r: RbmBatch, worker: i32, workers: i32): void {
  const visible = visibleUnits(r), panels = padded(r.hidden) / PANEL;
  const rate: f32 = r.learningRate / <f32> r.rows;
  const modelShare: f32 = <f32> r.rows / <f32> r.learningRows;
  const centred = r.centring > 0, sparse = r.sparsityCost > 0;
  const first = firstColumn(visible, worker, workers);
  const until = firstColumn(visible, worker + 1, workers);
  for (let i = first; i < until; i++) {
    store<f32>(r.visibleSums + (i << 2), sumOfUnit(r, i, modelShare));
    if (centred || sparse) measureVisible(r, i);
  }
  if (centred || sparse) waitForAll(r.barrier, worker); // every column needs every unit's
  for (let p = claimShare(r.barrier, worker, -1); p < panels; p = claimShare(r.barrier, worker, p)) {
    hiddenPanel(r, worker, p * PANEL, r.model, r.modelLists, r.modelRows, true, -1);
    updatePanel(r, worker, p * PANEL, rate, modelShare);
  }
  if (centred) waitForAll(r.barrier, worker); // the partial sums of all columns
  for (let i = first; i < until; i++) {
    let sum = load<f32>(r.visibleSums + (i << 2));
    if (centred) {
      for (let panel = 0; panel < panels; panel++) {
        sum -= load<f32>(r.partials + ((panel * visible + i) << 2));
      }
    }
    const bias = r.visibleBias + (i << 2), velocity = r.visibleVelocity + (i << 2);
    const next = r.momentum * load<f32>(velocity) + rate * sum;
    store<f32>(velocity, next);
    store<f32>(bias, load<f32>(bias) + next);
  }
}

/** The update of a panel's weights and hidden biases. */
function updatePanel(r: RbmBatch, worker: i32, column: i32, rate: f32, modelShare: f32): void {
  const visible = visibleUnits(r), pad = padded(r.hidden), all = r.maxRows;
  const block = r.scratch + worker * scratchBytes(r) + (max(pad, visible) << 2);
  const bias = block + BLOCK_BYTES, correction = bias + ROW_BYTES, sparsity = correction + ROW_BYTES;
  const signed = r.signed + worker * 3 * all * ROW_BYTES;
  const listless = r.denseInputs && denseModel(r), binary = binaryRows(r);
  const centred = r.centring > 0, sparse = r.sparsityCost > 0;
  sign(r, signed, column, modelShare);
  hiddenGradient(r, signed, column, bias);
  memory.fill(correction, 0, ROW_BYTES);
  if (sparse) sparsityGradient(r, signed, column, sparsity);
  if (centred) moveHiddenOffsets(r, signed, column);
  for (let row = 0; row < visible; row += PANEL) {
    if (listless) memory.fill(block, 0, BLOCK_BYTES);
    else {
      for (let i = 0; i < PANEL; i++) {
        sumPanel(block + i * ROW_BYTES, ZEROS, signed, rowList(r, row + i), 0, 1, binary);
      }
    }
    const panel = row * all << 2;
    if (r.denseInputs) addStatistics(block, r.dense + panel, signed, r.rows);
    if (denseModel(r)) {
      addStatistics(block, r.visible + panel, signed + inArea(r, MODEL_AREA, 0), r.rows);
    }
    for (let i = 0; i < PANEL; i++) {
      const gradient = block + i * ROW_BYTES, unit = (row + i) << 2;
      if (centred) centre(r, gradient, bias, correction, column, row + i);
      if (sparse) addScaled(gradient, sparsity, -load<f32>(r.visibleMeans + unit));
      step32(r, column * (visible << 2) + (row + i) * ROW_BYTES, gradient, rate);
    }
    const out = r.transposed + row * (pad << 2) + column * ROW_BYTES;
    transpose32x32(out, r.chainWeights + column * (visible << 2) + row * ROW_BYTES);
  }
  if (sparse) addScaled(bias, sparsity, -1);
  addScaled(bias, correction, -1);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const own = r.hiddenBias + (column << 2) + at, velocity = r.hiddenVelocity + (column << 2) + at;
    const next = f32x4.add(
      f32x4.mul(f32x4.splat(r.momentum), v128.load(velocity)),
      f32x4.mul(v128.load(bias + at), f32x4.splat(rate)),
    );
    v128.store(velocity, next);
    v128.store(own, f32x4.add(v128.load(own), next));
  }
}

/** The mean of a visible unit over the batch's data, and its offset. */
function measureVisible(r: RbmBatch, unit: i32): void {
  const list = rowList(r, unit), area = <u32> (r.maxRows * ROW_BYTES), binary = binaryRows(r);
  let sum: f32 = 0;
  if (r.denseInputs) sum = sumOfRow(r.denseByUnit + (unit * r.maxRows << 2), r.rows);
  else {
    for (let at = list + HEAD_BYTES, end = <usize> load<u32>(list); at < end; at += entryBytes(binary)) {
      const offset = load<u32>(at);
      if (offset < area || offset >= 2 * area) sum += binary ? <f32> 1 : load<f32>(at, 4);
    }
  }
  const mean: f32 = sum / <f32> r.rows, offset = r.visibleOffsets + (unit << 2);
  store<f32>(r.visibleMeans + (unit << 2), mean);
  store<f32>(offset, load<f32>(offset) + r.centring * (mean - load<f32>(offset)));
}

/** Σ of 32 hidden units over the data − over the model. */
function hiddenGradient(r: RbmBatch, signed: usize, column: i32, out: usize): void {
  for (let at = 0; at < ROW_BYTES; at += 16) {
    let sum = f32x4.splat(0);
    for (let row = 0; row < r.rows; row++) {
      sum = f32x4.add(sum, v128.load(signed + inArea(r, DATA_AREA, row) + at));
    }
    for (let row = 0; row < r.modelRows; row++) {
      sum = f32x4.add(sum, v128.load(signed + inArea(r, MODEL_AREA, row) + at));
    }
    v128.store(out + at, sum);
  }
}

/** Means of 32 hidden units over the data. */
function hiddenMean(r: RbmBatch, signed: usize, at: i32): v128 {
  let sum = f32x4.splat(0);
  for (let row = 0; row < r.rows; row++) {
    sum = f32x4.add(sum, v128.load(signed + inArea(r, DATA_AREA, row) + at));
  }
  return f32x4.div(sum, f32x4.splat(<f32> r.rows));
}

/**
 * cost·(q − target) times the batch's size for 32 hidden units, q their running mean in the cases that
 * dropout leaves them in; Hinton (2012), §11. Its product with a visible unit's mean is what the weights lose.
 */
function sparsityGradient(r: RbmBatch, signed: usize, column: i32, out: usize): void {
  const keep = f32x4.splat(SPARSITY_MEMORY), rest = f32x4.splat(1 - SPARSITY_MEMORY);
  const cost = f32x4.splat(r.sparsityCost * <f32> r.rows), target = f32x4.splat(r.sparsityTarget);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const means = r.sparsityMeans + (column << 2) + at;
    const q = f32x4.add(
      f32x4.mul(keep, v128.load(means)),
      f32x4.mul(rest, f32x4.div(hiddenMean(r, signed, at), f32x4.splat(r.hiddenKeep))),
    );
    v128.store(means, q);
    const mask = v128.load(r.hiddenMask + (column << 2) + at);
    v128.store(out + at, f32x4.mul(mask, f32x4.mul(cost, f32x4.sub(q, target))));
  }
}

function moveHiddenOffsets(r: RbmBatch, signed: usize, column: i32): void {
  const speed = f32x4.splat(r.centring);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const offset = r.hiddenOffsets + (column << 2) + at, old = v128.load(offset);
    const step = f32x4.mul(speed, f32x4.sub(hiddenMean(r, signed, at), old));
    v128.store(offset, f32x4.add(old, step));
  }
}

/**
 * Turns the gradient of a visible unit's 32 weights into the centred one, ⟨(v − μ)(h − λ)⟩, and sums up
 * what it takes from the biases. Melchior, Fischer, Wiskott (2016), "How to center deep Boltzmann
 * machines", §3.
 */
function centre(
  r: RbmBatch,
  gradient: usize,
  hiddenSums: usize,
  correction: usize,
  column: i32,
  unit: i32,
): void {
  const sum = f32x4.splat(load<f32>(r.visibleSums + (unit << 2)));
  const mu = f32x4.splat(load<f32>(r.visibleOffsets + (unit << 2)));
  let total = f32x4.splat(0);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const lambda = v128.load(r.hiddenOffsets + (column << 2) + at);
    let g = f32x4.sub(v128.load(gradient + at), f32x4.mul(sum, lambda));
    g = f32x4.sub(g, f32x4.mul(mu, v128.load(hiddenSums + at)));
    v128.store(gradient + at, g);
    total = f32x4.add(total, f32x4.mul(g, lambda));
    v128.store(correction + at, f32x4.add(v128.load(correction + at), f32x4.mul(g, mu)));
  }
  store<f32>(r.partials + ((column / PANEL * visibleUnits(r) + unit) << 2), sumLanes(total));
}

/** 32 numbers += scale · 32 others. */
export function addScaled(to: usize, from: usize, scale: f32): void {
  const s = f32x4.splat(scale);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.mul(s, v128.load(from + at))));
  }
}

/** block (32, 32) += vᵀ·h, both panels of the batch's rows. */
export function addStatistics(block: usize, visible: usize, hidden: usize, rows: i32): void {
  for (let i = 0; i < PANEL; i += 4) {
    for (let part = 0; part < ROW_BYTES; part += 32) {
      const to = block + i * ROW_BYTES + part;
      addProduct4x8(to, visible + (i << 2), ROW_BYTES, hidden + part, rows);
    }
  }
}

/** Writes the three areas of a panel: the model's activities count once for each row of data. */
function sign(r: RbmBatch, signed: usize, column: i32, modelShare: f32): void {
  const data = r.data + (column * r.maxRows << 2), model = r.model + (column * r.maxRows << 2);
  const minus = f32x4.splat(-modelShare), area = r.maxRows * ROW_BYTES;
  for (let at = 0; at < r.rows * ROW_BYTES; at += 16) {
    v128.store(signed + at, v128.load(data + at));
  }
  for (let row = 0; row < r.modelRows; row++) {
    const scale = isLearning(r, row) ? minus : f32x4.splat(0), from = row * ROW_BYTES;
    for (let at = from; at < from + ROW_BYTES; at += 16) {
      v128.store(signed + area + at, f32x4.mul(scale, v128.load(model + at)));
    }
  }
  if (!paired(r)) return;
  for (let at = 0; at < r.rows * ROW_BYTES; at += 16) {
    v128.store(
      signed + BOTH_AREA * area + at,
      f32x4.add(v128.load(signed + at), v128.load(signed + area + at)),
    );
  }
}

/** Σ of a visible unit's states in the data − in the model. */
function sumOfUnit(r: RbmBatch, unit: i32, modelShare: f32): f32 {
  const list = rowList(r, unit), area = <u32> (r.maxRows * ROW_BYTES), binary = binaryRows(r);
  let sum: f32 = 0;
  if (r.denseInputs) sum += sumOfRow(r.denseByUnit + (unit * r.maxRows << 2), r.rows);
  if (denseModel(r)) sum -= sumOfRow(r.visibleByUnit + (unit * r.maxRows << 2), r.rows);
  if (r.denseInputs && denseModel(r)) return sum;
  for (let at = list + HEAD_BYTES, end = <usize> load<u32>(list); at < end; at += entryBytes(binary)) {
    const offset = load<u32>(at), value = binary ? <f32> 1 : load<f32>(at, 4);
    if (offset < area) sum += value;
    else if (offset < 2 * area) sum -= modelShare * value;
  }
  return sum;
}

function sumOfRow(row: usize, count: i32): f32 {
  let sum: f32 = 0;
  for (let end = row + (count << 2); row < end; row += 4) sum += load<f32>(row);
  return sum;
}

/** The momentum update of 32 weights; `rate` is that of a gradient summed over the batch. */
export function step32(r: RbmBatch, at: i32, gradient: usize, rate: f32): void {
  const momentum = f32x4.splat(r.momentum), decay = f32x4.splat(r.learningRate * r.weightCost);
  const scale = f32x4.splat(rate), weights = r.weights + at, velocity = r.velocity + at;
  if (r.l1 == 0 && r.fastWeights == 0) {
    for (let i = 0; i < ROW_BYTES; i += 16) {
      const w = v128.load(weights + i), scaled = f32x4.mul(scale, v128.load(gradient + i));
      const g = f32x4.sub(scaled, f32x4.mul(decay, w));
      const next = f32x4.add(f32x4.mul(momentum, v128.load(velocity + i)), g);
      v128.store(velocity + i, next);
      v128.store(weights + i, f32x4.add(w, next));
    }
    return;
  }
  const l1 = f32x4.splat(r.learningRate * r.l1), zero = f32x4.splat(0);
  for (let i = 0; i < ROW_BYTES; i += 16) {
    const w = v128.load(weights + i), scaled = f32x4.mul(scale, v128.load(gradient + i));
    const up = v128.and(f32x4.gt(w, zero), l1), down = v128.and(f32x4.lt(w, zero), l1);
    const penalty = f32x4.add(f32x4.mul(decay, w), f32x4.sub(up, down));
    const own = f32x4.mul(momentum, v128.load(velocity + i));
    const next = f32x4.add(own, f32x4.sub(scaled, penalty)), moved = f32x4.add(w, next);
    v128.store(velocity + i, next);
    v128.store(weights + i, moved);
    if (r.fastWeights == 0) continue;
    // Fast weights: Tieleman, Hinton (2009), "Using fast weights to improve PCD".
    const fast = r.fastWeights + at + i, fastRate = f32x4.splat(r.fastRate / <f32> r.rows);
    const kept = f32x4.mul(f32x4.splat(r.fastDecay), v128.load(fast));
    const changed = f32x4.add(kept, f32x4.mul(fastRate, v128.load(gradient + i)));
    v128.store(fast, changed);
    v128.store(r.chainWeights + at + i, f32x4.add(moved, changed));
  }
}
