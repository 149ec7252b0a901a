/**
 * The training of an RBM in plain loops of doubles: what every backend must come to.
 * Hinton (2002), eq. 5, and Tieleman (2008); random numbers are keyed as in train/simd_rbm_trainer.ts.
 * @module
 */
import { fillUniform } from "../../../src/math/random.ts";
import {
  initialHiddenBias,
  initialVisibleBias,
  initialWeights,
  logOdds,
  type RbmTrainerOptions,
} from "../../../train/trainers/rbm_start.ts";
import { gibbsStepsAt, learningRateAt } from "../../../train/trainers/schedules.ts";
import type { Batch } from "../../../train/data/examples.ts";
import type { Position } from "../../../train/trainers/trainer.ts";

/** Stream that samples the inputs of CD. */
const INPUTS = 4095;

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
  readonly #fast: Rows;
  readonly #sparsityMeans: number[];
  readonly #offsets: { visible: number[]; hidden: number[] };
  #particles: Rows | undefined;
  #betas: number[] = [];

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
      hiddenBias: [...initialHiddenBias(options)],
    };
    this.#velocity = {
      weights: this.rbm.weights.map((row) => row.map(() => 0)),
      visibleBias: this.rbm.visibleBias.map(() => 0),
      hiddenBias: this.rbm.hiddenBias.map(() => 0),
    };
    this.#fast = this.rbm.weights.map((row) => row.map(() => 0));
    this.#sparsityMeans = new Array(hiddenSize).fill(0);
    this.#offsets = {
      visible: new Array(rows).fill(0),
      hidden: new Array(hiddenSize).fill(0),
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
      ? this.#samplePixels(inputs, step, persistent ? 0 : INPUTS)
      : inputs;
    const hidden = this.#drop(this.#hidden(data), step);
    if (persistent && !this.#particles) this.#startParticles(batch, step);
    let model = persistent ? this.#particles! : data, mean = model, negative = hidden;
    const fast = persistent && recipe.fastLearningRate > 0;
    const steps = persistent ? recipe.k : gibbsStepsAt(recipe, epoch);
    for (let k = 0; k < steps; k++) {
      const stream = 3 * k + (persistent ? 1 : 0);
      if (persistent && k === 0 && this.#betas.length > 0) this.#swap(model, step);
      if (persistent) negative = this.#drop(this.#hidden(model, fast), step);
      mean = this.#visible(this.#sample(negative, step, stream), fast);
      const sampled = persistent || k < steps - 1 || recipe.reconstruction === "sample";
      model = sampled ? this.#sampleVisible(mean, step, stream + 1) : mean;
      negative = this.#drop(this.#hidden(model, fast), step);
    }
    if (persistent) this.#particles = model;
    const done = step - recipe.epochs * batchesPerEpoch;
    const learnt = (_: unknown, row: number) => !persistent || (this.#betas[row] ?? 1) === 1;
    this.#update(
      data,
      hidden,
      model.filter(learnt),
      negative.filter(learnt),
      persistent
        ? recipe.persistentLearningRate * (1 - done / (recipe.persistentEpochs * batchesPerEpoch))
        : learningRateAt(recipe, { step, batchesPerEpoch }),
      persistent || epoch < recipe.momentumSwitchEpoch ? recipe.momentum : recipe.finalMomentum,
      fast,
    );
    if (persistent) return NaN; // chains reconstruct nothing
    const squares = inputs.map((row, b) =>
      row.reduce((sum, x, i) => sum + (x - mean[b][i]) ** 2, 0)
    );
    return squares.reduce((a, b) => a + b, 0) / batch.size;
  }

  #startParticles(batch: Batch, step: number): void {
    const { recipe, visibleSize, labelSize } = this.#options, chains = recipe.chains || batch.size;
    const rows = Array.from({ length: chains * recipe.temperatures }, (_, row) => {
      const from = row % chains % batch.size;
      return [
        ...batch.inputs.subarray(from * visibleSize, (from + 1) * visibleSize),
        ...Array.from({ length: labelSize }, (_, y) => batch.labels[from] === y ? 1 : 0),
      ];
    });
    this.#particles = this.#samplePixels(rows, step, 0);
    if (recipe.temperatures === 1) return;
    this.#betas = rows.map((_, row) =>
      Math.fround(
        1 - Math.floor(row / chains) / (recipe.temperatures - 1) * (1 - recipe.lowestBeta),
      )
    );
  }

  #drop(rows: Rows, step: number): Rows {
    const { recipe: { dropout }, hiddenSize } = this.#options;
    if (dropout === 0) return rows;
    return rows.map((row, b) => {
      const uniform = this.#uniform(hiddenSize, b, step, 4093);
      return row.map((p, j) => uniform[j] < Math.fround(1 - dropout) ? p : 0);
    });
  }

  /** log p*(v) at an inverse temperature. */
  #logWeight(v: number[], beta: number): number {
    const { hiddenBias, weights, visibleBias } = this.rbm, base = this.#baseBias();
    const bias = v.reduce(
      (sum, x, i) => sum + x * (beta * visibleBias[i] + (1 - beta) * base[i]),
      0,
    );
    return hiddenBias.reduce((sum, c, j) => {
      const x = v.reduce((total, on, i) => total + on * weights[i][j], c);
      return sum + Math.log1p(Math.exp(beta * x));
    }, bias);
  }

  #baseBias(): number[] {
    const { visibleMean, labelSize } = this.#options;
    return [...logOdds(visibleMean), ...new Array(labelSize).fill(0)];
  }

  #swap(model: Rows, step: number): void {
    const { temperatures } = this.#options.recipe, betas = this.#betas;
    const chains = model.length / temperatures, before = [...betas];
    for (let chain = 0; chain < chains; chain++) {
      const ladder = Array.from({ length: temperatures }, (_, t) => t * chains + chain)
        .sort((a, b) => before[b] - before[a]);
      for (let i = step % 2; i + 1 < ladder.length; i += 2) {
        const [a, b] = [ladder[i], ladder[i + 1]];
        const logRatio = this.#logWeight(model[a], before[b]) +
          this.#logWeight(model[b], before[a]) -
          this.#logWeight(model[a], before[a]) - this.#logWeight(model[b], before[b]);
        const u = this.#uniform(1, Math.min(a, b), step, 4092)[0];
        if (u < Math.exp(Math.min(0, logRatio))) [betas[a], betas[b]] = [before[b], before[a]];
      }
    }
  }

  #beta(rows: Rows, row: number): number {
    return this.#betas.length > 0 && rows.length === this.#betas.length ? this.#betas[row] : 1;
  }

  #weight(i: number, j: number, fast: boolean): number {
    return this.rbm.weights[i][j] + (fast ? this.#fast[i][j] : 0);
  }

  #hidden(visible: Rows, fast = false): Rows {
    return visible.map((v, row) =>
      this.rbm.hiddenBias.map((bias, j) =>
        sigmoid(
          this.#beta(visible, row) *
            v.reduce((sum, x, i) => sum + x * this.#weight(i, j, fast), bias),
        )
      )
    );
  }

  #visible(hidden: Rows, fast = false): Rows {
    const { visibleSize, recipe, stage } = this.#options, base = this.#baseBias();
    return hidden.map((h, row) => {
      const beta = this.#beta(hidden, row);
      const x = this.rbm.visibleBias.map((bias, i) =>
        beta * h.reduce((sum, on, j) => sum + on * this.#weight(i, j, fast), bias) +
        (1 - beta) * base[i]
      );
      const e = x.slice(visibleSize).map(Math.exp), total = e.reduce((a, b) => a + b, 0);
      const pixels = x.slice(0, visibleSize);
      const isGaussian = recipe.visible === "gaussian" && stage === 0;
      return [...isGaussian ? pixels : pixels.map(sigmoid), ...e.map((value) => value / total)];
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
    fillUniform(out, { seed, chain, step, layer: 512 + 4096 * stage + stream });
    return out;
  }

  #update(
    v: Rows,
    h: Rows,
    v2: Rows,
    h2: Rows,
    rate: number,
    momentum: number,
    fast: boolean,
  ): void {
    const { rbm } = this, velocity = this.#velocity, { recipe } = this.#options;
    const { weightCost, l1, sparsityCost, sparsityTarget, centring, dropout } = recipe;
    const mean = (rows: Rows, f: (b: number) => number) =>
      rows.reduce((sum, _, b) => sum + f(b), 0) / rows.length;
    const move = (old: number, gradient: number) => momentum * old + rate * gradient;
    const visibleMean = rbm.visibleBias.map((_, i) => mean(v, (b) => v[b][i]));
    const hiddenMean = rbm.hiddenBias.map((_, j) => mean(h, (b) => h[b][j]));
    const { visible: mu, hidden: lambda } = this.#offsets, q = this.#sparsityMeans;
    visibleMean.forEach((x, i) => mu[i] += centring * (x - mu[i]));
    hiddenMean.forEach((x, j) => {
      lambda[j] += centring * (x - lambda[j]);
      if (sparsityCost > 0) q[j] = 0.9 * q[j] + 0.1 * x / (1 - dropout);
    });
    const sparsity = q.map((x) => sparsityCost > 0 ? sparsityCost * (x - sparsityTarget) : 0);
    const centre = (x: number, offset: number) => centring > 0 ? x - offset : x;
    const taken = { visible: mu.map(() => 0), hidden: lambda.map(() => 0) };
    for (let i = 0; i < rbm.visibleBias.length; i++) {
      for (let j = 0; j < rbm.hiddenBias.length; j++) {
        const centred = mean(v, (b) => centre(v[b][i], mu[i]) * centre(h[b][j], lambda[j])) -
          mean(v2, (b) => centre(v2[b][i], mu[i]) * centre(h2[b][j], lambda[j]));
        if (centring > 0) {
          taken.visible[i] += centred * lambda[j];
          taken.hidden[j] += centred * mu[i];
        }
        const gradient = centred - sparsity[j] * visibleMean[i], w = rbm.weights[i][j];
        velocity.weights[i][j] = move(
          velocity.weights[i][j],
          gradient - weightCost * w - l1 * Math.sign(w),
        );
        rbm.weights[i][j] += velocity.weights[i][j];
        if (fast) {
          this.#fast[i][j] = recipe.fastDecay * this.#fast[i][j] +
            recipe.fastLearningRate * gradient;
        }
      }
    }
    for (let i = 0; i < rbm.visibleBias.length; i++) {
      const gradient = visibleMean[i] - mean(v2, (b) => v2[b][i]) - taken.visible[i];
      velocity.visibleBias[i] = move(velocity.visibleBias[i], gradient);
      rbm.visibleBias[i] += velocity.visibleBias[i];
    }
    for (let j = 0; j < rbm.hiddenBias.length; j++) {
      const gradient = hiddenMean[j] - mean(h2, (b) => h2[b][j]) - taken.hidden[j] - sparsity[j];
      velocity.hiddenBias[j] = move(velocity.hiddenBias[j], gradient);
      rbm.hiddenBias[j] += velocity.hiddenBias[j];
    }
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
