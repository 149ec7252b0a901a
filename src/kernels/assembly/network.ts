/**
 * One mini-batch of a feed-forward network in training: forward, backward, update, on all workers.
 *
 * Activities and weights lie in panels of 32 columns. Every sum runs in order over whole panels of one
 * worker, so the number of workers changes no bit. Products use the fused multiply-add of relaxed
 * SIMD: this module trains and never generates.
 * @module
 */
import { PANEL } from "./dense";
import { exp4, sigmoid4, sumLanes } from "./math";
import { addProduct, addProduct4x8, BLOCK_BYTES, turn32x32, turnPanel } from "./products";
import { fillUniform } from "./random";
import { Barrier, meet, shareStart } from "./team";

// B rows of a batch, R the most that fit (a multiple of 4), I inputs, O outputs of a layer, both
// padded to 32; panels of activities are (R, 32), of weights (I, 32)

const ROW_BYTES: i32 = 128;

// What a batch is for.
const TRAIN: i32 = 0;
const GRADIENTS: i32 = 1; // into the first state of each parameter, in place of an update
const PERTURB: i32 = 2; // moves the inputs up the loss, and changes no parameter

// Activations of hidden layers.
const RELU: i32 = 1;

/** Added to variances, so that a unit that never changes can be normalized. */
const VARIANCE_EPSILON: f32 = 1e-5;
/** Streams of the random numbers of noise begin so far after those of dropout. */
const NOISE_STREAM: i32 = 64;
/** Uniform noise of standard deviation 1 is as wide: √12. */
const UNIFORM_WIDTH: f32 = 3.4641016;

// Optimizers, in the order of ../network.ts.
const SGD: i32 = 0;
const MOMENTUM: i32 = 1;
const NESTEROV: i32 = 2;
const ADAGRAD: i32 = 3;
const RMSPROP: i32 = 4;
const ADADELTA: i32 = 5;

/** Fields of a batch, in the order of the caller's Int32Array: see ../network.ts. */
// @ts-ignore: decorator
@unmanaged
class Batch {
  barrier: Barrier;
  mode: i32;
  rows: i32; // B
  maxRows: i32; // R
  layerCount: i32;
  layers: usize; // of Layer
  inputs: usize; // (B, inputSize) f32
  inputSize: i32;
  targets: usize; // (B) i32: labels
  losses: usize; // (B, 2) f32: largest score − the label's, and Σ e^(score − largest)
  hits: usize; // (B) i32: 1 where the label has the largest score
  outputSize: i32;
  activation: i32;
  seedLow: i32;
  seedHigh: i32;
  step: i32;
  stream: i32; // of the random numbers that drop inputs; the next ones drop hidden units
  inputKeep: f32; // share of inputs that stay
  hiddenKeep: f32;
  optimizer: i32;
  learningRate: f32;
  momentum: f32; // or the decay of a running mean: beta1, rho
  beta2: f32;
  epsilon: f32;
  scale1: f32; // bias corrections of Adam
  scale2: f32;
  l1: f32;
  l2: f32;
  maxNorm: f32; // of the weights into a hidden unit; 0 for no bound
  scratch: usize; // a worker: see scratchBytes
  scratchBytes: i32;
  reach: f32; // of PERTURB: how far an input moves
  euclidean: i32; // of PERTURB: whether `reach` is of a row's Euclidean distance, instead of each input's
  squares: usize; // (I/32, R) f32: of PERTURB, the squared gradients of a panel
  normalized: i32; // whether hidden units are batch-normalized
  running: i32; // whether they take their means and variances from those that run, instead of the batch
  follow: f32; // how fast those that run follow the batch's; 0 leaves them
  noise: f32; // standard deviation of the noise on normalized units
  inputNoise: f32; // and on inputs
}

/** A layer's parameters with two numbers of state each, and its activities. */
// @ts-ignore: decorator
@unmanaged
class Layer {
  inputs: i32; // I
  outputs: i32; // O
  units: i32; // outputs without padding
  weights: usize; // (O/32, I, 32) f32
  first: usize; // as weights
  second: usize; // as weights
  bias: usize; // (O) f32
  biasFirst: usize;
  biasSecond: usize;
  x: usize; // (I/32, R, 32) f32: inputs, after dropout
  xByInput: usize; // (I, R) f32: the same
  out: usize; // (O/32, R, 32) f32: scores, and then their gradients
  outByOutput: usize; // (O, R) f32: the gradients
  // Of normalized units alone:
  gain: usize; // (O) f32
  gainFirst: usize;
  gainSecond: usize;
  mean: usize; // (O) f32, running
  variance: usize; // (O) f32, running
  deviation: usize; // (O) f32: 1 / √(variance + ε), of this batch
  normal: usize; // (O/32, R, 32) f32: normalized sums
  noisy: usize; // the same with noise
}

// @ts-ignore: decorator
@inline
function layerAt(b: Batch, i: i32): Layer {
  return changetype<Layer>(b.layers + <usize> i * offsetof<Layer>());
}

/** A worker's share of one batch. */
export function trainNetwork(b: Batch, worker: i32): void {
  const workers = b.barrier.workers, last = b.layerCount - 1;
  const scratch = b.scratch + worker * b.scratchBytes;
  forward(b, scratch, worker, workers);
  const rowsTo = shareStart(b.rows, worker + 1, workers);
  for (let row = shareStart(b.rows, worker, workers); row < rowsTo; row++) {
    softmaxRow(b, layerAt(b, last), row);
  }
  meet(b.barrier, worker);
  const top = layerAt(b, last), topTo = shareStart(top.outputs / PANEL, worker + 1, workers);
  for (let panel = shareStart(top.outputs / PANEL, worker, workers); panel < topTo; panel++) {
    const at = rowOf(top.outByOutput, b, panel);
    turnPanel(at, panelAt(top.out, b, panel), b.maxRows, b.rows);
  }
  meet(b.barrier, worker);
  for (let i = last; i >= 0; i--) {
    const layer = layerAt(b, i);
    if (i > 0) {
      const panels = layer.inputs / PANEL, to = shareStart(panels, worker + 1, workers);
      for (let panel = shareStart(panels, worker, workers); panel < to; panel++) {
        backwardPanel(b, layer, layerAt(b, i - 1), panel, scratch);
      }
      meet(b.barrier, worker); // weights change after all have read them
    }
    if (b.mode == PERTURB) continue;
    const rowPanels = layer.inputs / PANEL, blocks = rowPanels * (layer.outputs / PANEL);
    const to = shareStart(blocks, worker + 1, workers);
    for (let block = shareStart(blocks, worker, workers); block < to; block++) {
      updateBlock(b, layer, block / rowPanels, block % rowPanels, scratch);
    }
    if (b.normalized && i < last) continue; // its biases have moved already
    const panels = layer.outputs / PANEL, panelsTo = shareStart(panels, worker + 1, workers);
    for (let panel = shareStart(panels, worker, workers); panel < panelsTo; panel++) {
      updateBias(b, layer, panel, scratch);
    }
  }
  if (b.mode == PERTURB) {
    const bottom = layerAt(b, 0), panels = bottom.inputs / PANEL;
    const from = shareStart(panels, worker, workers), to = shareStart(panels, worker + 1, workers);
    for (let panel = from; panel < to; panel++) {
      backPanel(b, bottom, panelAt(bottom.x, b, panel), panel, scratch);
      if (b.euclidean) squarePanel(b, bottom, panel);
    }
    if (b.euclidean) meet(b.barrier, worker); // a row's norm is of all panels
    for (let panel = from; panel < to; panel++) {
      if (b.euclidean) perturbRows(b, bottom, panel);
      else perturbPanel(b, bottom, panel);
    }
  }
  const bounded = b.maxNorm != 0 && b.mode == TRAIN; // after the last meeting b may be of another batch
  meet(b.barrier, worker);
  if (!bounded) return;
  for (let i = 0; i < last; i++) {
    const layer = layerAt(b, i), panels = layer.outputs / PANEL;
    const to = shareStart(panels, worker + 1, workers);
    for (let panel = shareStart(panels, worker, workers); panel < to; panel++) {
      limitNorms(layer, panel, b.maxNorm);
    }
  }
  meet(b.barrier, worker);
}

/** Scores of the batch's rows alone, without dropout, into `out` of the last layer. */
export function runNetwork(b: Batch, worker: i32): void {
  forward(b, b.scratch + worker * b.scratchBytes, worker, b.barrier.workers);
}

function forward(b: Batch, scratch: usize, worker: i32, workers: i32): void {
  const last = b.layerCount - 1;
  placeInputs(b, layerAt(b, 0), scratch, worker, workers);
  meet(b.barrier, worker);
  for (let i = 0; i <= last; i++) {
    const layer = layerAt(b, i), panels = layer.outputs / PANEL;
    const to = shareStart(panels, worker + 1, workers);
    for (let panel = shareStart(panels, worker, workers); panel < to; panel++) {
      const normalized = b.normalized != 0 && i < last;
      forwardPanel(b, layer, panel, normalized);
      if (normalized) normalizePanel(b, layer, i + 1, panel, scratch);
      if (i < last) activatePanel(b, layer, layerAt(b, i + 1), i + 1, panel, scratch);
    }
    meet(b.barrier, worker);
  }
}

// @ts-ignore: decorator
@inline
function panelAt(activities: usize, b: Batch, panel: i32): usize {
  return activities + panel * b.maxRows * ROW_BYTES;
}

/** Where the first of a panel's 32 units begins in activities by unit. */
// @ts-ignore: decorator
@inline
function rowOf(byUnit: usize, b: Batch, panel: i32): usize {
  return byUnit + panel * PANEL * (b.maxRows << 2);
}

/** Copies a worker's columns of the inputs into panels, with some left out. */
function placeInputs(b: Batch, layer: Layer, scratch: usize, worker: i32, workers: i32): void {
  const panels = layer.inputs / PANEL, to = shareStart(panels, worker + 1, workers);
  for (let panel = shareStart(panels, worker, workers); panel < to; panel++) {
    const x = panelAt(layer.x, b, panel), count = min(PANEL, b.inputSize - panel * PANEL);
    for (let row = 0; row < b.rows; row++) {
      const at = x + row * ROW_BYTES;
      if (count < PANEL) memory.fill(at, 0, ROW_BYTES);
      memory.copy(at, inputOf(b, row, panel), count << 2);
      if (b.inputNoise > 0) addNoise(b, at, at, row, panel, 0, b.inputNoise, count, scratch);
      if (b.inputKeep < 1) drop(b, at, row, panel, b.stream, b.inputKeep, scratch);
    }
    turnPanel(rowOf(layer.xByInput, b, panel), x, b.maxRows, b.rows);
  }
}

/** Inverted dropout of 32 units: what stays is scaled by 1 / keep. */
function drop(
  b: Batch,
  at: usize,
  row: i32,
  panel: i32,
  stream: i32,
  keep: f32,
  scratch: usize,
): void {
  const unit = panel * PANEL;
  fillUniform(scratch, unit, unit + PANEL, stream, b.step, row, b.seedLow, b.seedHigh);
  const share = f32x4.splat(keep), scale = f32x4.splat(1 / keep);
  for (let i = 0; i < ROW_BYTES; i += 16) {
    const stays = f32x4.lt(v128.load(scratch + i), share);
    v128.store(at + i, v128.and(stays, f32x4.mul(v128.load(at + i), scale)));
  }
}

/** to ← from + uniform noise of a standard deviation, for the `count` first of 32 units. */
function addNoise(
  b: Batch,
  to: usize,
  from: usize,
  row: i32,
  panel: i32,
  layer: i32,
  deviation: f32,
  count: i32,
  scratch: usize,
): void {
  const unit = panel * PANEL, stream = b.stream + NOISE_STREAM + layer;
  fillUniform(scratch, unit, unit + PANEL, stream, b.step, row, b.seedLow, b.seedHigh);
  const half = f32x4.splat(0.5), width = f32x4.splat(UNIFORM_WIDTH * deviation);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const noise = f32x4.mul(f32x4.sub(v128.load(scratch + at), half), width);
    v128.store(to + at, f32x4.add(v128.load(from + at), noise));
  }
  for (let i = max(count, 0); i < PANEL; i++) store<f32>(to + (i << 2), 0);
}

/** out[panel] ← x·w + bias, or x·w where it is to be normalized. */
function forwardPanel(b: Batch, layer: Layer, panel: i32, normalized: bool): void {
  const out = panelAt(layer.out, b, panel), bias = layer.bias + panel * ROW_BYTES;
  if (normalized) memory.fill(out, 0, b.rows * ROW_BYTES);
  else for (let row = 0; row < b.rows; row++) memory.copy(out + row * ROW_BYTES, bias, ROW_BYTES);
  const w = layer.weights + panel * layer.inputs * ROW_BYTES;
  addProduct(out, layer.xByInput, b.maxRows, w, layer.inputs, b.rows);
}

/**
 * out[panel] ← gain·z + bias with z the sums at mean 0 and variance 1 over the batch, plus noise. Batch
 * normalization: Ioffe, Szegedy (2015).
 */
function normalizePanel(b: Batch, layer: Layer, stream: i32, panel: i32, scratch: usize): void {
  const out = panelAt(layer.out, b, panel), normal = panelAt(layer.normal, b, panel);
  const noisy = panelAt(layer.noisy, b, panel), bytes = b.rows * ROW_BYTES;
  const one = f32x4.splat(1), share = f32x4.splat(1 / <f32> b.rows), follow = f32x4.splat(b.follow);
  const epsilon = f32x4.splat(VARIANCE_EPSILON);
  for (let part = 0; part < ROW_BYTES; part += 16) {
    const at = panel * ROW_BYTES + part;
    let mean = v128.load(layer.mean + at), variance = v128.load(layer.variance + at);
    if (!b.running) {
      const oldMean = mean, oldVariance = variance;
      mean = f32x4.splat(0), variance = f32x4.splat(0);
      for (let i = part; i < bytes; i += ROW_BYTES) mean = f32x4.add(mean, v128.load(out + i));
      mean = f32x4.mul(mean, share);
      for (let i = part; i < bytes; i += ROW_BYTES) {
        const d = f32x4.sub(v128.load(out + i), mean);
        variance = f32x4.add(variance, f32x4.mul(d, d));
      }
      variance = f32x4.mul(variance, share);
      const meanStep = f32x4.mul(follow, f32x4.sub(mean, oldMean));
      const varianceStep = f32x4.mul(follow, f32x4.sub(variance, oldVariance));
      v128.store(layer.mean + at, f32x4.add(oldMean, meanStep));
      v128.store(layer.variance + at, f32x4.add(oldVariance, varianceStep));
    }
    const deviation = f32x4.div(one, f32x4.sqrt(f32x4.add(variance, epsilon)));
    v128.store(layer.deviation + at, deviation);
    for (let i = part; i < bytes; i += ROW_BYTES) {
      v128.store(normal + i, f32x4.mul(f32x4.sub(v128.load(out + i), mean), deviation));
    }
  }
  if (b.noise > 0) {
    const count = layer.units - panel * PANEL;
    for (let row = 0; row < b.rows; row++) {
      const at = row * ROW_BYTES;
      addNoise(b, noisy + at, normal + at, row, panel, stream, b.noise, count, scratch);
    }
  } else memory.copy(noisy, normal, bytes);
  for (let part = 0; part < ROW_BYTES; part += 16) {
    const at = panel * ROW_BYTES + part;
    const gain = v128.load(layer.gain + at), bias = v128.load(layer.bias + at);
    for (let i = part; i < bytes; i += ROW_BYTES) {
      v128.store(out + i, f32x4.add(f32x4.mul(gain, v128.load(noisy + i)), bias));
    }
  }
}

/**
 * From the gradient by gain·z + bias to that by the sums, in place; then the steps of gains and biases.
 */
function unnormalizePanel(b: Batch, layer: Layer, panel: i32, scratch: usize): void {
  const out = panelAt(layer.out, b, panel), normal = panelAt(layer.normal, b, panel);
  const noisy = panelAt(layer.noisy, b, panel), bytes = b.rows * ROW_BYTES;
  const share = f32x4.splat(1 / <f32> b.rows), biases = scratch, gains = scratch + ROW_BYTES;
  for (let part = 0; part < ROW_BYTES; part += 16) {
    const at = panel * ROW_BYTES + part;
    let sum = f32x4.splat(0), alongNormal = f32x4.splat(0), alongNoisy = f32x4.splat(0);
    for (let i = part; i < bytes; i += ROW_BYTES) {
      const d = v128.load(out + i);
      sum = f32x4.add(sum, d);
      alongNormal = f32x4.add(alongNormal, f32x4.mul(d, v128.load(normal + i)));
      alongNoisy = f32x4.add(alongNoisy, f32x4.mul(d, v128.load(noisy + i)));
    }
    v128.store(biases + part, sum);
    v128.store(gains + part, alongNoisy);
    const mean = f32x4.mul(share, sum), slope = f32x4.mul(share, alongNormal);
    const scale = f32x4.mul(v128.load(layer.gain + at), v128.load(layer.deviation + at));
    for (let i = part; i < bytes; i += ROW_BYTES) {
      const line = f32x4.add(mean, f32x4.mul(slope, v128.load(normal + i)));
      v128.store(out + i, f32x4.mul(scale, f32x4.sub(v128.load(out + i), line)));
    }
  }
  if (b.mode == PERTURB) return;
  const at = panel * ROW_BYTES;
  update(b, layer.bias + at, layer.biasFirst + at, layer.biasSecond + at, biases, ROW_BYTES);
  update(b, layer.gain + at, layer.gainFirst + at, layer.gainSecond + at, gains, ROW_BYTES);
}

/** x of the next layer ← f(out) of this panel, padding 0, with some units left out. */
function activatePanel(
  b: Batch,
  layer: Layer,
  next: Layer,
  stream: i32,
  panel: i32,
  scratch: usize,
): void {
  const from = panelAt(layer.out, b, panel), to = panelAt(next.x, b, panel);
  const count = layer.units - panel * PANEL, relu = b.activation == RELU;
  const zero = f32x4.splat(0);
  for (let row = 0; row < b.rows; row++) {
    const at = to + row * ROW_BYTES, sums = from + row * ROW_BYTES;
    for (let i = 0; i < ROW_BYTES; i += 16) {
      const s = v128.load(sums + i);
      v128.store(at + i, relu ? f32x4.pmax(zero, s) : sigmoid4(s));
    }
    for (let i = max(count, 0); i < PANEL; i++) store<f32>(at + (i << 2), 0);
    if (b.hiddenKeep < 1) drop(b, at, row, panel, b.stream + stream, b.hiddenKeep, scratch);
  }
  turnPanel(rowOf(next.xByInput, b, panel), to, b.maxRows, b.rows);
}

// @ts-ignore: decorator
@inline
function score(b: Batch, layer: Layer, row: i32, unit: i32): usize {
  return panelAt(layer.out, b, unit / PANEL) + row * ROW_BYTES + ((unit % PANEL) << 2);
}

/** Cross-entropy of a row in nats; its scores become the gradient (softmax − target) / B. */
function softmaxRow(b: Batch, layer: Layer, row: i32): void {
  const target = load<i32>(b.targets + (row << 2));
  let largest: f32 = -Infinity, best = 0, total: f32 = 0;
  for (let y = 0; y < b.outputSize; y++) {
    const s = load<f32>(score(b, layer, row, y));
    if (s > largest) largest = s, best = y;
  }
  const own = load<f32>(score(b, layer, row, target));
  for (let y = 0; y < b.outputSize; y++) {
    const at = score(b, layer, row, y);
    const e = f32x4.extract_lane(exp4(f32x4.splat(load<f32>(at) - largest)), 0);
    store<f32>(at, e);
    total += e;
  }
  const scale: f32 = 1 / (<f32> b.rows);
  for (let y = 0; y < b.outputSize; y++) {
    const at = score(b, layer, row, y);
    store<f32>(at, (load<f32>(at) / total - (y == target ? 1 : 0)) * scale);
  }
  for (let y = b.outputSize; y < layer.outputs; y++) store<f32>(score(b, layer, row, y), 0);
  // The caller adds log(total), for which there is no kernel.
  store<f32>(b.losses + (row << 3), largest - own);
  store<f32>(b.losses + (row << 3), total, 4);
  store<i32>(b.hits + (row << 2), best == target ? 1 : 0);
}

/** to[panel] ← out·wᵀ: the gradient by a layer's inputs. */
function backPanel(b: Batch, layer: Layer, to: usize, panel: i32, scratch: usize): void {
  for (let o = 0; o < layer.outputs / PANEL; o++) {
    const from = layer.weights + (o * layer.inputs + panel * PANEL) * ROW_BYTES;
    turn32x32(scratch + o * BLOCK_BYTES, from);
  }
  memory.fill(to, 0, b.rows * ROW_BYTES);
  addProduct(to, layer.outByOutput, b.maxRows, scratch, layer.outputs, b.rows);
}

/** inputs ← inputs + reach·sign(gradient) within [0, 1]; x of the layer holds the gradients. */
function perturbPanel(b: Batch, layer: Layer, panel: i32): void {
  const gradients = panelAt(layer.x, b, panel), count = min(PANEL, b.inputSize - panel * PANEL);
  for (let row = 0; row < b.rows; row++) {
    const from = gradients + row * ROW_BYTES, inputs = inputOf(b, row, panel);
    for (let i = 0; i < count; i++) {
      const g = load<f32>(from + (i << 2)), at = inputs + (i << 2);
      if (g == 0) continue;
      store<f32>(at, max<f32>(0, min<f32>(1, load<f32>(at) + (g > 0 ? b.reach : -b.reach))));
    }
  }
}

/** The squared norm of a panel's gradients, a row a number. */
function squarePanel(b: Batch, layer: Layer, panel: i32): void {
  const gradients = panelAt(layer.x, b, panel);
  for (let row = 0; row < b.rows; row++) {
    let sum = f32x4.splat(0);
    for (let at = 0; at < ROW_BYTES; at += 16) {
      const g = v128.load(gradients + row * ROW_BYTES + at);
      sum = f32x4.add(sum, f32x4.mul(g, g));
    }
    store<f32>(b.squares + ((panel * b.maxRows + row) << 2), sumLanes(sum));
  }
}

/** inputs ← inputs + reach·gradient / its norm. */
function perturbRows(b: Batch, layer: Layer, panel: i32): void {
  const gradients = panelAt(layer.x, b, panel), count = min(PANEL, b.inputSize - panel * PANEL);
  for (let row = 0; row < b.rows; row++) {
    let squares: f32 = 0;
    for (let other = 0; other < layer.inputs / PANEL; other++) {
      squares += load<f32>(b.squares + ((other * b.maxRows + row) << 2));
    }
    if (squares == 0) continue;
    const scale = b.reach / sqrt<f32>(squares);
    const from = gradients + row * ROW_BYTES, inputs = inputOf(b, row, panel);
    for (let i = 0; i < count; i++) {
      const at = inputs + (i << 2);
      store<f32>(at, load<f32>(at) + scale * load<f32>(from + (i << 2)));
    }
  }
}

// @ts-ignore: decorator
@inline
function inputOf(b: Batch, row: i32, panel: i32): usize {
  return b.inputs + ((row * b.inputSize + panel * PANEL) << 2);
}

/** The gradient by the scores below: that by the layer's inputs, times the slope of the activation. */
function backwardPanel(b: Batch, layer: Layer, below: Layer, panel: i32, scratch: usize): void {
  const out = panelAt(below.out, b, panel), x = panelAt(layer.x, b, panel);
  backPanel(b, layer, out, panel, scratch);
  // With x = a / keep where a unit stays and 0 where not: σ′·x/a = x(1 − x·keep); ReLU′·x/a = 1 / keep.
  const relu = b.activation == RELU, zero = f32x4.splat(0), one = f32x4.splat(1);
  const keep = f32x4.splat(b.hiddenKeep), scale = f32x4.splat(1 / b.hiddenKeep);
  for (let at = 0; at < b.rows * ROW_BYTES; at += 16) {
    const value = v128.load(x + at);
    const slope = relu
      ? v128.and(f32x4.gt(value, zero), scale)
      : f32x4.mul(value, f32x4.sub(one, f32x4.mul(value, keep)));
    v128.store(out + at, f32x4.mul(v128.load(out + at), slope));
  }
  if (b.normalized) unnormalizePanel(b, below, panel, scratch);
  turnPanel(rowOf(below.outByOutput, b, panel), out, b.maxRows, b.rows);
}

/** The gradient xᵀ·out of 32 × 32 weights, and their update. */
function updateBlock(b: Batch, layer: Layer, panel: i32, rowPanel: i32, scratch: usize): void {
  const x = panelAt(layer.x, b, rowPanel), out = panelAt(layer.out, b, panel);
  memory.fill(scratch, 0, BLOCK_BYTES);
  for (let i = 0; i < PANEL; i += 4) {
    for (let part = 0; part < ROW_BYTES; part += 32) {
      const to = scratch + i * ROW_BYTES + part;
      addProduct4x8(to, x + (i << 2), ROW_BYTES, out + part, b.rows);
    }
  }
  const at = (panel * layer.inputs + rowPanel * PANEL) * ROW_BYTES;
  const decays = b.l1 != 0 || b.l2 != 0;
  if (decays && b.mode == TRAIN) addDecay(b, scratch, layer.weights + at, BLOCK_BYTES);
  update(b, layer.weights + at, layer.first + at, layer.second + at, scratch, BLOCK_BYTES);
}

function updateBias(b: Batch, layer: Layer, panel: i32, scratch: usize): void {
  const out = panelAt(layer.out, b, panel);
  for (let part = 0; part < ROW_BYTES; part += 16) {
    let sum = f32x4.splat(0);
    for (let row = 0; row < b.rows; row++) {
      sum = f32x4.add(sum, v128.load(out + row * ROW_BYTES + part));
    }
    v128.store(scratch + part, sum);
  }
  const at = panel * ROW_BYTES;
  update(b, layer.bias + at, layer.biasFirst + at, layer.biasSecond + at, scratch, ROW_BYTES);
}

/** gradient += l2·w + l1·sign(w) */
function addDecay(b: Batch, gradient: usize, weights: usize, bytes: i32): void {
  const l1 = f32x4.splat(b.l1), l2 = f32x4.splat(b.l2), zero = f32x4.splat(0);
  for (let at = 0; at < bytes; at += 16) {
    const w = v128.load(weights + at);
    const up = v128.and(f32x4.gt(w, zero), l1), down = v128.and(f32x4.lt(w, zero), l1);
    const decay = f32x4.add(f32x4.mul(l2, w), f32x4.sub(up, down));
    v128.store(gradient + at, f32x4.add(v128.load(gradient + at), decay));
  }
}

/** One step of the optimizer for `bytes` of parameters; formulas in ../network.ts. */
function update(
  b: Batch,
  parameter: usize,
  first: usize,
  second: usize,
  gradient: usize,
  bytes: i32,
): void {
  if (b.mode == GRADIENTS) {
    memory.copy(first, gradient, bytes);
    return;
  }
  const rate = f32x4.splat(b.learningRate), mu = f32x4.splat(b.momentum);
  const rest = f32x4.splat(1 - b.momentum), epsilon = f32x4.splat(b.epsilon);
  const optimizer = b.optimizer;
  if (optimizer == SGD) {
    for (let at = 0; at < bytes; at += 16) {
      const step = f32x4.mul(rate, v128.load(gradient + at));
      v128.store(parameter + at, f32x4.sub(v128.load(parameter + at), step));
    }
  } else if (optimizer == MOMENTUM || optimizer == NESTEROV) {
    for (let at = 0; at < bytes; at += 16) {
      const step = f32x4.mul(rate, v128.load(gradient + at));
      const velocity = f32x4.sub(f32x4.mul(mu, v128.load(first + at)), step);
      v128.store(first + at, velocity);
      const move = optimizer == NESTEROV ? f32x4.sub(f32x4.mul(mu, velocity), step) : velocity;
      v128.store(parameter + at, f32x4.add(v128.load(parameter + at), move));
    }
  } else if (optimizer == ADAGRAD || optimizer == RMSPROP) {
    for (let at = 0; at < bytes; at += 16) {
      const g = v128.load(gradient + at), square = f32x4.mul(g, g), before = v128.load(first + at);
      const mean = optimizer == ADAGRAD
        ? f32x4.add(before, square)
        : f32x4.add(f32x4.mul(mu, before), f32x4.mul(rest, square));
      v128.store(first + at, mean);
      const step = f32x4.div(f32x4.mul(rate, g), f32x4.add(f32x4.sqrt(mean), epsilon));
      v128.store(parameter + at, f32x4.sub(v128.load(parameter + at), step));
    }
  } else if (optimizer == ADADELTA) {
    for (let at = 0; at < bytes; at += 16) {
      const g = v128.load(gradient + at), moved = v128.load(second + at);
      const mean = f32x4.add(
        f32x4.mul(mu, v128.load(first + at)),
        f32x4.mul(rest, f32x4.mul(g, g)),
      );
      v128.store(first + at, mean);
      const root = f32x4.div(
        f32x4.sqrt(f32x4.add(moved, epsilon)),
        f32x4.sqrt(f32x4.add(mean, epsilon)),
      );
      const step = f32x4.mul(root, g);
      v128.store(
        second + at,
        f32x4.add(f32x4.mul(mu, moved), f32x4.mul(rest, f32x4.mul(step, step))),
      );
      v128.store(
        parameter + at,
        f32x4.sub(v128.load(parameter + at), f32x4.mul(rate, step)),
      );
    }
  } else {
    const beta2 = f32x4.splat(b.beta2), rest2 = f32x4.splat(1 - b.beta2);
    const scale1 = f32x4.splat(b.scale1 * b.learningRate), scale2 = f32x4.splat(b.scale2);
    for (let at = 0; at < bytes; at += 16) {
      const g = v128.load(gradient + at);
      const m = f32x4.add(f32x4.mul(mu, v128.load(first + at)), f32x4.mul(rest, g));
      const v = f32x4.add(
        f32x4.mul(beta2, v128.load(second + at)),
        f32x4.mul(rest2, f32x4.mul(g, g)),
      );
      v128.store(first + at, m), v128.store(second + at, v);
      const root = f32x4.add(f32x4.sqrt(f32x4.mul(v, scale2)), epsilon);
      const step = f32x4.div(f32x4.mul(scale1, m), root);
      v128.store(parameter + at, f32x4.sub(v128.load(parameter + at), step));
    }
  }
}

/** Scales down the weights into each of 32 units whose norm is above `bound`. */
function limitNorms(layer: Layer, panel: i32, bound: f32): void {
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
