/**
 * A mini-batch of a feed-forward network in memory, its layers, and what a worker is at.
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { Barrier, shareStart } from "../simd/barrier";

// B rows of a batch, R the most that fit (a multiple of 4), I inputs, O outputs of a layer, both
// padded to 32; panels of activities are (R, 32), of weights (I, 32)

/** What a batch is for. */
export enum NetworkTask {
  /** An update of the parameters. */
  Train,
  /** Gradients, into the first state of each parameter. */
  Gradients,
  /** Moving the inputs up the loss; parameters stay. */
  Perturb,
}

/** What follows the sums of hidden layers. */
export enum NetworkActivation {
  Sigmoid,
  Relu,
}

/** Whether sums of hidden units are normalized, and by which means and variances. */
export enum Normalization {
  None,
  /** Those of the batch. */
  Batch,
  /** Those that run with training. */
  Running,
}

/** How an update follows from a gradient: a file each in optimizers/. */
export enum Optimizer {
  Sgd,
  Momentum,
  Nesterov,
  Adagrad,
  Rmsprop,
  Adadelta,
  Adam,
}

/** What an adversarial epsilon bounds: each input's move, or a case's Euclidean distance. */
export enum AdversarialNorm {
  Max,
  L2,
}

/** A call, the same for all workers. */
// @ts-ignore: decorator
@unmanaged
export class NetworkBatch {
  barrier: Barrier;
  task: NetworkTask;
  rows: i32; // B
  maxRows: i32; // R
  layerCount: i32;
  layers: usize; // of NetworkLayer
  shares: usize; // of NetworkShare, SHARE_BYTES a worker
  scratch: usize; // scratchBytes a worker
  scratchBytes: i32;
  inputs: usize; // (B, inputSize) f32
  inputSize: i32;
  targets: usize; // (B) i32: labels
  losses: usize; // (B, 2) f32: largest score − the label's, and Σ e^(score − largest)
  hits: usize; // (B) i32: 1 where the label has the largest score
  outputSize: i32;
  activation: NetworkActivation;
  // Random numbers: the step of their key, and the streams of the inputs; hidden layers have the next ones.
  seedLow: i32;
  seedHigh: i32;
  step: i32;
  dropoutStream: i32;
  noiseStream: i32;
  inputKeep: f32; // share of inputs that stay
  hiddenKeep: f32;
  inputNoise: f32; // standard deviation of the noise on inputs
  noise: f32; // and on normalized sums of hidden units
  optimizer: Optimizer;
  learningRate: f32; // η
  momentum: f32; // μ, or the decay of a running mean: β₁, ρ
  beta2: f32; // β₂
  epsilon: f32; // ε
  correction1: f32; // 1 / (1 − β₁ᵗ), of Adam
  correction2: f32; // 1 / (1 − β₂ᵗ)
  l1: f32;
  l2: f32;
  maxNorm: f32; // of the weights into a hidden unit; 0 for no bound
  adversarialEpsilon: f32; // of NetworkTask.Perturb: how far an input or a case moves
  adversarialNorm: AdversarialNorm;
  squares: usize; // (I/32, R) f32: the squared gradients of a panel
  normalization: Normalization;
  runningMomentum: f32; // share of a batch in the means and variances that run; 0 leaves them
}

/** A layer's parameters with two numbers of state each, and its activities. */
// @ts-ignore: decorator
@unmanaged
export class NetworkLayer {
  inputs: i32; // I
  outputs: i32; // O
  units: i32; // outputs without padding
  weights: usize; // (O/32, I, 32) f32
  weightsFirst: usize; // as weights
  weightsSecond: usize; // as weights
  bias: usize; // (O) f32
  biasFirst: usize;
  biasSecond: usize;
  x: usize; // (I/32, R, 32) f32: inputs, after dropout
  xByInput: usize; // (I, R) f32: the same
  out: usize; // (O/32, R, 32) f32: scores, and then their gradients
  outByOutput: usize; // (O, R) f32: the gradients
  // Of normalized units alone:
  scale: usize; // (O) f32: γ
  scaleFirst: usize;
  scaleSecond: usize;
  mean: usize; // (O) f32, running
  variance: usize; // (O) f32, running
  inverseDeviation: usize; // (O) f32: 1 / √(variance + ε), of this batch
  normal: usize; // (O/32, R, 32) f32: normalized sums
  noisy: usize; // the same with noise
}

/** Bytes of a {@linkcode NetworkShare}, in lines of its own. */
export const SHARE_BYTES: i32 = 128;

/** What a worker is at: a panel of units, and a block of parameters that an optimizer moves. */
// @ts-ignore: decorator
@unmanaged
export class NetworkShare {
  batch: NetworkBatch;
  worker: i32;
  workers: i32;
  scratch: usize;
  layer: NetworkLayer;
  level: i32; // 0 for the network's inputs, i + 1 for the outputs of layer i
  panel: i32; // of 32 units
  values: usize; // (bytes / 4) f32, as the next ones
  first: usize;
  second: usize;
  gradient: usize;
  bytes: i32;
}

/** A worker's share of a batch, before its first panel. */
export function startShare(b: NetworkBatch, worker: i32): NetworkShare {
  const s = changetype<NetworkShare>(b.shares + worker * SHARE_BYTES);
  s.batch = b;
  s.worker = worker;
  s.workers = b.barrier.workers;
  s.scratch = b.scratch + worker * b.scratchBytes;
  return s;
}

/** Goes to the inputs of the network. */
export function enterInputs(s: NetworkShare): void {
  s.layer = layerAt(s.batch, 0);
  s.level = 0;
}

/** Goes to the outputs of a layer. */
export function enterLayer(s: NetworkShare, i: i32): NetworkLayer {
  const layer = layerAt(s.batch, i);
  s.layer = layer;
  s.level = i + 1;
  return layer;
}

/** The first of a worker's `count` things. */
// @inline
export function firstOf(s: NetworkShare, count: i32): i32 {
  return shareStart(count, s.worker, s.workers);
}

/** Where a worker's `count` things end. */
// @inline
export function endOf(s: NetworkShare, count: i32): i32 {
  return shareStart(count, s.worker + 1, s.workers);
}

/** Units of the share's panel that are not padding. */
export function unitsOf(s: NetworkShare): i32 {
  const units = s.level == 0 ? s.batch.inputSize : s.layer.units;
  return max(0, min(PANEL, units - s.panel * PANEL));
}

// @inline
export function layerAt(b: NetworkBatch, i: i32): NetworkLayer {
  return changetype<NetworkLayer>(b.layers + <usize> i * offsetof<NetworkLayer>());
}

/** Where a panel of activities begins. */
// @inline
export function panelAt(activities: usize, b: NetworkBatch, panel: i32): usize {
  return activities + panel * b.maxRows * ROW_BYTES;
}

/** Where the first of a panel's 32 units begins in activities by unit. */
// @inline
export function rowOf(byUnit: usize, b: NetworkBatch, panel: i32): usize {
  return byUnit + panel * PANEL * (b.maxRows << 2);
}

// @inline
export function inputOf(b: NetworkBatch, row: i32, panel: i32): usize {
  return b.inputs + ((row * b.inputSize + panel * PANEL) << 2);
}
