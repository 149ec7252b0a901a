/**
 * Fine-tuning by conjugate gradients: three line searches on each mini-batch, as in Hinton and
 * Salakhutdinov (2006), "Reducing the dimensionality of data with neural networks", whose batches had
 * 1,000 cases.
 * @module
 */
import type { Classifier } from "../../../src/model/dbn.ts";
import type { Tensor } from "../../../src/format/safetensors.ts";
import { TrainingNetwork } from "../../../src/kernels/training/network.ts";
import type { Team } from "../../../src/kernels/runtime/team.ts";
import { checkConjugateGradient } from "../../recipes/rules.ts";
import type { ClassifierTrainer, ClassifierTrainerOptions } from "../classifier_trainer.ts";
import { minimize } from "./conjugate_gradient.ts";
import { fromTensors, scoresInBatches, tensors } from "./classifier_trainer.ts";
import type { Batch } from "../../data/examples.ts";
import { checkedMetrics, type Metrics, type Position } from "../trainer.ts";

/** Line searches on a batch. */
const SEARCHES = 3;

/** Learns without a learning rate and without dropout. */
export class ConjugateGradientTrainer implements ClassifierTrainer {
  readonly epochs: number;
  readonly #options: ClassifierTrainerOptions;
  readonly #network: TrainingNetwork;
  readonly #release: () => void;

  constructor(team: Team, start: Classifier, options: ClassifierTrainerOptions) {
    const { recipe, batchSize: maxRows } = options;
    checkConjugateGradient(recipe);
    this.#options = options;
    this.epochs = recipe.epochs;
    this.#release = team.arena.mark();
    this.#network = new TrainingNetwork(team, start, { maxRows, activation: recipe.activation });
  }

  step({ inputs, labels }: Batch, position: Position): Metrics {
    const { l1, l2 } = this.#options.recipe;
    let metrics: Metrics | undefined; // of the start
    const { point } = minimize(
      (x) => {
        this.#setPoint(x);
        const { loss, accuracy, gradients } = this.#network.gradients(inputs, labels);
        metrics ??= { loss, accuracy };
        const gradient = new Float64Array(x.length);
        let value = loss, at = 0;
        gradients.forEach((part, i) => {
          gradient.set(part, at);
          for (let j = at; i % 2 === 0 && j < at + part.length; j++) {
            value += l1 * Math.abs(x[j]) + l2 * x[j] * x[j] / 2;
            gradient[j] += l1 * Math.sign(x[j]) + l2 * x[j];
          }
          at += part.length;
        });
        return { value, gradient };
      },
      this.#point(),
      SEARCHES,
    );
    this.#setPoint(point);
    return checkedMetrics(metrics!, position.step);
  }

  /** All parameters in one row. */
  #point(): Float64Array {
    const parts = this.parameters().flatMap(({ kernel, bias }) => [kernel, bias]);
    const out = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  #setPoint(point: Float64Array): void {
    let at = 0;
    const take = (count: number) => Float32Array.from(point.subarray(at, at += count));
    this.#network.setParameters(
      this.#network.sizes.map(({ inputSize, outputSize }) => ({
        inputSize,
        outputSize,
        kernel: take(inputSize * outputSize),
        bias: take(outputSize),
      })),
    );
  }

  parameters(): Classifier {
    return this.#network.parameters();
  }

  scores(inputs: Float32Array): Float32Array {
    return scoresInBatches(this.#network, inputs, this.#options.batchSize);
  }

  state(): Map<string, Tensor> {
    return new Map(tensors("parameter", this.parameters()));
  }

  load(state: ReadonlyMap<string, Tensor>): void {
    this.#network.setParameters(fromTensors("parameter", state, this.parameters()));
  }

  dispose(): void {
    this.#release();
  }
}
