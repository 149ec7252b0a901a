/**
 * Fine-tuning of the joint model by the up-down algorithm, the contrastive form of wake-sleep: after
 * greedy training the layers of the stack get recognition and generative weights of their own.
 * Hinton, Osindero, Teh (2006), "A fast learning algorithm for deep belief nets", §5 and appendix B.
 * @module
 */
import { rbmStreams, stageStreamOf } from "../../../src/math/streams.ts";
import type { Tensor } from "../../../src/format/safetensors.ts";
import type { Dbn, StackLayer } from "../../../src/model/dbn.ts";
import type { Team } from "../../../src/kernels/runtime/team.ts";
import { ContrastiveDivergence } from "../../../src/kernels/training/contrastive_divergence.ts";
import { DirectedLayer } from "../../../src/kernels/training/directed_layer.ts";
import { DiscriminativeGradient } from "../../../src/kernels/training/discriminative_gradient.ts";
import { PersistentDivergence } from "../../../src/kernels/training/persistent_divergence.ts";
import { RbmBatch } from "../../../src/kernels/training/rbm_batch.ts";
import { RbmMemory, type TrainingParameters } from "../../../src/kernels/training/rbm_memory.ts";
import { RbmUpdate } from "../../../src/kernels/training/rbm_update.ts";
import { joinLabels } from "./join_labels.ts";
import { recipeOf } from "../../recipes/complete.ts";
import type { UpDownRecipe } from "../../recipes/recipe.ts";
import { gibbsStepsAt, learningRateAt } from "../schedules.ts";
import { PCD_MONITOR_INTERVAL } from "../rbm_start.ts";
import type { Batch } from "../../data/examples.ts";
import type { Metrics, Position, Trainer } from "../trainer.ts";

// B batch, V visible, H hidden, P penultimate units, L labels

/** Settings of an {@linkcode UpDownTrainer}. */
export interface UpDownOptions {
  recipe: UpDownRecipe;
  seed: number;
  stage: number;
}

/** States of every layer, from the image (B, V) to the penultimate units (B, P). */
type LayerStates = Float32Array[];

const PARAMETERS = ["weights", "visibleBias", "hiddenBias"] as const;

/** What up-down has no options for is as an RBM's recipe has it by default: off. */
const rbmDefaults = recipeOf({}).topRbm;

/** Trains a whole DBN; both directions of a layer learn by the delta rule, the top by CD or PCD. */
export class UpDownTrainer implements Trainer {
  readonly epochs: number;
  readonly #options: UpDownOptions;
  readonly #sizes: { visibleSize: number; hiddenSize: number }[];
  readonly #topSizes: { visibleSize: number; hiddenSize: number; labelSize: number };
  /** Layers upwards, from V to H. */
  readonly #recognition: DirectedLayer[];
  /** Layers downwards, from H to V. */
  readonly #generative: DirectedLayer[];
  readonly #top: RbmMemory;
  readonly #topUpdate: RbmUpdate;
  readonly #cd: ContrastiveDivergence | undefined;
  readonly #pcd: PersistentDivergence | undefined;
  readonly #discriminative: DiscriminativeGradient;
  readonly #release: () => void;

  constructor(team: Team, { stack, top }: Dbn, options: UpDownOptions) {
    this.#options = options;
    this.epochs = options.recipe.epochs;
    this.#release = team.arena.mark();
    const maxRows = options.recipe.batchSize;
    this.#sizes = stack.map(({ visibleSize, hiddenSize }) => ({ visibleSize, hiddenSize }));
    this.#topSizes = top;
    this.#recognition = stack.map(({ visibleSize, hiddenSize, weights, hiddenBias }) => {
      const sizes = { inputSize: visibleSize, outputSize: hiddenSize, maxRows, dense: true };
      const layer = new DirectedLayer(team, sizes);
      layer.setParameters({ weights, bias: hiddenBias });
      return layer;
    });
    this.#generative = stack.map(({ visibleSize, hiddenSize, visibleBias, ...own }) => {
      const sizes = { inputSize: hiddenSize, outputSize: visibleSize, maxRows };
      const layer = new DirectedLayer(team, sizes), upwards = own.generativeWeights ?? own.weights;
      const weights = transpose(upwards, { rows: visibleSize, columns: hiddenSize });
      layer.setParameters({ weights, bias: visibleBias });
      return layer;
    });
    const { visibleSize: inputSize, hiddenSize, labelSize } = top;
    const rbm = this.#top = new RbmMemory(team, { inputSize, hiddenSize, labelSize, maxRows });
    const batch = new RbmBatch(rbm), update = this.#topUpdate = new RbmUpdate(rbm);
    const parts = { rbm, batch, update };
    if (options.recipe.persistent) this.#pcd = new PersistentDivergence(parts);
    else this.#cd = new ContrastiveDivergence(parts);
    this.#discriminative = new DiscriminativeGradient(parts);
    rbm.setParameters(joinLabels(top));
  }

  step({ inputs, labels }: Batch, position: Position): Metrics {
    const wake = this.#wake(inputs, position);
    const penultimate = wake[wake.length - 1];
    const metrics = this.#stepTop(penultimate, labels, position);
    const sleep = this.#sleep(labels.length, position);
    if (this.#options.recipe.discriminativeLearningRate > 0) {
      metrics.label_loss = this.#discriminate(penultimate, labels, position);
    }
    this.#learnDirections(wake, sleep, position);
    return metrics;
  }

  /** Wake phase: states of every layer, recognised from the image. */
  #wake(inputs: Float32Array, { step }: Position): LayerStates {
    const wake = [inputs];
    this.#recognition.forEach((layer, i) => {
      const sample = this.#draw(step, stageStreamOf(this.#options.stage, rbmStreams.wake, i));
      wake.push(layer.predict(wake[i], { kind: i > 0 ? "binary" : "values", sample }));
    });
    return wake;
  }

  /** The associative memory at the top learns by k steps of alternating Gibbs sampling. */
  #stepTop(penultimate: Float32Array, labels: Uint8Array, position: Position): Metrics {
    const { recipe, seed, stage } = this.#options, { epoch, step } = position;
    const { momentum, weightCost, topLearningRate } = recipe;
    const learningRate = this.#rateAt(topLearningRate, position);
    const cases = { inputs: penultimate, labels };
    const options = {
      kind: this.#kindOfPenultimate,
      k: gibbsStepsAt(recipe, epoch),
      learning: { ...rbmDefaults, momentum, weightCost, learningRate },
      key: { seed, step, stage },
    };
    if (this.#cd) {
      return {
        reconstruction_error: this.#cd.step(cases, { ...options, reconstruction: "sample" }),
      };
    }
    const monitor = step % PCD_MONITOR_INTERVAL === 0;
    const error = this.#pcd!.step(cases, { ...options, monitor });
    return error === undefined ? {} : { sampled_reconstruction_error: error };
  }

  /** Sleep phase: from where the top's chains are, states of every layer, generated; of pixels p. */
  #sleep(rows: number, { step }: Position): LayerStates {
    const { visibleSize, labelSize } = this.#topSizes, top = this.#sizes.length;
    const ends = this.#cd?.chainEnds(rows) ?? this.#pcd!.particles()!;
    const sleep: LayerStates = new Array(top + 1);
    sleep[top] = firstColumns(ends, { width: visibleSize + labelSize, count: visibleSize });
    for (let i = top - 1; i >= 0; i--) {
      const stream = stageStreamOf(this.#options.stage, rbmStreams.sleep, i);
      const sample = i > 0 ? this.#draw(step, stream) : undefined;
      sleep[i] = this.#generative[i].predict(sleep[i + 1], { kind: "binary", sample });
    }
    return sleep;
  }

  /** The second gradient of a hybrid RBM. @returns −log p(label|penultimate) in nats */
  #discriminate(penultimate: Float32Array, labels: Uint8Array, position: Position): number {
    const rate = this.#options.recipe.discriminativeLearningRate;
    return this.#discriminative.step({ inputs: penultimate, labels }, {
      kind: this.#kindOfPenultimate,
      learningRate: this.#rateAt(rate, position),
    });
  }

  /** Generative weights learn to predict what was recognised, and recognition what was generated. */
  #learnDirections(wake: LayerStates, sleep: LayerStates, position: Position): void {
    const { weightCost, ...recipe } = this.#options.recipe;
    const learningRate = this.#rateAt(recipe.learningRate, position);
    const recognitionRate = this.#rateAt(recipe.recognitionLearningRate, position);
    for (let i = 0; i < this.#sizes.length; i++) {
      const recognised = { inputs: wake[i + 1], targets: wake[i] };
      this.#generative[i].learn(recognised, { kind: "binary", learningRate, weightCost });
      if (recognitionRate === 0) continue;
      const generated = { inputs: sleep[i], targets: sleep[i + 1] };
      const kind = i > 0 ? "binary" : "dense"; // probabilities of pixels
      this.#recognition[i].learn(generated, { kind, learningRate: recognitionRate, weightCost });
    }
  }

  /** Samples of the layer below; of an empty stack the image itself. */
  get #kindOfPenultimate(): "binary" | "values" {
    return this.#sizes.length > 0 ? "binary" : "values";
  }

  #rateAt(learningRate: number, position: Position): number {
    return learningRateAt({ ...this.#options.recipe, learningRate }, position);
  }

  #draw(step: number, stream: number) {
    return { seed: this.#options.seed, step, stream };
  }

  /** The stack and the top as they are now. */
  parameters(): Pick<Dbn, "stack" | "top"> {
    const stack = this.#sizes.map(({ visibleSize, hiddenSize }, i): StackLayer => {
      const up = this.#recognition[i].parameters(), down = this.#generative[i].parameters();
      return {
        visibleSize,
        hiddenSize,
        weights: up.weights,
        hiddenBias: up.bias,
        visibleBias: down.bias,
        generativeWeights: transpose(down.weights, { rows: hiddenSize, columns: visibleSize }),
      };
    });
    const { visibleSize, hiddenSize, labelSize } = this.#topSizes;
    const { weights, visibleBias, hiddenBias } = this.#top.parameters();
    return {
      stack,
      top: {
        visibleSize,
        hiddenSize,
        labelSize,
        weights: weights.slice(0, visibleSize * hiddenSize),
        labelWeights: weights.slice(visibleSize * hiddenSize),
        visibleBias: visibleBias.slice(0, visibleSize),
        labelBias: visibleBias.slice(visibleSize),
        hiddenBias,
      },
    };
  }

  #layers(): [name: string, layer: DirectedLayer][] {
    return [
      ...this.#recognition.map((layer, i) => [`recognition${i}`, layer] as [string, DirectedLayer]),
      ...this.#generative.map((layer, i) => [`generative${i}`, layer] as [string, DirectedLayer]),
    ];
  }

  state(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [name, layer] of this.#layers()) {
      const { weights, bias } = layer.parameters(), outputs = bias.length;
      state.set(`${name}.weights`, { shape: [weights.length / outputs, outputs], data: weights });
      state.set(`${name}.hiddenBias`, { shape: [outputs], data: bias });
    }
    const { visibleSize, labelSize, hiddenSize } = this.#topSizes, width = visibleSize + labelSize;
    const shapes = { weights: [width, hiddenSize], visibleBias: [width], hiddenBias: [hiddenSize] };
    const top = this.#top.parameters(), velocity = this.#topUpdate.velocities();
    for (const part of PARAMETERS) {
      state.set(`top.${part}`, { shape: shapes[part], data: top[part] });
      state.set(`velocity.${part}`, { shape: shapes[part], data: velocity[part] });
    }
    const particles = this.#pcd?.particles();
    if (particles) {
      state.set("particles", { shape: [particles.length / width, width], data: particles });
    }
    return state;
  }

  load(state: ReadonlyMap<string, Tensor>): void {
    const dataOf = (name: string) => {
      const tensor = state.get(name);
      if (!tensor) throw new RangeError(`there is no tensor ${name}`);
      return tensor.data;
    };
    const rbmOf = (name: string) =>
      Object.fromEntries(
        PARAMETERS.map((part) => [part, dataOf(`${name}.${part}`)]),
      ) as unknown as TrainingParameters;
    for (const [name, layer] of this.#layers()) {
      layer.setParameters({
        weights: dataOf(`${name}.weights`),
        bias: dataOf(`${name}.hiddenBias`),
      });
    }
    this.#top.setParameters(rbmOf("top"));
    this.#topUpdate.setVelocities(rbmOf("velocity"));
    const particles = state.get("particles");
    if (particles) this.#pcd?.setParticles(particles.data);
  }

  dispose(): void {
    this.#release();
  }
}

/** (columns, rows) from (rows, columns). */
function transpose(
  matrix: Float32Array,
  { rows, columns }: { rows: number; columns: number },
): Float32Array {
  const out = new Float32Array(matrix.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = matrix[i * columns + j];
  }
  return out;
}

/** The first `count` columns of rows of so many. */
function firstColumns(
  matrix: Float32Array,
  { width, count }: { width: number; count: number },
): Float32Array {
  const rows = matrix.length / width, out = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) {
    out.set(matrix.subarray(row * width, row * width + count), row * count);
  }
  return out;
}
