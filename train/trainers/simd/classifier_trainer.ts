/**
 * Fine-tuning of the feed-forward classifier on the project's own kernels and threads:
 * backpropagation with any of the first-order optimizers.
 * @module
 */
import { tensorsUnder } from "../../../src/format/safetensors.ts";
import type { Classifier } from "../../../src/model/dbn.ts";
import type { Tensor } from "../../../src/format/safetensors.ts";
import { TrainingNetwork } from "../../../src/kernels/training/network.ts";
import type { Team } from "../../../src/kernels/runtime/team.ts";
import type { ClassifierTrainer, ClassifierTrainerOptions } from "../classifier_trainer.ts";
import type { FineTuningRecipe } from "../../recipes/recipe.ts";
import { learningRateAt } from "../schedules.ts";
import type { Batch } from "../../data/examples.ts";
import { checkedMetrics, type Metrics, type Position } from "../trainer.ts";

// B batch, I inputs, L labels

/** Hidden layers of sigmoids or ReLUs, softmax head, cross-entropy loss. */
export class SimdClassifierTrainer implements ClassifierTrainer {
  readonly epochs: number;
  readonly #options: ClassifierTrainerOptions;
  readonly #network: TrainingNetwork;
  readonly #release: () => void;

  constructor(team: Team, start: Classifier, options: ClassifierTrainerOptions) {
    const { recipe, batchSize } = options;
    this.#options = options;
    this.epochs = recipe.epochs;
    this.#release = team.arena.mark();
    this.#network = new TrainingNetwork(team, start, {
      maxRows: batchSize,
      activation: recipe.activation,
      normalized: recipe.batchNormalization,
    });
  }

  step({ inputs, labels }: Batch, position: Position): Metrics {
    const { recipe, seed, stage } = this.#options, { optimizer } = recipe;
    const { loss, accuracy } = this.#network.step({
      inputs,
      labels,
      key: { seed, step: position.step, stage },
      inputDropout: recipe.inputDropout,
      dropout: recipe.dropout,
      optimizer: optimizer === "conjugate_gradient" ? "sgd" : optimizer,
      learningRate: learningRateAt(recipe, position),
      momentum: decay(recipe),
      beta2: recipe.beta2,
      epsilon: recipe.epsilon,
      updates: position.step,
      l1: recipe.l1,
      l2: recipe.l2,
      maxNorm: recipe.maxNorm,
      adversarialEpsilon: recipe.adversarialEpsilon,
      adversarialCases: recipe.adversarialCases,
      adversarialNorm: recipe.adversarialNorm,
      noise: recipe.noise,
      inputNoise: recipe.inputNoise,
    });
    return checkedMetrics({ loss, accuracy }, position.step);
  }

  /** With batch normalization folded into them. */
  parameters(): Classifier {
    return this.#network.foldedParameters();
  }

  scores(inputs: Float32Array): Float32Array {
    return scoresInBatches(this.#network, inputs, this.#options.batchSize);
  }

  state(): Map<string, Tensor> {
    const [first, second] = this.#network.states();
    const state = new Map([
      ...tensors("parameter", this.#network.parameters()),
      ...tensors("first", first),
      ...tensors("second", second),
    ]);
    for (const [name, data] of Object.entries(this.#network.memory())) {
      state.set(`memory.${name}`, { shape: [data.length], data });
    }
    return state;
  }

  load(state: ReadonlyMap<string, Tensor>): void {
    const start = this.#network.parameters();
    const pick = (name: string) => fromTensors(name, state, start);
    this.#network.setParameters(pick("parameter"));
    this.#network.setStates(pick("first"), pick("second"));
    const saved = tensorsUnder(state, "memory");
    const memory = Object.keys(this.#network.memory()).map((name) => {
      const tensor = saved.get(name);
      if (!tensor) throw new RangeError(`there is no tensor memory.${name}`);
      return [name, tensor.data];
    });
    this.#network.setMemory(Object.fromEntries(memory));
  }

  dispose(): void {
    this.#release();
  }
}

/** What the optimizer's formula calls μ. */
function decay({ optimizer, momentum, rho, beta1 }: FineTuningRecipe): number {
  if (optimizer === "adam") return beta1;
  return optimizer === "rmsprop" || optimizer === "adadelta" ? rho : momentum;
}

/** Scores of any number of rows. */
export function scoresInBatches(
  network: TrainingNetwork,
  inputs: Float32Array,
  batchSize: number,
): Float32Array {
  const [{ inputSize }] = network.sizes, { outputSize } = network.sizes.at(-1)!;
  const rows = inputs.length / inputSize, out = new Float32Array(rows * outputSize);
  for (let first = 0; first < rows; first += batchSize) {
    const last = Math.min(rows, first + batchSize);
    const scores = network.scores(inputs.subarray(first * inputSize, last * inputSize));
    out.set(scores, first * outputSize);
  }
  return out;
}

/** A network's parameters as tensors NAME0 (I, O), NAME1 (O), NAME2 … */
export function tensors(name: string, network: Classifier): [string, Tensor][] {
  return network.flatMap(({ inputSize, outputSize, kernel, bias }, i): [string, Tensor][] => [
    [`${name}${2 * i}`, { shape: [inputSize, outputSize], data: kernel }],
    [`${name}${2 * i + 1}`, { shape: [outputSize], data: bias }],
  ]);
}

/** The inverse of {@linkcode tensors}. @throws {RangeError} if one is missing. */
export function fromTensors(
  name: string,
  state: ReadonlyMap<string, Tensor>,
  like: Classifier,
): Classifier {
  const take = (i: number) => {
    const tensor = state.get(`${name}${i}`);
    if (!tensor) throw new RangeError(`there is no tensor ${name}${i}`);
    return tensor.data;
  };
  return like.map(({ inputSize, outputSize }, i) => ({
    inputSize,
    outputSize,
    kernel: take(2 * i),
    bias: take(2 * i + 1),
  }));
}
