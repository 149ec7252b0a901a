/**
 * Batch normalization of a panel of hidden units: Ioffe, Szegedy (2015).
 * @module
 */
import { ROW_BYTES } from "../simd/panel";
import { NetworkShare, NetworkTask, Normalization, panelAt } from "./batch";
import { addNoise } from "./dropout";
import { moveBlock } from "./optimizers/optimizer";

/** Added to variances, so that a unit that never changes can be normalized. */
export const VARIANCE_EPSILON: f32 = 1e-5;

/** z = (out − mean) / √(variance + ε) + noise, out ← γ·z + b. */
export function normalizePanel(s: NetworkShare): void {
  standardize(s);
  disturb(s);
  scaleAndShift(s);
}

/** normal ← (out − mean) / √(variance + ε), by the batch's means and variances or those that run. */
function standardize(s: NetworkShare): void {
  const b = s.batch, layer = s.layer, bytes = b.rows * ROW_BYTES;
  const out = panelAt(layer.out, b, s.panel), normal = panelAt(layer.normal, b, s.panel);
  const one = f32x4.splat(1), share = f32x4.splat(1 / <f32> b.rows);
  const momentum = f32x4.splat(b.runningMomentum), epsilon = f32x4.splat(VARIANCE_EPSILON);
  for (let part = 0; part < ROW_BYTES; part += 16) {
    const at = s.panel * ROW_BYTES + part;
    let mean = v128.load(layer.mean + at), variance = v128.load(layer.variance + at);
    if (b.normalization == Normalization.Batch) {
      const oldMean = mean, oldVariance = variance;
      mean = f32x4.splat(0), variance = f32x4.splat(0);
      for (let i = part; i < bytes; i += ROW_BYTES) mean = f32x4.add(mean, v128.load(out + i));
      mean = f32x4.mul(mean, share);
      for (let i = part; i < bytes; i += ROW_BYTES) {
        const d = f32x4.sub(v128.load(out + i), mean);
        variance = f32x4.add(variance, f32x4.mul(d, d));
      }
      variance = f32x4.mul(variance, share);
      const meanStep = f32x4.mul(momentum, f32x4.sub(mean, oldMean));
      const varianceStep = f32x4.mul(momentum, f32x4.sub(variance, oldVariance));
      v128.store(layer.mean + at, f32x4.add(oldMean, meanStep));
      v128.store(layer.variance + at, f32x4.add(oldVariance, varianceStep));
    }
    const inverseDeviation = f32x4.div(one, f32x4.sqrt(f32x4.add(variance, epsilon)));
    v128.store(layer.inverseDeviation + at, inverseDeviation);
    for (let i = part; i < bytes; i += ROW_BYTES) {
      v128.store(normal + i, f32x4.mul(f32x4.sub(v128.load(out + i), mean), inverseDeviation));
    }
  }
}

/** noisy ← normal + noise */
function disturb(s: NetworkShare): void {
  const b = s.batch, bytes = b.rows * ROW_BYTES;
  const normal = panelAt(s.layer.normal, b, s.panel), noisy = panelAt(s.layer.noisy, b, s.panel);
  if (b.noise > 0) {
    for (let row = 0; row < b.rows; row++) {
      addNoise(s, noisy + row * ROW_BYTES, normal + row * ROW_BYTES, row);
    }
  } else memory.copy(noisy, normal, bytes);
}

/** out ← γ·noisy + b */
function scaleAndShift(s: NetworkShare): void {
  const b = s.batch, layer = s.layer, bytes = b.rows * ROW_BYTES;
  const out = panelAt(layer.out, b, s.panel), noisy = panelAt(layer.noisy, b, s.panel);
  for (let part = 0; part < ROW_BYTES; part += 16) {
    const at = s.panel * ROW_BYTES + part;
    const scale = v128.load(layer.scale + at), bias = v128.load(layer.bias + at);
    for (let i = part; i < bytes; i += ROW_BYTES) {
      v128.store(out + i, f32x4.add(f32x4.mul(scale, v128.load(noisy + i)), bias));
    }
  }
}

/**
 * From g = ∂L/∂(γ·z + b) to that by the sums, in place: γ / √(variance + ε) · (g − mean(g) − n·mean(g·n)) with n
 * the normalized sums. Then the steps of b along Σ g and of γ along Σ g·z.
 */
export function unnormalizePanel(s: NetworkShare): void {
  const b = s.batch, layer = s.layer, bytes = b.rows * ROW_BYTES;
  const out = panelAt(layer.out, b, s.panel), normal = panelAt(layer.normal, b, s.panel);
  const noisy = panelAt(layer.noisy, b, s.panel), share = f32x4.splat(1 / <f32> b.rows);
  const biases = s.scratch, scales = s.scratch + ROW_BYTES;
  for (let part = 0; part < ROW_BYTES; part += 16) {
    const at = s.panel * ROW_BYTES + part;
    let sum = f32x4.splat(0), alongNormal = f32x4.splat(0), alongNoisy = f32x4.splat(0);
    for (let i = part; i < bytes; i += ROW_BYTES) {
      const g = v128.load(out + i);
      sum = f32x4.add(sum, g);
      alongNormal = f32x4.add(alongNormal, f32x4.mul(g, v128.load(normal + i)));
      alongNoisy = f32x4.add(alongNoisy, f32x4.mul(g, v128.load(noisy + i)));
    }
    v128.store(biases + part, sum);
    v128.store(scales + part, alongNoisy);
    const mean = f32x4.mul(share, sum), slope = f32x4.mul(share, alongNormal);
    const factor = f32x4.mul(v128.load(layer.scale + at), v128.load(layer.inverseDeviation + at));
    for (let i = part; i < bytes; i += ROW_BYTES) {
      const line = f32x4.add(mean, f32x4.mul(slope, v128.load(normal + i)));
      v128.store(out + i, f32x4.mul(factor, f32x4.sub(v128.load(out + i), line)));
    }
  }
  if (b.task == NetworkTask.Perturb) return;
  const at = s.panel * ROW_BYTES;
  s.bytes = ROW_BYTES;
  s.values = layer.bias + at;
  s.first = layer.biasFirst + at;
  s.second = layer.biasSecond + at;
  s.gradient = biases;
  moveBlock(s);
  s.values = layer.scale + at;
  s.first = layer.scaleFirst + at;
  s.second = layer.scaleSecond + at;
  s.gradient = scales;
  moveBlock(s);
}
