/**
 * What turns a gradient into an update; formulas in ../network.ts.
 * @module
 */
import { ROW_BYTES } from "../simd/panel";
import { NetworkBatch, GRADIENTS, NetworkLayer } from "./batch";

// Optimizers, in the order of ../network.ts.
const SGD: i32 = 0;
const MOMENTUM: i32 = 1;
const NESTEROV: i32 = 2;
const ADAGRAD: i32 = 3;
const RMSPROP: i32 = 4;
const ADADELTA: i32 = 5;

/** gradient += l2·w + l1·sign(w) */
export function addDecay(b: NetworkBatch, gradient: usize, weights: usize, bytes: i32): void {
  const l1 = f32x4.splat(b.l1), l2 = f32x4.splat(b.l2), zero = f32x4.splat(0);
  for (let at = 0; at < bytes; at += 16) {
    const w = v128.load(weights + at);
    const up = v128.and(f32x4.gt(w, zero), l1), down = v128.and(f32x4.lt(w, zero), l1);
    const decay = f32x4.add(f32x4.mul(l2, w), f32x4.sub(up, down));
    v128.store(gradient + at, f32x4.add(v128.load(gradient + at), decay));
  }
}

/** One step of the optimizer for `bytes` of parameters; or a copy of the gradient where those are asked for. */
export function update(
  b: NetworkBatch,
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
export function limitNorms(layer: NetworkLayer, panel: i32, bound: f32): void {
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
