/**
 * Contrastive divergence for one RBM, with or without label units, on the project's own kernels and
 * threads. The algorithm is that of ../tfjs/rbm_trainer.ts, and the random numbers are the same.
 * @module
 */
import { tensorsUnder } from "../../../src/format/safetensors.ts";
import type { LabelRbm, Rbm } from "../../../src/model/rbm.ts";
import type { Tensor } from "../../../src/format/safetensors.ts";
import type { Team } from "../../../src/kernels/runtime/team.ts";
import { ContrastiveDivergence } from "../../../src/kernels/training/contrastive_divergence.ts";
import { PersistentDivergence } from "../../../src/kernels/training/persistent_divergence.ts";
import {
  type InputKind,
  type LabelledInputs,
  RbmBatch,
} from "../../../src/kernels/training/rbm_batch.ts";
import { RbmMemory, type TrainingParameters } from "../../../src/kernels/training/rbm_memory.ts";
import { RbmUpdate } from "../../../src/kernels/training/rbm_update.ts";
import {
  initialHiddenBias,
  initialVisibleBias,
  initialWeights,
  logOdds,
  PCD_MONITOR_INTERVAL,
  type RbmTrainerOptions,
} from "../rbm_start.ts";
import type { RbmTrainer } from "../rbm_trainer.ts";
import { gibbsStepsAt, learningRateAt } from "../schedules.ts";
import { checkBatch } from "../../data/check.ts";
import type { Batch } from "../../data/examples.ts";
import { checkedMetrics, type Metrics, type Position } from "../trainer.ts";

// V visible (labels included), H hidden

const PARAMETERS = ["weights", "visibleBias", "hiddenBias"] as const;

/** Trains one RBM; see `RbmRecipe` for its two phases. The team must have started. */
export class SimdRbmTrainer implements RbmTrainer {
  readonly epochs: number;
  readonly #options: RbmTrainerOptions;
  readonly #rbm: RbmMemory;
  readonly #update: RbmUpdate;
  readonly #cd: ContrastiveDivergence | undefined;
  readonly #pcd: PersistentDivergence | undefined;
  readonly #release: () => void;

  constructor(team: Team, options: RbmTrainerOptions) {
    this.#options = options;
    const { recipe, visibleSize: inputSize, hiddenSize, labelSize, batchSize, stage } = options;
    const { temperatures, lowestBeta } = recipe, chains = recipe.chains || batchSize;
    const isPersistent = recipe.persistentEpochs > 0;
    this.epochs = recipe.epochs + recipe.persistentEpochs;
    this.#release = team.arena.mark();
    const rbm = this.#rbm = new RbmMemory(team, {
      inputSize,
      labelSize,
      hiddenSize,
      maxRows: batchSize,
      maxChains: isPersistent ? chains * temperatures : 0,
      visible: stage === 0 ? recipe.visible : "bernoulli",
    });
    const batch = new RbmBatch(rbm, { dense: stage > 0, bytes: true });
    const update = this.#update = new RbmUpdate(rbm), parts = { rbm, batch, update };
    if (recipe.epochs > 0) this.#cd = new ContrastiveDivergence(parts);
    if (isPersistent) {
      this.#pcd = new PersistentDivergence(parts, {
        chains,
        tempering: { temperatures, lowestBeta, baseBias: logOdds(options.visibleMean) },
        fast: recipe.fastLearningRate > 0,
      });
    }
    rbm.setParameters({
      weights: initialWeights(options, inputSize + labelSize),
      visibleBias: initialVisibleBias(options),
      hiddenBias: initialHiddenBias(options),
    });
  }

  step(batch: Batch, position: Position): Metrics {
    const { recipe, stage } = this.#options;
    if (stage === 0) checkBatch(batch, { gaussian: recipe.visible === "gaussian" });
    const cases = { inputs: batch.source ?? batch.inputs, labels: batch.labels };
    const metrics = position.epoch >= recipe.epochs
      ? this.#stepPersistent(cases, position)
      : this.#stepCd(cases, position);
    return checkedMetrics(metrics, position.step);
  }

  #stepCd(cases: LabelledInputs, position: Position): Metrics {
    const { recipe, seed, stage } = this.#options, { epoch, step } = position;
    const momentum = epoch < recipe.momentumSwitchEpoch ? recipe.momentum : recipe.finalMomentum;
    const error = this.#cd!.step(cases, {
      kind: recipe.inputs === "sample" ? "samples" : this.#grey,
      reconstruction: recipe.reconstruction,
      k: gibbsStepsAt(recipe, epoch),
      learning: { ...recipe, momentum, learningRate: learningRateAt(recipe, position) },
      key: { seed, step, stage },
    });
    return { reconstruction_error: error };
  }

  #stepPersistent(cases: LabelledInputs, { step, batchesPerEpoch }: Position): Metrics {
    const { recipe, seed, stage } = this.#options;
    const done = step - recipe.epochs * batchesPerEpoch;
    const all = recipe.persistentEpochs * batchesPerEpoch;
    const learningRate = recipe.persistentLearningRate * (1 - done / all);
    const error = this.#pcd!.step(cases, {
      kind: "samples",
      k: recipe.k,
      learning: { ...recipe, learningRate },
      // A reconstruction by fast weights would say nothing of the slow ones.
      monitor: step % PCD_MONITOR_INTERVAL === 0 && recipe.fastLearningRate === 0,
      key: { seed, step, stage },
    });
    return error === undefined ? {} : { sampled_reconstruction_error: error };
  }

  /** Grey inputs of images are mostly 0; of a layer below, probabilities, none is. */
  get #grey(): InputKind {
    return this.#options.stage > 0 ? "dense" : "values";
  }

  parameters(): Rbm {
    const { visibleSize, hiddenSize } = this.#options;
    const { weights, visibleBias, hiddenBias } = this.#rbm.parameters();
    return {
      visibleSize,
      hiddenSize,
      weights: weights.slice(0, visibleSize * hiddenSize),
      visibleBias: visibleBias.slice(0, visibleSize),
      hiddenBias,
    };
  }

  labelParameters(): LabelRbm {
    const { visibleSize, hiddenSize, labelSize } = this.#options;
    const { weights, visibleBias } = this.#rbm.parameters();
    return {
      ...this.parameters(),
      labelSize,
      labelWeights: weights.slice(visibleSize * hiddenSize),
      labelBias: visibleBias.slice(visibleSize),
    };
  }

  state(): Map<string, Tensor> {
    const { visibleSize, hiddenSize, labelSize } = this.#options, rows = visibleSize + labelSize;
    const shapes = { weights: [rows, hiddenSize], visibleBias: [rows], hiddenBias: [hiddenSize] };
    const parameters = this.#rbm.parameters(), velocities = this.#update.velocities();
    const state = new Map<string, Tensor>();
    for (const name of PARAMETERS) {
      state.set(name, { shape: shapes[name], data: parameters[name] });
      state.set(`velocity.${name}`, { shape: shapes[name], data: velocities[name] });
    }
    const memory = { ...this.#update.memory(), ...this.#pcd?.memory() };
    for (const [name, data] of Object.entries(memory)) {
      if (data.some((x) => x !== 0)) state.set(`memory.${name}`, { shape: [data.length], data });
    }
    const data = this.#pcd?.particles();
    if (data) state.set("particles", { shape: [data.length / rows, rows], data });
    return state;
  }

  load(state: ReadonlyMap<string, Tensor>): void {
    const pick = (prefix: string) =>
      Object.fromEntries(PARAMETERS.map((name) => {
        const tensor = state.get(prefix + name);
        if (!tensor) throw new RangeError(`there is no tensor ${prefix + name}`);
        return [name, tensor.data];
      })) as unknown as TrainingParameters;
    this.#rbm.setParameters(pick(""));
    this.#update.setVelocities(pick("velocity."));
    const saved = [...tensorsUnder(state, "memory")].map(([name, { data }]) => [name, data]);
    const memory: Record<string, Float32Array> = Object.fromEntries(saved);
    this.#update.setMemory(memory);
    this.#pcd?.setMemory(memory);
    const particles = state.get("particles");
    if (particles) this.#pcd?.setParticles(particles.data);
  }

  dispose(): void {
    this.#release();
  }
}
