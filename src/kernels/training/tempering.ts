/**
 * Replicas of persistent chains at several temperatures; see assembly/rbm/tempering.ts.
 * @module
 */
import { LogWeights, Tempering } from "../generated/abi.ts";
import { allocateStruct, pack } from "../runtime/pack.ts";
import type { RbmMemory } from "./rbm_memory.ts";

// C chains, T temperatures, M = C·T rows: replica t of chain c is row t·C + c

/** The ladder of temperatures. */
export interface TemperatureOptions {
  /** Replicas of a chain. */
  temperatures: number;
  /** Inverse temperature of the hottest replica; the others lie between it and 1. */
  lowestBeta: number;
  /** Visible biases of the distribution at inverse temperature 0, (V); all 0 if left out. */
  baseBias?: Float32Array;
}

/** Inverse temperatures of rows, and whom each may swap with. */
export class TemperatureLadder {
  readonly #rbm: RbmMemory;
  readonly #options: TemperatureOptions;
  readonly #buffers;
  readonly betas: number; // (R)
  readonly baseBias: number; // (V padded)

  constructor(rbm: RbmMemory, options: TemperatureOptions) {
    const { team: { arena, workers }, maxRows, visiblePad } = rbm, { baseBias } = options;
    this.#rbm = rbm;
    this.#options = options;
    this.betas = arena.allocate(maxRows);
    this.baseBias = baseBias ? arena.place(baseBias, visiblePad) : arena.allocate(visiblePad);
    this.#buffers = {
      partners: arena.allocate(maxRows),
      partnerBetas: arena.allocate(maxRows),
      sums: arena.allocate(2 * workers * maxRows),
      ratios: allocateStruct(arena, LogWeights),
      tempering: allocateStruct(arena, Tempering),
    };
  }

  /** Puts every row at the temperature of its replica. */
  start(rows: number): void {
    const { temperatures, lowestBeta } = this.#options, chains = rows / temperatures;
    const betas = this.#rbm.team.arena.floats(this.betas, rows);
    for (let row = 0; row < rows; row++) {
      betas[row] = 1 - Math.floor(row / chains) / (temperatures - 1) * (1 - lowestBeta);
    }
  }

  /**
   * Pairs each row with the one of its chain at the next temperature, by turns above and below; the
   * chains have their sums at `hiddenSums`.
   * @returns the address of the struct
   */
  place(
    rows: number,
    { step, swapStream, hiddenSums }: { step: number; swapStream: number; hiddenSums: number },
  ): number {
    const { team: { arena }, maxRows, places } = this.#rbm,
      { temperatures } = this.#options,
      b = this.#buffers;
    const betas = arena.floats(this.betas, maxRows), chains = rows / temperatures;
    const partners = arena.integers(b.partners, maxRows).fill(-1);
    const partnerBetas = arena.floats(b.partnerBetas, maxRows);
    partnerBetas.set(betas);
    for (let chain = 0; chain < chains; chain++) {
      const ladder = Array.from({ length: temperatures }, (_, t) => t * chains + chain)
        .sort((a, b) => betas[b] - betas[a]);
      for (let i = step % 2; i + 1 < ladder.length; i += 2) {
        const [a, b] = [ladder[i], ladder[i + 1]];
        [partners[a], partners[b]] = [b, a];
        [partnerBetas[a], partnerBetas[b]] = [betas[b], betas[a]];
      }
    }
    pack(arena, LogWeights, b.ratios, {
      sums: b.sums,
      visibleBias: places.visibleBias,
      otherVisibleBias: this.baseBias,
      otherHiddenSums: hiddenSums,
      otherBetas: b.partnerBetas,
    });
    pack(arena, Tempering, b.tempering, { swapStream, partners: b.partners, ratios: b.ratios });
    return b.tempering;
  }
}
