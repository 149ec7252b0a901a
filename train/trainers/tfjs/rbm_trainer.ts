/**
 * Contrastive divergence for one RBM, with or without label units, on tfjs.
 * Hinton (2002), "Training products of experts by minimizing contrastive divergence", eq. 5;
 * Tieleman (2008), "Training RBMs using approximations to the likelihood gradient" (PCD);
 * settings of Hinton (2012), "A practical guide to training RBMs".
 * @module
 */
import { fillUniform, type RandomKey, sampleOneHot } from "../../../src/math/random.ts";
import { rbmStreams, stageStreamOf, type StreamRange } from "../../../src/math/streams.ts";
import type { LabelRbm, Rbm } from "../../../src/model/rbm.ts";
import type { Tensor } from "../../../src/format/safetensors.ts";
import { tf } from "../../../src/engine/tfjs_backend.ts";
import { checkTfjs } from "../../recipes/check.ts";
import { rbmFields } from "../../recipes/schema/rbm.ts";
import { type MomentumRates, momentumUpdate, sampleBernoulli } from "./kernels.ts";
import {
  initialHiddenBias,
  initialVisibleBias,
  initialWeights,
  PCD_MONITOR_INTERVAL,
  type RbmTrainerOptions,
} from "../rbm_start.ts";
import type { RbmTrainer } from "../rbm_trainer.ts";
import { read, replace, toTensor } from "./tensors.ts";
import { checkBatch } from "../../data/check.ts";
import type { Batch } from "../../data/examples.ts";
import { checkedMetrics, type Metrics, type Position } from "../trainer.ts";

// B batch, V visible (labels included), H hidden, L labels, M fantasy particles

type Tensor1D = tf.Tensor1D;
type Tensor2D = tf.Tensor2D;

/** Trains one RBM; see `RbmRecipe` for its two phases. */
export class TfjsRbmTrainer implements RbmTrainer {
  readonly epochs: number;
  readonly #options: RbmTrainerOptions;
  readonly #tensors: Record<"weights" | "visibleBias" | "hiddenBias", tf.Tensor>;
  readonly #velocities: Record<"weights" | "visibleBias" | "hiddenBias", tf.Tensor>;
  /** Binary visible states of the persistent chains, (M, V); empty before PCD begins. */
  #particles: Tensor2D | undefined;

  constructor(options: RbmTrainerOptions) {
    checkTfjs(rbmFields, options.recipe);
    this.#options = options;
    this.epochs = options.recipe.epochs + options.recipe.persistentEpochs;
    const { visibleSize, hiddenSize, labelSize } = options;
    const rows = visibleSize + labelSize;
    this.#tensors = {
      weights: tf.tensor2d(initialWeights(options, rows), [rows, hiddenSize]),
      visibleBias: tf.tensor1d(initialVisibleBias(options)),
      hiddenBias: tf.tensor1d(initialHiddenBias(options)),
    };
    this.#velocities = {
      weights: tf.zeros([rows, hiddenSize]),
      visibleBias: tf.zeros([rows]),
      hiddenBias: tf.zeros([hiddenSize]),
    };
  }

  step(batch: Batch, position: Position): Metrics {
    const { recipe, stage } = this.#options;
    if (stage === 0) checkBatch(batch, { gaussian: false });
    let metrics: Metrics = {};
    tf.tidy(() => {
      const persistent = position.epoch >= recipe.epochs;
      const visible = this.#joinLabels(batch);
      metrics = persistent
        ? this.#persistentStep(visible, batch, position)
        : this.#contrastiveStep(visible, batch, position);
    });
    return checkedMetrics(metrics, position.step);
  }

  /** CD-k: k steps of Gibbs sampling from the data. */
  #contrastiveStep(inputs: Tensor2D, batch: Batch, position: Position): Metrics {
    const { recipe } = this.#options;
    const visible = recipe.inputs === "sample"
      ? this.#sampleInputs(inputs, batch, this.#key(position, rbmStreams.inputs))
      : inputs;
    const hidden = this.#hidden(visible);
    let reconstruction = visible, negative = hidden, mean = visible;
    for (let k = 0; k < recipe.k; k++) {
      const key = this.#key(position, rbmStreams.gibbs, 3 * k);
      reconstruction = mean = this.#visible(sampleBernoulli(negative, key));
      if (k < recipe.k - 1 || recipe.reconstruction === "sample") {
        reconstruction = this.#sampleVisible(mean, position, 3 * k);
      }
      negative = this.#hidden(reconstruction);
    }
    this.#update([visible, hidden], [reconstruction, negative], {
      learningRate: recipe.learningRate,
      momentum: position.epoch < recipe.momentumSwitchEpoch
        ? recipe.momentum
        : recipe.finalMomentum,
      weightCost: recipe.weightCost,
    });
    return { reconstruction_error: this.#squaredError(inputs, mean) };
  }

  /** PCD: the negative statistics come from chains that go on from batch to batch. */
  #persistentStep(visible: Tensor2D, batch: Batch, position: Position): Metrics {
    const { recipe } = this.#options;
    const { step, batchesPerEpoch } = position;
    const data = this.#sampleInputs(visible, batch, this.#key(position, rbmStreams.gibbs));
    let particles = this.#particles ?? data;
    for (let k = 0; k < recipe.k; k++) {
      const hidden = sampleBernoulli(
        this.#hidden(particles),
        this.#key(position, rbmStreams.gibbs, 3 * k + 1),
      );
      particles = this.#sampleVisible(this.#visible(hidden), position, 3 * k + 1);
    }
    const done = step - recipe.epochs * batchesPerEpoch;
    const hidden = this.#hidden(data);
    this.#update([data, hidden], [particles, this.#hidden(particles)], {
      learningRate: recipe.persistentLearningRate *
        (1 - done / (recipe.persistentEpochs * batchesPerEpoch)),
      momentum: recipe.momentum,
      weightCost: recipe.weightCost,
    });
    this.#particles?.dispose();
    this.#particles = tf.keep(tf.clone(particles) as Tensor2D);
    if (step % PCD_MONITOR_INTERVAL !== 0) return {};
    const mean = this.#visible(sampleBernoulli(hidden, this.#key(position, rbmStreams.monitor)));
    return { sampled_reconstruction_error: this.#squaredPixelError(visible, mean) };
  }

  /** Inputs as binary samples of their values; labels as they are. */
  #sampleInputs(visible: Tensor2D, { size }: Batch, key: RandomKey): Tensor2D {
    const { visibleSize, labelSize } = this.#options;
    const sampled = sampleBernoulli(tf.slice(visible, [0, 0], [size, visibleSize]), key);
    if (labelSize === 0) return sampled;
    return tf.concat([sampled, tf.slice(visible, [0, visibleSize], [size, labelSize])], 1);
  }

  /** ΔW = ⟨vᵀh⟩ of data − ⟨vᵀh⟩ of model, in one product: [v/B; −v'/M]ᵀ·[h; h']. */
  #update(
    [visible, hidden]: [Tensor2D, Tensor2D],
    [negativeVisible, negativeHidden]: [Tensor2D, Tensor2D],
    rates: MomentumRates,
  ): void {
    const signed = tf.concat([
      tf.mul(visible, 1 / visible.shape[0]),
      tf.mul(negativeVisible, -1 / negativeVisible.shape[0]),
    ]) as Tensor2D;
    const gradients = {
      weights: tf.matMul(signed, tf.concat([hidden, negativeHidden]) as Tensor2D, true, false),
      visibleBias: tf.sum(signed, 0),
      hiddenBias: tf.sub(tf.mean(hidden, 0), tf.mean(negativeHidden, 0)),
    };
    for (const name of ["weights", "visibleBias", "hiddenBias"] as const) {
      const before = this.#tensors[name];
      this.#tensors[name] = tf.keep(
        momentumUpdate(before, this.#velocities[name], gradients[name], {
          ...rates,
          weightCost: name === "weights" ? rates.weightCost : 0,
        }),
      );
      before.dispose();
    }
  }

  #hidden(visible: Tensor2D): Tensor2D {
    return tf.fused.matMul({
      a: visible,
      b: this.#tensors.weights as Tensor2D,
      bias: this.#tensors.hiddenBias,
      activation: "sigmoid",
    }) as Tensor2D;
  }

  /** p(v|h): logistic pixels, then a softmax group of labels. */
  #visible(hidden: Tensor2D): Tensor2D {
    const { visibleSize, labelSize } = this.#options;
    const logits = tf.fused.matMul({
      a: hidden,
      b: this.#tensors.weights as Tensor2D,
      bias: this.#tensors.visibleBias,
      transposeB: true,
      activation: labelSize === 0 ? "sigmoid" : "linear",
    }) as Tensor2D;
    if (labelSize === 0) return logits;
    const rows = logits.shape[0];
    return tf.concat([
      tf.sigmoid(tf.slice(logits, [0, 0], [rows, visibleSize])),
      tf.softmax(tf.slice(logits, [0, visibleSize], [rows, labelSize])),
    ], 1) as Tensor2D;
  }

  /** A binary sample of the pixels and a one-hot sample of the labels. */
  #sampleVisible(probabilities: Tensor2D, position: Position, stream: number): Tensor2D {
    const { visibleSize, labelSize } = this.#options;
    const rows = probabilities.shape[0];
    const pixels = sampleBernoulli(
      tf.slice(probabilities, [0, 0], [rows, visibleSize]),
      this.#key(position, rbmStreams.gibbs, stream + 1),
    );
    if (labelSize === 0) return pixels;
    const labels = tf.slice(probabilities, [0, visibleSize], [rows, labelSize]).dataSync();
    const chosen = sampleLabelRows(
      Float32Array.from(labels),
      labelSize,
      this.#key(position, rbmStreams.gibbs, stream + 2),
    );
    return tf.concat([pixels, tf.tensor2d(chosen, [rows, labelSize])], 1) as Tensor2D;
  }

  #joinLabels({ inputs, labels, size }: Batch): Tensor2D {
    const { visibleSize, labelSize } = this.#options;
    const visible = tf.tensor2d(inputs, [size, visibleSize]);
    if (labelSize === 0) return visible;
    const oneHot = new Float32Array(size * labelSize);
    for (let row = 0; row < size; row++) oneHot[row * labelSize + labels[row]] = 1;
    return tf.concat([visible, tf.tensor2d(oneHot, [size, labelSize])], 1) as Tensor2D;
  }

  #squaredError(visible: Tensor2D, reconstruction: Tensor2D): number {
    return tf.sum(tf.squaredDifference(visible, reconstruction)).dataSync()[0] / visible.shape[0];
  }

  #squaredPixelError(visible: Tensor2D, mean: Tensor2D): number {
    const size = [visible.shape[0], this.#options.visibleSize] as [number, number];
    return this.#squaredError(tf.slice(visible, [0, 0], size), tf.slice(mean, [0, 0], size));
  }

  #key({ step }: Position, range: StreamRange, index = 0): RandomKey {
    const layer = stageStreamOf(this.#options.stage, range, index);
    return { seed: this.#options.seed, chain: 0, step, layer };
  }

  /** The parameters learnt so far. */
  parameters(): Rbm {
    const { visibleSize, hiddenSize } = this.#options;
    const { weights, visibleBias, hiddenBias } = this.#tensors;
    return {
      visibleSize,
      hiddenSize,
      weights: read(weights).slice(0, visibleSize * hiddenSize),
      visibleBias: read(visibleBias).slice(0, visibleSize),
      hiddenBias: read(hiddenBias),
    };
  }

  /** The parameters of an RBM that was made with labels. */
  labelParameters(): LabelRbm {
    const { visibleSize, hiddenSize, labelSize } = this.#options;
    return {
      ...this.parameters(),
      labelSize,
      labelWeights: read(this.#tensors.weights).slice(visibleSize * hiddenSize),
      labelBias: read(this.#tensors.visibleBias).slice(visibleSize),
    };
  }

  state(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const name of ["weights", "visibleBias", "hiddenBias"] as const) {
      state.set(name, toTensor(this.#tensors[name]));
      state.set(`velocity.${name}`, toTensor(this.#velocities[name]));
    }
    if (this.#particles) state.set("particles", toTensor(this.#particles));
    return state;
  }

  load(state: ReadonlyMap<string, Tensor>): void {
    for (const name of ["weights", "visibleBias", "hiddenBias"] as const) {
      this.#tensors[name] = replace(this.#tensors[name], state.get(name));
      this.#velocities[name] = replace(this.#velocities[name], state.get(`velocity.${name}`));
    }
    const particles = state.get("particles");
    this.#particles?.dispose();
    this.#particles = particles && tf.tensor2d(particles.data, particles.shape as [number, number]);
  }

  dispose(): void {
    tf.dispose([...Object.values(this.#tensors), ...Object.values(this.#velocities)]);
    this.#particles?.dispose();
  }
}

function sampleLabelRows(rows: Float32Array, size: number, key: RandomKey): Float32Array {
  const out = new Float32Array(rows.length);
  const uniform = new Float32Array(1);
  for (let row = 0; row * size < rows.length; row++) {
    fillUniform(uniform, { ...key, chain: row });
    sampleOneHot(out, rows, row * size, size, uniform[0]);
  }
  return out;
}
