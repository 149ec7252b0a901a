/**
 * Pictures of what hidden units respond to, on examples.
 *
 * A sum of the filters below ignores every sigmoid between, and units that hardly ever change all show the
 * same sum: a ghost. So units are shown by what they do: those that vary most, and of each the covariance of
 * its activity with the pixels. Light means on together, dark means one without the other.
 * @module
 */
import type { Dbn } from "../../src/model/dbn.ts";
import { hiddenGivenVisible, hiddenGivenVisibleAndLabel } from "../../src/model/rbm.ts";
import { type Examples, readRows } from "../data/examples.ts";

// N examples, V pixels, H units of a layer, U units shown

/** Pictures of some units of a layer. */
export interface UnitPictures {
  /** The units, that which varies most first. */
  units: number[]; // (U)
  /** Each scaled by itself: 0 is 0.5, the largest distance from 0 is black or white. */
  images: Float32Array; // (U, V)
}

/** Examples over which units are measured. */
const MEASURED = 1000;

/** Pictures of the `count` units of each layer that vary most over the first examples. */
export function unitPictures(dbn: Dbn, examples: Examples, count: number): UnitPictures[] {
  const n = Math.min(MEASURED, examples.count), images = readRows(examples, 0, n);
  return layerActivities(dbn, images, examples.labels.subarray(0, n)).map((activity, layer) => {
    const units = mostVarying(activity, activity.length / n, count);
    const rows = layer === 0
      ? columns(dbn.stack[0]?.weights ?? dbn.top.weights, units, examples.size)
      : covariances(activity, images, units, n);
    return { units, images: scaledApart(rows, examples.size) };
  });
}

/** p(h=1 | image) of every layer of the stack, and p(h=1 | image, its label) at the top: (N, H) each. */
function layerActivities(dbn: Dbn, images: Float32Array, labels: Uint8Array): Float32Array[] {
  const activities: Float32Array[] = [];
  let visible = images;
  for (const rbm of dbn.stack) activities.push(visible = hiddenGivenVisible(rbm, visible));
  const { labelSize } = dbn.top, oneHot = new Float32Array(labels.length * labelSize);
  labels.forEach((label, row) => oneHot[row * labelSize + label] = 1);
  return [...activities, hiddenGivenVisibleAndLabel(dbn.top, visible, oneHot)];
}

/** The units of largest variance over activity (N, H), the largest first. */
export function mostVarying(activity: Float32Array, hidden: number, count: number): number[] {
  const n = activity.length / hidden;
  const sum = new Float64Array(hidden), squares = new Float64Array(hidden);
  activity.forEach((a, i) => {
    sum[i % hidden] += a;
    squares[i % hidden] += a * a;
  });
  // var a = E a² − (E a)²
  const variance = squares.map((square, j) => square / n - (sum[j] / n) ** 2);
  return [...variance.keys()].sort((a, b) => variance[b] - variance[a]).slice(0, count);
}

/** cov(a_j, x_i) = E[(a_j − E a_j) x_i], a row (V) for each of `units`. */
export function covariances(
  activity: Float32Array, // (N, H)
  images: Float32Array, // (N, V)
  units: readonly number[],
  n: number,
): Float32Array {
  const hidden = activity.length / n, visible = images.length / n;
  const out = new Float32Array(units.length * visible);
  units.forEach((unit, row) => {
    let mean = 0;
    for (let i = 0; i < n; i++) mean += activity[i * hidden + unit] / n;
    for (let i = 0; i < n; i++) {
      const centred = (activity[i * hidden + unit] - mean) / n;
      for (let v = 0; v < visible; v++) out[row * visible + v] += centred * images[i * visible + v];
    }
  });
  return out;
}

/** Columns of weights (V, H) as rows (U, V). */
function columns(weights: Float32Array, units: readonly number[], visible: number): Float32Array {
  const hidden = weights.length / visible, out = new Float32Array(units.length * visible);
  units.forEach((unit, row) => {
    for (let v = 0; v < visible; v++) out[row * visible + v] = weights[v * hidden + unit];
  });
  return out;
}

/** Rows (U, V) as pictures: 0.5 + 0.5 x / max |x|. */
function scaledApart(rows: Float32Array, size: number): Float32Array {
  const out = new Float32Array(rows.length);
  for (let from = 0; from < rows.length; from += size) {
    const row = rows.subarray(from, from + size);
    const largest = row.reduce((max, x) => Math.max(max, Math.abs(x)), 0) || 1;
    row.forEach((x, i) => out[from + i] = 0.5 + 0.5 * x / largest);
  }
  return out;
}
