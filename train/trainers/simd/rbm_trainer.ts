/**
 * Contrastive divergence for one RBM, with or without label units, on the project's own kernels and
 * on every core. The algorithm is that of tfjs_rbm_trainer.ts, and the random numbers are the same.
 * @module
 */
import { tensorsUnder } from "../../../src/format/safetensors.ts";
import { type RandomKey } from "../../../src/math/random.ts";
import { rbmStreams, stageStreamOf, type StreamRange } from "../../../src/math/streams.ts";
import type { LabelRbm, Rbm } from "../../../src/model/rbm.ts";
import type { Tensor } from "../../../src/format/safetensors.ts";
import type { Team } from "../../../src/kernels/runtime/team.ts";
import { type TrainingParameters, TrainingRbm } from "../../../src/kernels/training/rbm.ts";
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
import type { Batch } from "../../data/examples.ts";
import type { Metrics, Position } from "../trainer.ts";

// V visible (labels included), H hidden

const PARAMETERS = ["weights", "visibleBias", "hiddenBias"] as const;

/** Trains one RBM; see `RbmRecipe` for its two phases. The team must have started. */
export class SimdRbmTrainer implements RbmTrainer {
  readonly epochs: number;
  readonly #options: RbmTrainerOptions;
  readonly #rbm: TrainingRbm;
  readonly #release: () => void;

  constructor(team: Team, options: RbmTrainerOptions) {
    this.#options = options;
    const { recipe, visibleSize: inputSize, hiddenSize, labelSize, batchSize, stage } = options;
    const { persistentEpochs, temperatures, chains, lowestBeta, fastLearningRate } = recipe;
    this.epochs = recipe.epochs + recipe.persistentEpochs;
    this.#release = team.arena.mark();
    this.#rbm = new TrainingRbm(team, {
      inputSize,
      labelSize,
      hiddenSize,
      maxRows: batchSize,
      chains: chains || batchSize,
      temperatures: persistentEpochs > 0 ? temperatures : 1,
      lowestBeta,
      baseBias: logOdds(options.visibleMean),
      fast: persistentEpochs > 0 && fastLearningRate > 0,
      gaussian: recipe.visible === "gaussian" && stage === 0,
    });
    this.#rbm.setParameters({
      weights: initialWeights(options, inputSize + labelSize),
      visibleBias: initialVisibleBias(options),
      hiddenBias: initialHiddenBias(options),
    });
  }

  step(batch: Batch, { epoch, step, batchesPerEpoch }: Position): Metrics {
    const { recipe, stage } = this.#options;
    const persistent = epoch >= recipe.epochs;
    const done = step - recipe.epochs * batchesPerEpoch;
    // A reconstruction by fast weights would say nothing of the slow ones.
    const isMeasured = step % PCD_MONITOR_INTERVAL === 0 && recipe.fastLearningRate === 0;
    const monitor = !persistent || isMeasured;
    const learningRate = persistent
      ? recipe.persistentLearningRate * (1 - done / (recipe.persistentEpochs * batchesPerEpoch))
      : learningRateAt(recipe, { step, batchesPerEpoch });
    const error = this.#rbm.step({
      inputs: batch.source ?? batch.inputs,
      labels: batch.labels,
      persistent,
      monitor,
      sampleInputs: persistent || recipe.inputs === "sample",
      denseInputs: stage > 0, // probabilities of the layer below, none of them 0
      sampleVisible: persistent || recipe.reconstruction === "sample",
      k: persistent ? recipe.k : gibbsStepsAt(recipe, epoch),
      learningRate,
      momentum: persistent || epoch < recipe.momentumSwitchEpoch
        ? recipe.momentum
        : recipe.finalMomentum,
      weightCost: recipe.weightCost,
      l1: recipe.l1,
      dropout: recipe.dropout,
      sparsityCost: recipe.sparsityCost,
      sparsityTarget: recipe.sparsityTarget,
      centring: recipe.centring,
      fastRate: persistent ? recipe.fastLearningRate : 0,
      fastDecay: recipe.fastDecay,
      key: this.#key(step, rbmStreams.gibbs),
      inputLayer: this.#key(step, persistent ? rbmStreams.gibbs : rbmStreams.inputs).layer,
    });
    if (error === undefined) return {};
    return { [persistent ? "sampled_reconstruction_error" : "reconstruction_error"]: error };
  }

  #key(step: number, range: StreamRange): RandomKey {
    const { stage, seed } = this.#options;
    return { seed, chain: 0, step, layer: stageStreamOf(stage, range) };
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
    const parameters = this.#rbm.parameters(), velocities = this.#rbm.velocities();
    const state = new Map<string, Tensor>();
    for (const name of PARAMETERS) {
      state.set(name, { shape: shapes[name], data: parameters[name] });
      state.set(`velocity.${name}`, { shape: shapes[name], data: velocities[name] });
    }
    for (const [name, data] of Object.entries(this.#rbm.memory())) {
      if (data.some((x) => x !== 0)) state.set(`memory.${name}`, { shape: [data.length], data });
    }
    const data = this.#rbm.particles();
    if (data) state.set("particles", { shape: [data.length / rows, rows], data });
    return state;
  }

  load(state: ReadonlyMap<string, Tensor>): void {
    const pick = (prefix: string) =>
      Object.fromEntries(PARAMETERS.map((name) => {
        const tensor = state.get(prefix + name);
        if (!tensor) throw new RangeError(`Cannot resume: the checkpoint has no ${prefix + name}`);
        return [name, tensor.data];
      })) as unknown as TrainingParameters;
    this.#rbm.setParameters(pick(""));
    this.#rbm.setVelocities(pick("velocity."));
    const memory = [...tensorsUnder(state, "memory")].map(([name, { data }]) => [name, data]);
    this.#rbm.setMemory(Object.fromEntries(memory));
    const particles = state.get("particles");
    if (particles) this.#rbm.setParticles(particles.data);
  }

  dispose(): void {
    this.#release();
  }
}
