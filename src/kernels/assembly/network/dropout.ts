/**
 * Random changes of activities: inverted dropout (Srivastava et al. 2014) and uniform noise.
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { fillUniform } from "../simd/random";
import { NetworkShare, unitsOf } from "./batch";

/** Uniform noise of standard deviation 1 is as wide: √12. */
const UNIFORM_WIDTH: f32 = 3.4641016;

/** at (32) ← at · [u < keep] / keep: what stays of a row is scaled up. */
export function dropUnits(s: NetworkShare, at: usize, row: i32): void {
  const b = s.batch, uniforms = s.scratch;
  drawUniforms(s, b.dropoutStream + s.level, row);
  const keep = s.level == 0 ? b.inputKeep : b.hiddenKeep;
  const share = f32x4.splat(keep), scale = f32x4.splat(1 / keep);
  for (let i = 0; i < ROW_BYTES; i += 16) {
    const stays = f32x4.lt(v128.load(uniforms + i), share);
    v128.store(at + i, v128.and(stays, f32x4.mul(v128.load(at + i), scale)));
  }
}

/** to (32) ← from + √12·σ·(u − ½), padding 0. */
export function addNoise(s: NetworkShare, to: usize, from: usize, row: i32): void {
  const b = s.batch, uniforms = s.scratch;
  drawUniforms(s, b.noiseStream + s.level, row);
  const deviation = s.level == 0 ? b.inputNoise : b.noise;
  const half = f32x4.splat(0.5), width = f32x4.splat(UNIFORM_WIDTH * deviation);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const noise = f32x4.mul(f32x4.sub(v128.load(uniforms + at), half), width);
    v128.store(to + at, f32x4.add(v128.load(from + at), noise));
  }
  for (let i = unitsOf(s); i < PANEL; i++) store<f32>(to + (i << 2), 0);
}

/** A uniform number for each of the panel's units in a row, into the share's scratch memory. */
function drawUniforms(s: NetworkShare, stream: i32, row: i32): void {
  const b = s.batch, unit = s.panel * PANEL;
  fillUniform(s.scratch, unit, unit + PANEL, stream, b.step, row, b.seedLow, b.seedHigh);
}
