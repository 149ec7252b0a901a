/**
 * Fine-tuning of the feed-forward classifier on tfjs: backpropagation with Adam and dropout.
 * Hinton and Salakhutdinov (2006), "Reducing the dimensionality of data with neural networks";
 * Kingma and Ba (2015), "Adam"; Srivastava et al. (2014), "Dropout".
 * @module
 */
import { logSumExp } from "../../../src/math/activations.ts";
import { type RandomKey } from "../../../src/math/random.ts";
import { networkStreams, stageStreamOf } from "../../../src/math/streams.ts";
import type { Classifier } from "../../../src/model/dbn.ts";
import type { Tensor } from "../../../src/format/safetensors.ts";
import { tf } from "../../../src/engine/tfjs_backend.ts";
import { checkTfjs } from "../../recipes/check.ts";
import { fineTuningFields } from "../../recipes/schema/fine_tuning.ts";
import { adamUpdate, sampleBernoulli } from "./kernels.ts";
import { read, replace, toTensor } from "./tensors.ts";
import type { ClassifierTrainer, ClassifierTrainerOptions } from "../classifier_trainer.ts";
import { learningRateAt } from "../schedules.ts";
import type { Batch } from "../../data/examples.ts";
import { checkedMetrics, type Metrics, type Position } from "../trainer.ts";

// B batch, L labels

type Tensor2D = tf.Tensor2D;

/** Sigmoid hidden layers, softmax head, cross-entropy loss. */
export class TfjsClassifierTrainer implements ClassifierTrainer {
  readonly epochs: number;
  readonly #options: ClassifierTrainerOptions;
  readonly #sizes: [inputSize: number, outputSize: number][];
  /** kernel, bias, kernel, bias, … */
  #parameters: tf.Tensor[];
  #first: tf.Tensor[];
  #second: tf.Tensor[];

  constructor(start: Classifier, options: ClassifierTrainerOptions) {
    checkTfjs(fineTuningFields, options.recipe);
    this.#options = options;
    this.epochs = options.recipe.epochs;
    this.#sizes = start.map(({ inputSize, outputSize }) => [inputSize, outputSize]);
    this.#parameters = start.flatMap(({ kernel, bias, inputSize, outputSize }) => [
      tf.tensor2d(kernel, [inputSize, outputSize]),
      tf.tensor1d(bias),
    ]);
    this.#first = this.#parameters.map((p) => tf.zeros(p.shape));
    this.#second = this.#parameters.map((p) => tf.zeros(p.shape));
  }

  step(batch: Batch, position: Position): Metrics {
    const metrics = { loss: 0, accuracy: 0 };
    tf.tidy(() => {
      const { loss, gradients, accuracy } = this.lossAndGradients(batch, position);
      metrics.loss = loss;
      metrics.accuracy = accuracy;
      this.#update(gradients, position);
    });
    return checkedMetrics(metrics, position.step);
  }

  /**
   * Mean cross-entropy in nats, its gradients in the order of the parameters, and the accuracy.
   * Backpropagation written out (Rumelhart, Hinton, Williams 1986); tests check it by finite
   * differences.
   */
  lossAndGradients(
    batch: Batch,
    position: Position,
  ): { loss: number; gradients: tf.Tensor[]; accuracy: number } {
    const { activations, dropped } = this.#forward(batch.inputs, position);
    const logits = activations[activations.length - 1];
    const targets = tf.oneHot(tf.tensor1d(batch.labels, "int32"), logits.shape[1]);
    const gradients: tf.Tensor[] = [];
    // dL/dlogits = (softmax − target) / B
    let delta = tf.div(tf.sub(tf.softmax(logits), targets), batch.size) as Tensor2D;
    for (let i = this.#sizes.length - 1; i >= 0; i--) {
      gradients.unshift(tf.matMul(dropped[i], delta, true, false), tf.sum(delta, 0));
      if (i === 0) break;
      const kernel = this.#parameters[2 * i] as Tensor2D;
      // x = σ·mask, so dx/dlogits = σ(1 − σ)·mask = x(1 − σ)
      const slope = tf.mul(dropped[i], tf.sub(1, activations[i - 1]));
      delta = tf.mul(tf.matMul(delta, kernel, false, true), slope);
    }
    const hits = tf.equal(tf.argMax(logits, 1), tf.argMax(targets, 1));
    return {
      loss: crossEntropy(logits, batch.labels),
      gradients,
      accuracy: tf.sum(tf.cast(hits, "int32")).dataSync()[0] / batch.size,
    };
  }

  /**
   * `activations[i]` is layer i's output, `dropped[i]` its input after dropout, of which there is none
   * without a position.
   */
  #forward(
    inputs: Float32Array,
    position?: Position,
  ): { activations: Tensor2D[]; dropped: Tensor2D[] } {
    const { dropout, inputDropout } = this.#options.recipe;
    const last = this.#sizes.length - 1, size = this.#sizes[0][0];
    const activations: Tensor2D[] = [], dropped: Tensor2D[] = [];
    let x = tf.tensor2d(inputs, [inputs.length / size, size]);
    for (let i = 0; i <= last; i++) {
      if (position) x = this.#drop(x, i === 0 ? inputDropout : dropout, position, i);
      dropped.push(x);
      x = tf.fused.matMul({
        a: x,
        b: this.#parameters[2 * i] as Tensor2D,
        bias: this.#parameters[2 * i + 1],
        activation: i < last ? "sigmoid" : "linear",
      }) as Tensor2D;
      activations.push(x);
    }
    return { activations, dropped };
  }

  /** Inverted dropout: what stays is scaled by 1 / (1 − rate), so that inference needs no change. */
  #drop(x: Tensor2D, rate: number, position: Position, stream: number): Tensor2D {
    if (rate === 0) return x;
    const keep = sampleBernoulli(tf.fill(x.shape, 1 - rate), this.#key(position, stream));
    return tf.mul(x, tf.mul(keep, 1 / (1 - rate)));
  }

  #update(gradients: tf.Tensor[], position: Position): void {
    const { recipe } = this.#options, { step } = position;
    const learningRate = learningRateAt(recipe, position);
    this.#parameters = this.#parameters.map((parameter, i) => {
      const next = adamUpdate(parameter, this.#first[i], this.#second[i], gradients[i], {
        learningRate,
        beta1: recipe.beta1,
        beta2: recipe.beta2,
        epsilon: recipe.epsilon,
        step,
      });
      parameter.dispose();
      return tf.keep(next);
    });
  }

  #key({ step }: Position, layer: number): RandomKey {
    const { seed, stage } = this.#options;
    const stream = stageStreamOf(stage, networkStreams.dropout, layer);
    return { seed, chain: 0, step, layer: stream };
  }

  scores(inputs: Float32Array): Float32Array {
    return tf.tidy(() => Float32Array.from(this.#forward(inputs).activations.at(-1)!.dataSync()));
  }

  /** The network learnt so far. */
  parameters(): Classifier {
    return this.#sizes.map(([inputSize, outputSize], i) => ({
      inputSize,
      outputSize,
      kernel: read(this.#parameters[2 * i]),
      bias: read(this.#parameters[2 * i + 1]),
    }));
  }

  state(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    this.#parameters.forEach((parameter, i) => {
      state.set(`parameter${i}`, toTensor(parameter));
      state.set(`first${i}`, toTensor(this.#first[i]));
      state.set(`second${i}`, toTensor(this.#second[i]));
    });
    return state;
  }

  load(state: ReadonlyMap<string, Tensor>): void {
    const restore = (name: string) => (current: tf.Tensor, i: number) =>
      replace(current, state.get(`${name}${i}`));
    this.#parameters = this.#parameters.map(restore("parameter"));
    this.#first = this.#first.map(restore("first"));
    this.#second = this.#second.map(restore("second"));
  }

  dispose(): void {
    tf.dispose([...this.#parameters, ...this.#first, ...this.#second]);
  }
}

/** Mean of −log softmax(logits)[label], in nats. */
function crossEntropy(logits: Tensor2D, labels: Uint8Array): number {
  const values = logits.dataSync<"float32">(), size = logits.shape[1];
  let sum = 0;
  labels.forEach((label, row) => {
    sum += logSumExp(values, row * size, size) - values[row * size + label];
  });
  return sum / labels.length;
}
