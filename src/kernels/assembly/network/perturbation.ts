/**
 * Moving a batch's inputs up the loss: adversarial training, Goodfellow, Shlens, Szegedy (2015), "Explaining
 * and harnessing adversarial examples".
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { waitForAll } from "../simd/barrier";
import { sumLanes } from "../simd/math";
import {
  AdversarialNorm,
  endOf,
  enterInputs,
  firstOf,
  inputOf,
  NetworkShare,
  panelAt,
  unitsOf,
} from "./batch";

/**
 * 2^40. Squares are taken of gradients times this, because a case learnt with a margin of 40 nats has some
 * of 1e-20.
 */
const SQUARED_SCALE: f32 = 1099511627776;

/** A worker's panels of the inputs, moved along their gradients, which `x` of the first layer holds. */
export function perturbInputs(s: NetworkShare): void {
  const b = s.batch;
  enterInputs(s);
  const panels = s.layer.inputs / PANEL, first = firstOf(s, panels), end = endOf(s, panels);
  if (b.adversarialNorm == AdversarialNorm.Max) {
    for (s.panel = first; s.panel < end; s.panel++) moveBySigns(s);
    return;
  }
  for (s.panel = first; s.panel < end; s.panel++) squareGradients(s);
  waitForAll(b.barrier, s.worker); // a row's norm is of all panels
  for (s.panel = first; s.panel < end; s.panel++) moveAlongGradients(s);
}

/** inputs ← inputs + ε·sign(g) within [0, 1] */
function moveBySigns(s: NetworkShare): void {
  const b = s.batch, epsilon = b.adversarialEpsilon, count = unitsOf(s);
  const gradients = panelAt(s.layer.x, b, s.panel);
  for (let row = 0; row < b.rows; row++) {
    const from = gradients + row * ROW_BYTES, inputs = inputOf(b, row, s.panel);
    for (let i = 0; i < count; i++) {
      const g = load<f32>(from + (i << 2)), at = inputs + (i << 2);
      if (g == 0) continue;
      store<f32>(at, max<f32>(0, min<f32>(1, load<f32>(at) + (g > 0 ? epsilon : -epsilon))));
    }
  }
}

/** squares[panel] (B) ← Σ over the panel of (g · {@linkcode SQUARED_SCALE})² */
function squareGradients(s: NetworkShare): void {
  const b = s.batch, gradients = panelAt(s.layer.x, b, s.panel), up = f32x4.splat(SQUARED_SCALE);
  for (let row = 0; row < b.rows; row++) {
    let sum = f32x4.splat(0);
    for (let at = 0; at < ROW_BYTES; at += 16) {
      const g = f32x4.mul(up, v128.load(gradients + row * ROW_BYTES + at));
      sum = f32x4.add(sum, f32x4.mul(g, g));
    }
    store<f32>(b.squares + ((s.panel * b.maxRows + row) << 2), sumLanes(sum));
  }
}

/** inputs ← inputs + ε·g / |g| */
function moveAlongGradients(s: NetworkShare): void {
  const b = s.batch, gradients = panelAt(s.layer.x, b, s.panel), count = unitsOf(s);
  const panels = s.layer.inputs / PANEL;
  for (let row = 0; row < b.rows; row++) {
    let squares: f32 = 0;
    for (let other = 0; other < panels; other++) {
      squares += load<f32>(b.squares + ((other * b.maxRows + row) << 2));
    }
    if (squares == 0) continue;
    const scale = b.adversarialEpsilon * SQUARED_SCALE / sqrt<f32>(squares);
    const from = gradients + row * ROW_BYTES, inputs = inputOf(b, row, s.panel);
    for (let i = 0; i < count; i++) {
      const at = inputs + (i << 2);
      store<f32>(at, load<f32>(at) + scale * load<f32>(from + (i << 2)));
    }
  }
}
