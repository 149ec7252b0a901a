/**
 * Batch normalization of a panel of hidden units.
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { addNoise, NetworkBatch, NetworkLayer, panelAt, PERTURB } from "./batch";
import { update } from "./optimizers";

/** Added to variances, so that a unit that never changes can be normalized. */
const VARIANCE_EPSILON: f32 = 1e-5;

/**
 * out[panel] ← gain·z + bias with z the sums at mean 0 and variance 1 over the batch, plus noise. NetworkBatch
 * normalization: Ioffe, Szegedy (2015).
 */
export function normalizePanel(b: NetworkBatch, layer: NetworkLayer, stream: i32, panel: i32, scratch: usize): void {
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
export function unnormalizePanel(b: NetworkBatch, layer: NetworkLayer, panel: i32, scratch: usize): void {
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
