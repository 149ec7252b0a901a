/**
 * A layer of sigmoid units as a directed model of the layer above or below, in the arena; see
 * assembly/rbm/directed.ts.
 * @module
 */
import { DeltaRule, DirectedBatch, Form, Prediction } from "../generated/abi.ts";
import { allocateStruct, pack, pickFields } from "../runtime/pack.ts";
import type { Team } from "../runtime/team.ts";
import type { HyperParameters } from "./hyper_parameters.ts";
import { type InputKind, RbmBatch } from "./rbm_batch.ts";
import { type CallKey, RbmMemory } from "./rbm_memory.ts";

// B batch, I inputs, O outputs

/** Sizes of a layer. */
export interface DirectedSizes {
  inputSize: number; // I
  outputSize: number; // O
  /** Rows of the largest batch. */
  maxRows: number;
  /** Whether inputs will be dense. @default false */
  dense?: boolean;
}

/** Weights and biases of a layer. */
export interface DirectedParameters {
  weights: Float32Array; // (I, O)
  bias: Float32Array; // (O)
}

/** What a prediction is: probabilities, or a sample of them by the numbers of a stream. */
export type PredictionOptions = { kind: InputKind; sample?: CallKey & { stream: number } };

/** A layer that predicts its outputs, and learns by the delta rule. */
export class DirectedLayer {
  readonly #rbm: RbmMemory;
  readonly #batch: RbmBatch;
  readonly #outputs: number; // (B, O padded)
  readonly #rule: number;
  readonly #struct: number;

  constructor(team: Team, { inputSize, outputSize, maxRows, dense }: DirectedSizes) {
    const rbm = this.#rbm = new RbmMemory(team, { inputSize, hiddenSize: outputSize, maxRows });
    this.#batch = new RbmBatch(rbm, { dense });
    this.#outputs = team.arena.allocate(rbm.maxRows * rbm.hiddenPad);
    this.#rule = allocateStruct(team.arena, DeltaRule);
    this.#struct = allocateStruct(team.arena, DirectedBatch);
  }

  /**
   * p(y=1|x) of inputs, or a sample of it, (B, O).
   * @param inputs (B, I)
   */
  predict(inputs: Float32Array, { kind, sample }: PredictionOptions): Float32Array {
    const { team, hiddenSize: outputSize, hiddenPad } = this.#rbm;
    const rows = this.#place(inputs, {
      kind,
      key: sample,
      prediction: sample ? Prediction.Samples : Prediction.Probabilities,
      stream: sample?.stream ?? 0,
    });
    team.run("predictDirected", this.#struct);
    const placed = team.arena.floats(this.#outputs, rows * hiddenPad);
    const out = new Float32Array(rows * outputSize);
    for (let row = 0; row < rows; row++) {
      out.set(placed.subarray(row * hiddenPad, row * hiddenPad + outputSize), row * outputSize);
    }
    return out;
  }

  /**
   * One step of the delta rule from inputs (B, I) towards targets (B, O).
   * @throws {RangeError} if there are not as many targets
   */
  learn(
    { inputs, targets }: { inputs: Float32Array; targets: Float32Array },
    { kind, ...rule }: { kind: InputKind } & HyperParameters<typeof DeltaRule>,
  ): void {
    const { team, hiddenSize: outputSize } = this.#rbm;
    pack(team.arena, DeltaRule, this.#rule, pickFields(DeltaRule, rule));
    const rows = this.#place(inputs, { kind, prediction: Prediction.Probabilities, stream: 0 });
    if (targets.length !== rows * outputSize) {
      throw new RangeError(
        `Cannot train: targets must be ${rows} rows of ${outputSize}, got ${targets.length} numbers`,
      );
    }
    this.#batch.placeRows(this.#outputs, targets, outputSize);
    team.run("learnDirected", this.#struct);
  }

  #place(
    batch: Float32Array,
    { kind, key = { seed: 0, step: 0 }, ...fields }: {
      kind: InputKind;
      key?: CallKey;
      prediction: number;
      stream: number;
    },
  ): number {
    const { rows, inputs, data } = this.#batch.place({ inputs: batch }, { kind });
    pack(this.#rbm.team.arena, DirectedBatch, this.#struct, {
      ...fields,
      context: this.#rbm.context(key),
      inputs,
      data,
      statistics: this.#batch.statistics(kind === "values" ? Form.Values : Form.Ones),
      rule: this.#rule,
      outputs: this.#outputs,
    });
    return rows;
  }

  parameters(): DirectedParameters {
    const { weights, hiddenBias } = this.#rbm.parameters();
    return { weights, bias: hiddenBias };
  }

  setParameters({ weights, bias }: DirectedParameters): void {
    const visibleBias = new Float32Array(this.#rbm.inputSize); // of no use
    this.#rbm.write(this.#rbm.places, { weights, visibleBias, hiddenBias: bias });
  }
}
