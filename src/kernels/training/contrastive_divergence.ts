/**
 * Contrastive divergence of an RBM in the arena, a call a mini-batch; see assembly/rbm/.
 * @module
 */
import { CdBatch, Form, ModelSums, Pairing, PANEL, Reconstruction } from "../generated/abi.ts";
import { rbmStreams, stageStreamOf } from "../../math/streams.ts";
import { allocateStruct, pack } from "../runtime/pack.ts";
import { padded } from "../serving/dense.ts";
import type { InputKind, LabelledInputs, RbmBatch } from "./rbm_batch.ts";
import { RbmChains } from "./rbm_chains.ts";
import { listWords } from "./rbm_lists.ts";
import type { CallKey, RbmMemory } from "./rbm_memory.ts";
import type { LearningOptions, RbmUpdate } from "./rbm_update.ts";

/** What differs from batch to batch, whatever algorithm. */
export interface RbmStep {
  kind: InputKind;
  /** Gibbs steps of the negative phase. */
  k: number;
  learning: LearningOptions;
  /** Its step is the mini-batch; the stage has the streams `rbmStreams`. */
  key: CallKey & { stage: number };
}

/** A batch of CD. */
export interface CdStep extends RbmStep {
  /** What ends the negative phase: a binary sample of the visible units, or their mean. */
  reconstruction: "sample" | "mean";
}

/** Memory that algorithms on one RBM share. */
export interface RbmParts {
  rbm: RbmMemory;
  batch: RbmBatch;
  update: RbmUpdate;
}

/** CD-k of an RBM. */
export class ContrastiveDivergence {
  readonly #parts: RbmParts;
  readonly #chains: RbmChains;
  readonly #removed: number; // (R) lists
  readonly #errors: number; // (V/32 + 1, R)
  readonly #struct: number;

  constructor(parts: RbmParts) {
    const { rbm, batch } = parts, { team: { arena }, maxRows, inputSize } = rbm;
    this.#parts = parts;
    batch.allocateSums();
    this.#chains = new RbmChains(rbm);
    this.#chains.allocateMeans();
    this.#removed = arena.allocate(maxRows * listWords(inputSize));
    this.#errors = allocateErrors(rbm);
    this.#struct = allocateStruct(arena, CdBatch);
  }

  /**
   * Learns from one batch.
   * @returns its mean squared reconstruction error, labels included
   */
  step(cases: LabelledInputs, { kind, reconstruction, k, learning, key }: CdStep): number {
    const { rbm, batch, update } = this.#parts, { stage } = key;
    const dropout = update.dropout(learning, stageStreamOf(stage, rbmStreams.dropout));
    const stream = stageStreamOf(stage, rbmStreams.inputs);
    const { rows, form, inputs, data } = batch.place(cases, { kind, stream, dropout });
    const samples = reconstruction === "sample";
    // From samples to samples: few units flip, and rows that have one on in both halves count once.
    const paired = samples && form === Form.Ones;
    const statistics = batch.statistics(
      samples && kind !== "values" ? Form.Ones : Form.Values,
      paired ? Pairing.Paired : Pairing.Separate,
    );
    const model = this.#chains.place({ rows, form: samples ? Form.Ones : Form.Dense, dropout });
    pack(rbm.team.arena, CdBatch, this.#struct, {
      context: rbm.context(key),
      inputs,
      sampler: this.#chains.sampler(stageStreamOf(stage, rbmStreams.gibbs)),
      update: update.place(learning, { data, model, statistics }),
      k,
      reconstruction: samples ? Reconstruction.Sample : Reconstruction.Mean,
      modelSums: paired && k === 1 ? ModelSums.ByFlips : ModelSums.Whole,
      removed: this.#removed,
      errors: this.#errors,
    });
    rbm.team.run("contrastiveDivergence", this.#struct);
    return meanError(rbm, this.#errors, { rows, labels: true });
  }

  /** Where the last batch's chains ended: binary states (rows, V), if the reconstruction was sampled. */
  chainEnds(rows: number): Float32Array {
    return this.#chains.sampledStates(rows);
  }
}

/** Room for squared errors: (V/32 + 1, R), those of the labels last. */
export function allocateErrors({ team: { arena }, visiblePad, maxRows }: RbmMemory): number {
  return arena.allocate((visiblePad / PANEL + 1) * maxRows);
}

/** The mean over rows of squared errors. */
export function meanError(
  { team: { arena }, inputSize, labelSize, visiblePad, maxRows }: RbmMemory,
  address: number,
  { rows, labels }: { rows: number; labels: boolean },
): number {
  const panels = visiblePad / PANEL, ofPixels = padded(inputSize) / PANEL;
  const errors = arena.floats(address, (panels + 1) * maxRows);
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    for (let panel = 0; panel < ofPixels; panel++) sum += errors[panel * maxRows + row];
    if (labels && labelSize > 0) sum += errors[panels * maxRows + row];
  }
  return sum / rows;
}
