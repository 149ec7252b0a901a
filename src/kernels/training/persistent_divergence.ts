/**
 * Persistent contrastive divergence of an RBM in the arena, with fast weights or at several temperatures
 * where wanted; see assembly/rbm/.
 * @module
 */
import { FastWeights, Form, PcdBatch, States } from "../generated/abi.ts";
import { fillUniform } from "../../math/random.ts";
import { rbmStreams, stageStreamOf } from "../../math/streams.ts";
import { allocateStruct, pack, pickFields } from "../runtime/pack.ts";
import { type Places, readPlaces, writePlaces } from "../runtime/places.ts";
import {
  allocateErrors,
  meanError,
  type RbmParts,
  type RbmStep,
} from "./contrastive_divergence.ts";
import type { HyperParameters } from "./hyper_parameters.ts";
import type { LabelledInputs } from "./rbm_batch.ts";
import { RbmChains } from "./rbm_chains.ts";
import type { LearningOptions } from "./rbm_update.ts";
import { TemperatureLadder, type TemperatureOptions } from "./tempering.ts";

// B batch, C chains, M = C · temperatures rows, V visible

/** Which chains there are. */
export interface PersistentOptions {
  /** Chains; as many as the first batch has cases if left out. */
  chains?: number;
  /** Replicas of each chain at other temperatures; none if left out. */
  tempering?: TemperatureOptions;
  /** Whether chains have fast weights. @default false */
  fast?: boolean;
}

/** Hyper-parameters of PCD: those of fast weights too, where there are some. */
export interface PersistentLearning extends LearningOptions, HyperParameters<typeof FastWeights> {}

/** A batch of PCD. */
export interface PcdStep extends RbmStep {
  learning: PersistentLearning;
  /** Whether to measure a reconstruction of the batch, which the update does not need. */
  monitor: boolean;
}

/** PCD of an RBM. */
export class PersistentDivergence {
  readonly #parts: RbmParts;
  readonly #chains: RbmChains;
  readonly #count: number | undefined;
  readonly #replicas: number;
  readonly #ladder: TemperatureLadder | undefined;
  readonly #fast: { rule: number; fastWeights: number; chainWeights: number } | undefined;
  readonly #errors: number;
  readonly #monitor: number; // a struct of States
  readonly #struct: number;
  /** Rows of the chains, M; 0 before they begin. */
  #rows = 0;

  constructor(parts: RbmParts, { chains, tempering, fast = false }: PersistentOptions = {}) {
    const { rbm, batch } = parts, { team: { arena }, visiblePad, hiddenPad } = rbm;
    this.#parts = parts;
    this.#count = chains;
    batch.allocateSums();
    this.#chains = new RbmChains(rbm);
    this.#replicas = tempering?.temperatures ?? 1;
    if (tempering && this.#replicas > 1) this.#ladder = new TemperatureLadder(rbm, tempering);
    if (fast) {
      this.#fast = {
        rule: allocateStruct(arena, FastWeights),
        fastWeights: arena.allocate(visiblePad * hiddenPad),
        chainWeights: arena.allocate(visiblePad * hiddenPad),
      };
    }
    this.#errors = allocateErrors(rbm);
    this.#monitor = allocateStruct(arena, States);
    this.#struct = allocateStruct(arena, PcdBatch);
  }

  /**
   * Learns from one batch; chains that have not begun start from binary samples of it.
   * @returns its mean squared reconstruction error without labels, where it is measured
   */
  step(cases: LabelledInputs, { kind, k, learning, key, monitor }: PcdStep): number | undefined {
    const { rbm, batch, update } = this.#parts, { arena } = rbm.team, { stage, step } = key;
    const stream = stageStreamOf(stage, rbmStreams.gibbs);
    const dropout = update.dropout(learning, stageStreamOf(stage, rbmStreams.dropout));
    const { rows, inputs, data } = batch.place(cases, { kind, stream, dropout });
    if (this.#rows === 0) this.#start(cases, { seed: key.seed, step, layer: stream });
    const statistics = batch.statistics(kind === "values" ? Form.Values : Form.Ones);
    const model = this.#placeChains(dropout);
    const swapStream = stageStreamOf(stage, rbmStreams.swap), hiddenSums = this.#chains.hidden;
    pack(arena, PcdBatch, this.#struct, {
      context: rbm.context(key),
      inputs,
      sampler: this.#chains.sampler(stageStreamOf(stage, rbmStreams.gibbs, 1)), // after the inputs'
      update: update.place(learning, { data, model, statistics, fast: this.#placeFast(learning) }),
      tempering: this.#ladder?.place(this.#rows, { step, swapStream, hiddenSums }) ?? 0,
      k,
      monitor: monitor ? this.#chains.place({ rows }, this.#monitor) : 0,
      monitorStream: stageStreamOf(stage, rbmStreams.monitor),
      errors: this.#errors,
    });
    rbm.team.run("persistentDivergence", this.#struct);
    return monitor ? meanError(rbm, this.#errors, { rows, labels: false }) : undefined;
  }

  #placeChains(dropout: number): number {
    const { baseBias = 0, betas = 0 } = this.#ladder ?? {}, rows = this.#rows;
    const weights = this.#fast?.chainWeights ?? this.#parts.rbm.places.weights;
    const learningRows = rows / this.#replicas;
    return this.#chains.place({ rows, learningRows, weights, baseBias, betas, dropout });
  }

  #placeFast(learning: PersistentLearning): number {
    if (!this.#fast) return 0;
    const { rule, ...weights } = this.#fast;
    const values = { ...pickFields(FastWeights, learning), ...weights };
    pack(this.#parts.rbm.team.arena, FastWeights, rule, values);
    return rule;
  }

  /** Chains start from binary samples of the batch, the same one at every temperature. */
  #start(
    { inputs: rows, labels }: LabelledInputs,
    { seed, step, layer }: { seed: number; step: number; layer: number },
  ): void {
    const inputs = "bytes" in rows
      ? Float32Array.from(rows.bytes, (byte) => byte / rows.divisor)
      : rows;
    const { inputSize, labelSize, visibleSize } = this.#parts.rbm;
    const chains = this.#count ?? labels.length, count = chains * this.#replicas;
    const states = new Float32Array(count * visibleSize), uniform = new Float32Array(inputSize);
    for (let row = 0; row < count; row++) {
      const from = row % chains % labels.length;
      fillUniform(uniform, { seed, step, layer, chain: row });
      for (let i = 0; i < inputSize; i++) {
        states[row * visibleSize + i] = uniform[i] < inputs[from * inputSize + i] ? 1 : 0;
      }
      if (labelSize > 0) states[row * visibleSize + inputSize + labels[from]] = 1;
    }
    this.setParticles(states);
    this.#ladder?.start(count);
    this.#placeChainWeights();
  }

  /** Binary states of the chains, (M, V); none before they begin. */
  particles(): Float32Array | undefined {
    return this.#rows === 0 ? undefined : this.#chains.states(this.#rows);
  }

  /** Puts chains (M, V) of binary states in the place of those there are. */
  setParticles(states: Float32Array): void {
    this.#rows = this.#chains.setStates(states);
  }

  /** What chains remember beside their states, by name; empty where they do not. */
  memory(): Record<string, Float32Array> {
    return readPlaces(this.#parts.rbm.team.arena, this.#memoryPlaces());
  }

  /** Restores {@linkcode memory}; what it lacks stays. Parameters must have been set before. */
  setMemory(memory: Record<string, Float32Array>): void {
    writePlaces(this.#parts.rbm.team.arena, this.#memoryPlaces(), memory);
    this.#placeChainWeights();
  }

  #memoryPlaces(): Places {
    const { maxRows, visiblePad, hiddenPad } = this.#parts.rbm, places: Places = {};
    if (this.#fast) places.fastWeights = [this.#fast.fastWeights, visiblePad * hiddenPad];
    if (this.#ladder) places.betas = [this.#ladder.betas, maxRows];
    return places;
  }

  /** weights + fast weights, and the same by hidden unit. */
  #placeChainWeights(): void {
    if (!this.#fast) return;
    const { rbm } = this.#parts, { arena } = rbm.team, count = rbm.visiblePad * rbm.hiddenPad;
    const slow = arena.floats(rbm.places.weights, count);
    const fast = arena.floats(this.#fast.fastWeights, count);
    const chain = arena.floats(this.#fast.chainWeights, count);
    for (let i = 0; i < count; i++) chain[i] = slow[i] + fast[i];
    rbm.transpose(this.#fast.chainWeights);
  }
}
