/**
 * Parallel tempering: replicas of each chain at higher temperatures move freely, and neighbours swap
 * theirs. Desjardins et al. (2010), "Tempered Markov chain Monte Carlo for training of restricted
 * Boltzmann machines".
 * @module
 */
import { addTemperatureRatios, LogWeights } from "./annealing";
import { RbmContext, States } from "./memory";
import { exp4 } from "../simd/math";
import { fillUniform } from "../simd/random";
import { waitForAll } from "../simd/barrier";

/** Whom each row may swap with. */
// @ts-ignore: decorator
@unmanaged
export class Tempering {
  swapStream: i32;
  partners: usize; // (M) i32: the row to swap temperatures with, or −1
  ratios: LogWeights; // log p(v) at the partner's temperature − at the own
}

/**
 * Rows and their partners swap inverse temperatures with probability
 * min(1, p_β(v′)·p_β′(v) / p_β(v)·p_β′(v′)). The hidden units of `chains` hold their sums.
 */
export function swapTemperatures(r: RbmContext, t: Tempering, chains: States, worker: i32): void {
  const rows = chains.rows, betas = chains.betas, uniform = r.scratch;
  memory.fill(t.ratios.sums + ((worker * r.maxRows) << 3), 0, rows << 3);
  addTemperatureRatios(r, t.ratios, chains, worker, 1, 1);
  waitForAll(r.barrier, worker);
  for (let row = 0; row < rows && worker == 0; row++) {
    const partner = load<i32>(t.partners + (row << 2));
    if (partner < row) continue; // each pair once
    fillUniform(uniform, 0, 16, t.swapStream, r.step, row, r.seedLow, r.seedHigh);
    const ratio = <f32> -(ratioOf(r, t, row) + ratioOf(r, t, partner));
    const chance = f32x4.extract_lane(exp4(f32x4.splat(min<f32>(ratio, 0))), 0);
    if (load<f32>(uniform) >= chance) continue;
    const own = betas + (row << 2), its = betas + (partner << 2), beta = load<f32>(own);
    store<f32>(own, load<f32>(its));
    store<f32>(its, beta);
  }
  waitForAll(r.barrier, worker);
}

/** The log ratio of a row, over the columns of all workers. */
function ratioOf(r: RbmContext, t: Tempering, row: i32): f64 {
  let sum: f64 = 0;
  for (let worker = 0; worker < r.barrier.workers; worker++) {
    sum += load<f64>(t.ratios.sums + ((worker * r.maxRows + row) << 3));
  }
  return sum;
}
