/**
 * A mini-batch of a feed-forward network in memory, its layers, and the random numbers that change its
 * activities.
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { fillUniform } from "../simd/random";
import { Barrier } from "../simd/barrier";

// B rows of a batch, R the most that fit (a multiple of 4), I inputs, O outputs of a layer, both
// padded to 32; panels of activities are (R, 32), of weights (I, 32)


// What a batch is for.
export const TRAIN: i32 = 0;
export const GRADIENTS: i32 = 1; // into the first state of each parameter, in place of an update
export const PERTURB: i32 = 2; // moves the inputs up the loss, and changes no parameter

/** Streams of the random numbers of noise begin so far after those of dropout. */
const NOISE_STREAM: i32 = 64;
/** Uniform noise of standard deviation 1 is as wide: √12. */
const UNIFORM_WIDTH: f32 = 3.4641016;

/** Fields of a batch, in the order of the caller's Int32Array: see ../network.ts. */
// @ts-ignore: decorator
@unmanaged
export class NetworkBatch {
  barrier: Barrier;
  mode: i32;
  rows: i32; // B
  maxRows: i32; // R
  layerCount: i32;
  layers: usize; // of NetworkLayer
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
export class NetworkLayer {
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
export function layerAt(b: NetworkBatch, i: i32): NetworkLayer {
  return changetype<NetworkLayer>(b.layers + <usize> i * offsetof<NetworkLayer>());
}

// @ts-ignore: decorator
@inline
export function panelAt(activities: usize, b: NetworkBatch, panel: i32): usize {
  return activities + panel * b.maxRows * ROW_BYTES;
}

/** Where the first of a panel's 32 units begins in activities by unit. */
// @ts-ignore: decorator
@inline
export function rowOf(byUnit: usize, b: NetworkBatch, panel: i32): usize {
  return byUnit + panel * PANEL * (b.maxRows << 2);
}

// @ts-ignore: decorator
@inline
export function inputOf(b: NetworkBatch, row: i32, panel: i32): usize {
  return b.inputs + ((row * b.inputSize + panel * PANEL) << 2);
}

/** Inverted dropout of 32 units: what stays is scaled by 1 / keep. */
export function drop(
  b: NetworkBatch,
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
export function addNoise(
  b: NetworkBatch,
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
