/**
 * Fine-tuning of the joint model by the up-down algorithm, the contrastive form of wake-sleep: after
 * greedy training the layers of the stack get recognition and generative weights of their own.
 * Hinton, Osindero, Teh (2006), "A fast learning algorithm for deep belief nets", §5 and appendix B.
 * @module
 */
import { type RandomKey } from "../../../src/math/random.ts";
import { rbmStreams, stageStreamOf, type StreamRange } from "../../../src/math/streams.ts";
import type { Tensor } from "../../../src/format/safetensors.ts";
import type { Dbn, StackLayer } from "../../../src/model/dbn.ts";
import type { Team } from "../../../src/kernels/runtime/team.ts";
import { type TrainingParameters, TrainingRbm } from "../../../src/kernels/training/rbm.ts";
import { joinLabels } from "./join_labels.ts";
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

const PARTS = ["weights", "visibleBias", "hiddenBias"] as const;

/** Trains a whole DBN; both directions of a layer learn by the delta rule, the top by CD. */
export class UpDownTrainer implements Trainer {
  readonly epochs: number;
  readonly #options: UpDownOptions;
  readonly #sizes: { visibleSize: number; hiddenSize: number }[];
  readonly #top: TrainingRbm;
  readonly #topSizes: { visibleSize: number; hiddenSize: number; labelSize: number };
  /** Layers upwards, from V to H. */
  readonly #recognition: TrainingRbm[];
  /** Layers downwards, from H to V. */
  readonly #generative: TrainingRbm[];
  readonly #release: () => void;

  constructor(team: Team, { stack, top }: Dbn, options: UpDownOptions) {
    this.#options = options;
    this.epochs = options.recipe.epochs;
    this.#release = team.arena.mark();
    const maxRows = options.recipe.batchSize;
    this.#sizes = stack.map(({ visibleSize, hiddenSize }) => ({ visibleSize, hiddenSize }));
    this.#topSizes = top;
    this.#recognition = stack.map(({ visibleSize: inputSize, hiddenSize, weights, hiddenBias }) => {
      const layer = new TrainingRbm(team, { inputSize, hiddenSize, labelSize: 0, maxRows });
      layer.setParameters({ weights, hiddenBias, visibleBias: new Float32Array(inputSize) });
      return layer;
    });
    this.#generative = stack.map((layer) => {
      const { visibleSize, hiddenSize: inputSize, visibleBias } = layer;
      const down = new TrainingRbm(team, {
        inputSize,
        hiddenSize: visibleSize,
        labelSize: 0,
        maxRows,
      });
      down.setParameters({
        weights: transposed(layer.generativeWeights ?? layer.weights, visibleSize, inputSize),
        hiddenBias: visibleBias,
        visibleBias: new Float32Array(inputSize),
      });
      return down;
    });
    const { visibleSize: inputSize, hiddenSize, labelSize } = top;
    this.#top = new TrainingRbm(team, { inputSize, hiddenSize, labelSize, maxRows });
    this.#top.setParameters(joinLabels(top));
  }

  step({ inputs, labels, size }: Batch, position: Position): Metrics {
    const { recipe } = this.#options, { step } = position;
    const now = (learningRate: number) => learningRateAt({ ...recipe, learningRate }, position);
    const learningRate = now(recipe.learningRate);
    const recognitionRate = now(recipe.recognitionLearningRate);
    const last = this.#sizes.length - 1;
    // Up: states of every layer, recognised from the image.
    const wake = [inputs];
    this.#recognition.forEach((layer, i) => {
      const key = this.#key(step, rbmStreams.wake, i);
      wake.push(layer.predict(wake[i], { sample: true, key, binaryInputs: i > 0 }));
    });
    // The associative memory at the top learns by k steps of alternating Gibbs sampling.
    const error = this.#top.step({
      inputs: wake[last + 1],
      labels,
      binaryInputs: last >= 0,
      sampleInputs: false,
      denseInputs: false,
      sampleVisible: true,
      persistent: recipe.persistent,
      monitor: !recipe.persistent || step % PCD_MONITOR_INTERVAL === 0,
      k: gibbsStepsAt(recipe, position.epoch),
      learningRate: now(recipe.topLearningRate),
      momentum: recipe.momentum,
      weightCost: recipe.weightCost,
      key: this.#key(step, rbmStreams.gibbs),
      inputLayer: 0,
    });
    // Down: from where its chains are, states of every layer, generated; of pixels probabilities.
    const ends = recipe.persistent ? this.#top.particles()! : this.#top.chainEnds(size);
    const sleep: Float32Array[] = new Array(last + 2);
    const { visibleSize, labelSize } = this.#topSizes;
    sleep[last + 1] = firstColumns(ends, ends.length / (visibleSize + labelSize), visibleSize);
    for (let i = last; i >= 0; i--) {
      const key = this.#key(step, rbmStreams.sleep, i);
      sleep[i] = this.#generative[i].predict(sleep[i + 1], {
        sample: i > 0,
        key,
        binaryInputs: true,
      });
    }
    const metrics: Metrics = {};
    if (error !== undefined) {
      metrics[recipe.persistent ? "sampled_reconstruction_error" : "reconstruction_error"] = error;
    }
    if (recipe.discriminativeLearningRate > 0) {
      const discriminativeRate = now(recipe.discriminativeLearningRate);
      const rates = { learningRate: discriminativeRate, binaryInputs: last >= 0 };
      metrics.label_loss = this.#top.discriminate(wake[last + 1], labels, rates);
    }
    const { weightCost } = recipe;
    for (let i = 0; i <= last; i++) {
      const down = { learningRate, weightCost, binaryInputs: true };
      this.#generative[i].learn(wake[i + 1], wake[i], down);
      if (recognitionRate === 0) continue;
      const kind = i > 0 ? { binaryInputs: true } : { denseInputs: true };
      const up = { learningRate: recognitionRate, weightCost, ...kind };
      this.#recognition[i].learn(sleep[i], sleep[i + 1], up);
    }
    return metrics;
  }

  #key(step: number, range: StreamRange, index = 0): RandomKey {
    const { seed, stage } = this.#options;
    return { seed, chain: 0, step, layer: stageStreamOf(stage, range, index) };
  }

  /** The stack and the top as they are now. */
  parameters(): Pick<Dbn, "stack" | "top"> {
    const stack = this.#sizes.map(({ visibleSize, hiddenSize }, i): StackLayer => {
      const up = this.#recognition[i].parameters(), down = this.#generative[i].parameters();
      return {
        visibleSize,
        hiddenSize,
        weights: up.weights,
        hiddenBias: up.hiddenBias,
        visibleBias: down.hiddenBias,
        generativeWeights: transposed(down.weights, hiddenSize, visibleSize),
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

  #layers(): [name: string, layer: TrainingRbm, visible: number, hidden: number][] {
    const { visibleSize, labelSize, hiddenSize } = this.#topSizes;
    return [
      ...this.#sizes.flatMap(({ visibleSize: v, hiddenSize: h }, i) =>
        [
          [`recognition${i}`, this.#recognition[i], v, h],
          [`generative${i}`, this.#generative[i], h, v],
        ] as [string, TrainingRbm, number, number][]
      ),
      ["top", this.#top, visibleSize + labelSize, hiddenSize],
    ];
  }

  state(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [name, layer, visible, hidden] of this.#layers()) {
      const shapes = { weights: [visible, hidden], visibleBias: [visible], hiddenBias: [hidden] };
      const add = (prefix: string, parameters: TrainingParameters) => {
        for (const part of PARTS) {
          state.set(`${prefix}.${part}`, { shape: shapes[part], data: parameters[part] });
        }
      };
      add(name, layer.parameters());
      if (name === "top") add("velocity", layer.velocities());
    }
    const particles = this.#top.particles();
    if (particles) {
      const width = this.#topSizes.visibleSize + this.#topSizes.labelSize;
      state.set("particles", { shape: [particles.length / width, width], data: particles });
    }
    return state;
  }

  load(state: ReadonlyMap<string, Tensor>): void {
    const take = (name: string) => {
      const parts = PARTS.map((part) => {
        const tensor = state.get(`${name}.${part}`);
        if (!tensor) throw new RangeError(`Cannot resume: the checkpoint has no ${name}.${part}`);
        return [part, tensor.data];
      });
      return Object.fromEntries(parts) as TrainingParameters;
    };
    for (const [name, layer] of this.#layers()) layer.setParameters(take(name));
    this.#top.setVelocities(take("velocity"));
    const particles = state.get("particles");
    if (particles) this.#top.setParticles(particles.data);
  }

  dispose(): void {
    this.#release();
  }
}

/** (columns, rows) from (rows, columns). */
function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(matrix.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = matrix[i * columns + j];
  }
  return out;
}

/** The first `count` columns of `rows` rows. */
function firstColumns(matrix: Float32Array, rows: number, count: number): Float32Array {
  const width = matrix.length / rows, out = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) {
    out.set(matrix.subarray(row * width, row * width + count), row * count);
  }
  return out;
}
