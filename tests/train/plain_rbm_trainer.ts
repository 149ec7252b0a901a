/**
 * The training of an RBM in plain loops of doubles: what every backend must come to.
 * Hinton (2002), eq. 5, and Tieleman (2008); random numbers are keyed as in train/simd_rbm_trainer.ts.
 * @module
 */
import { fillUniform, streams } from "../../src/math/random.ts";
import {
  initialVisibleBias,
  initialWeights,
  INPUT_STREAM,
  type RbmTrainerOptions,
} from "../../train/rbm_start.ts";
import type { Batch, Position } from "../../train/trainer.ts";

// V visible (labels included), H hidden; rows are arrays of their own

type Rows = number[][];

/** Plain parameters: weights (V, H). */
export interface PlainRbm {
  weights: Rows;
  visibleBias: number[];
  hiddenBias: number[];
}

/** Trains like a `Trainer`, slowly. */
export class PlainRbmTrainer {
  readonly rbm: PlainRbm;
  readonly #velocity: PlainRbm;
  readonly #options: RbmTrainerOptions;
  #particles: Rows | undefined;

  constructor(options: RbmTrainerOptions) {
    this.#options = options;
    const { visibleSize, labelSize, hiddenSize } = options, rows = visibleSize + labelSize;
    const flat = [...initialWeights(options, rows)];
    this.rbm = {
      weights: Array.from(
        { length: rows },
        (_, i) => flat.slice(i * hiddenSize, (i + 1) * hiddenSize),
      ),
      visibleBias: [...initialVisibleBias(options)],
      hiddenBias: new Array(hiddenSize).fill(0),
    };
    this.#velocity = {
      weights: this.rbm.weights.map((row) => row.map(() => 0)),
      visibleBias: this.rbm.visibleBias.map(() => 0),
      hiddenBias: this.rbm.hiddenBias.map(() => 0),
    };
  }

  /** One update; returns the mean squared reconstruction error of CD. */
  step(batch: Batch, { epoch, step, batchesPerEpoch }: Position): number {
    const { recipe, visibleSize, labelSize } = this.#options;
    const persistent = epoch >= recipe.epochs;
    const inputs = Array.from({ length: batch.size }, (_, row) => [
      ...batch.inputs.subarray(row * visibleSize, (row + 1) * visibleSize),
      ...Array.from({ length: labelSize }, (_, y) => batch.labels[row] === y ? 1 : 0),
    ]);
    const data = persistent || recipe.inputs === "sample"
      ? this.#samplePixels(inputs, step, persistent ? 0 : INPUT_STREAM)
      : inputs;
    const hidden = this.#hidden(data);
    let model = persistent ? this.#particles ?? data : data, mean = model, negative = hidden;
    for (let k = 0; k < recipe.k; k++) {
      const stream = 3 * k + (persistent ? 1 : 0);
      if (persistent) negative = this.#hidden(model);
      mean = this.#visible(this.#sample(negative, step, stream));
      const sampled = persistent || k < recipe.k - 1 || recipe.reconstruction === "sample";
      model = sampled ? this.#sampleVisible(mean, step, stream + 1) : mean;
      negative = this.#hidden(model);
    }
    if (persistent) this.#particles = model;
    const done = step - recipe.epochs * batchesPerEpoch;
    this.#update(
      data,
      hidden,
      model,
      negative,
      persistent
        ? recipe.persistentLearningRate * (1 - done / (recipe.persistentEpochs * batchesPerEpoch))
        : recipe.learningRate,
      persistent || epoch < recipe.momentumSwitchEpoch ? recipe.momentum : recipe.finalMomentum,
    );
    const squares = inputs.map((row, b) =>
      row.reduce((sum, x, i) => sum + (x - mean[b][i]) ** 2, 0)
    );
    return squares.reduce((a, b) => a + b, 0) / batch.size;
  }

  #hidden(visible: Rows): Rows {
    const { weights, hiddenBias } = this.rbm;
    return visible.map((v) =>
      hiddenBias.map((bias, j) => sigmoid(v.reduce((sum, x, i) => sum + x * weights[i][j], bias)))
    );
  }

  #visible(hidden: Rows): Rows {
    const { weights, visibleBias } = this.rbm, { visibleSize } = this.#options;
    return hidden.map((h) => {
      const x = visibleBias.map((bias, i) =>
        h.reduce((sum, on, j) => sum + on * weights[i][j], bias)
      );
      const e = x.slice(visibleSize).map(Math.exp), total = e.reduce((a, b) => a + b, 0);
      return [...x.slice(0, visibleSize).map(sigmoid), ...e.map((value) => value / total)];
    });
  }

  #samplePixels(rows: Rows, step: number, stream: number): Rows {
    const { visibleSize } = this.#options;
    const pixels = this.#sample(rows.map((row) => row.slice(0, visibleSize)), step, stream);
    return pixels.map((row, b) => [...row, ...rows[b].slice(visibleSize)]);
  }

  #sampleVisible(rows: Rows, step: number, stream: number): Rows {
    const { visibleSize, labelSize } = this.#options;
    return this.#samplePixels(rows, step, stream).map((row, b) => {
      if (labelSize === 0) return row;
      const u = this.#uniform(1, b, step, stream + 1)[0];
      let running = 0;
      let chosen = row.slice(visibleSize).findIndex((p) => u < (running += p));
      if (chosen < 0) chosen = labelSize - 1;
      return row.map((x, i) => i < visibleSize ? x : i - visibleSize === chosen ? 1 : 0);
    });
  }

  #sample(rows: Rows, step: number, stream: number): Rows {
    return rows.map((row, b) => {
      const uniform = this.#uniform(row.length, b, step, stream);
      return row.map((p, i) => uniform[i] < p ? 1 : 0);
    });
  }

  #uniform(count: number, chain: number, step: number, stream: number): Float32Array {
    const { seed, stage } = this.#options, out = new Float32Array(count);
    fillUniform(out, { seed, chain, step, layer: streams.trainHidden + 4096 * stage + stream });
    return out;
  }

  #update(v: Rows, h: Rows, v2: Rows, h2: Rows, rate: number, momentum: number): void {
    const { rbm } = this, velocity = this.#velocity, { weightCost } = this.#options.recipe;
    const mean = (rows: Rows, f: (b: number) => number) =>
      rows.reduce((sum, _, b) => sum + f(b), 0) / rows.length;
    const move = (old: number, gradient: number) => momentum * old + rate * gradient;
    for (let i = 0; i < rbm.visibleBias.length; i++) {
      for (let j = 0; j < rbm.hiddenBias.length; j++) {
        const gradient = mean(v, (b) => v[b][i] * h[b][j]) - mean(v2, (b) => v2[b][i] * h2[b][j]) -
          weightCost * rbm.weights[i][j];
        velocity.weights[i][j] = move(velocity.weights[i][j], gradient);
        rbm.weights[i][j] += velocity.weights[i][j];
      }
      const gradient = mean(v, (b) => v[b][i]) - mean(v2, (b) => v2[b][i]);
      velocity.visibleBias[i] = move(velocity.visibleBias[i], gradient);
      rbm.visibleBias[i] += velocity.visibleBias[i];
    }
    for (let j = 0; j < rbm.hiddenBias.length; j++) {
      const gradient = mean(h, (b) => h[b][j]) - mean(h2, (b) => h2[b][j]);
      velocity.hiddenBias[j] = move(velocity.hiddenBias[j], gradient);
      rbm.hiddenBias[j] += velocity.hiddenBias[j];
    }
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
