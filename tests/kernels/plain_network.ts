/**
 * Backpropagation and the optimizers in plain loops and double precision: what the kernels are checked against.
 * @module
 */
import { fillUniform } from "../../src/math/random.ts";
import { networkStreams, stageStreamOf } from "../../src/math/streams.ts";
import type { DenseParameters, NetworkStep } from "../../src/kernels/training/network.ts";
import type { HiddenActivation } from "../../src/model/dbn.ts";

interface PlainLayer {
  weights: number[][]; // (I + 1, O), the last row the bias
  first: number[][];
  second: number[][];
}

/** The twin of TrainingNetwork. */
export class PlainNetwork {
  readonly layers: PlainLayer[];
  readonly #activation: HiddenActivation;

  constructor(start: readonly DenseParameters[], activation: HiddenActivation) {
    this.#activation = activation;
    this.layers = start.map(({ inputSize, outputSize, kernel, bias }) => {
      const weights = Array.from(
        { length: inputSize },
        (_, i) => [...kernel.slice(i * outputSize, (i + 1) * outputSize)],
      );
      weights.push([...bias]);
      const zeros = () => weights.map((row) => row.map(() => 0));
      return { weights, first: zeros(), second: zeros() };
    });
  }

  /** Mean cross-entropy, its gradients by layer as (I + 1, O), and without dropout by inputs, (B, I). */
  gradients(inputs: Float32Array, labels: Uint8Array, step?: NetworkStep) {
    const size = this.layers[0].weights.length - 1;
    const all = this.layers.map(({ weights }) => weights.map((row) => row.map(() => 0)));
    const slopes: number[][] = [];
    let loss = 0;
    labels.forEach((label, row) => {
      const x: number[][] = [], kept: number[][] = [];
      let values = [...inputs.subarray(row * size, (row + 1) * size)];
      this.layers.forEach(({ weights }, l) => {
        const rate = l === 0 ? step?.inputDropout ?? 0 : step?.dropout ?? 0;
        const uniform = new Float32Array(values.length);
        if (step) {
          const { seed, step: at, stage } = step.key;
          const layer = stageStreamOf(stage, networkStreams.dropout, l);
          fillUniform(uniform, { seed, chain: row, step: at, layer });
        }
        const keep = [...uniform].map((u) => rate === 0 || u < Math.fround(1 - rate) ? 1 : 0);
        kept.push(keep);
        values = values.map((v, i) => keep[i] * v / (1 - rate));
        x.push(values);
        const bias = weights[weights.length - 1];
        const sums = bias.map((b, o) => values.reduce((sum, v, i) => sum + v * weights[i][o], b));
        values = l === this.layers.length - 1 ? sums : sums.map((s) => this.#activate(s));
      });
      const largest = Math.max(...values),
        total = values.reduce((t, v) => t + Math.exp(v - largest), 0);
      loss += (largest - values[label] + Math.log(total)) / labels.length;
      // p − 1 of the label is −Σ of the others, which does not round to 0.
      const shares = values.map((v) => Math.exp(v - largest) / total);
      const others = shares.reduce((sum, p, y) => y === label ? sum : sum + p, 0);
      let delta = shares.map((p, y) => (y === label ? -others : p) / labels.length);
      for (let l = this.layers.length - 1; l >= 0; l--) {
        const { weights } = this.layers[l];
        delta.forEach((d, o) => {
          x[l].forEach((v, i) => all[l][i][o] += v * d);
          all[l][x[l].length][o] += d;
        });
        const backs = x[l].map((_, i) => delta.reduce((sum, d, o) => sum + d * weights[i][o], 0));
        if (l === 0) {
          slopes.push(backs);
          break;
        }
        const share = 1 - (step?.dropout ?? 0);
        delta = x[l].map((v, i) => {
          const back = backs[i];
          if (!kept[l][i]) return 0;
          const a = v * share;
          return back * (this.#activation === "relu" ? (v > 0 ? 1 : 0) : a * (1 - a)) / share;
        });
      }
    });
    return { loss, gradients: all, inputs: slopes };
  }

  #activate(s: number): number {
    return this.#activation === "relu" ? Math.max(0, s) : 1 / (1 + Math.exp(-s));
  }

  step(step: NetworkStep): number {
    const { loss, gradients } = this.gradients(step.inputs, step.labels, step);
    this.layers.forEach(({ weights, first, second }, l) => {
      weights.forEach((row, i) => {
        const isBias = i === weights.length - 1;
        row.forEach((w, o) => {
          const decay = isBias ? 0 : step.l2 * w + step.l1 * Math.sign(w);
          const [next, m, s] = move(w, gradients[l][i][o] + decay, first[i][o], second[i][o], step);
          [row[o], first[i][o], second[i][o]] = [next, m, s];
        });
      });
      if (step.maxNorm === 0 || l === this.layers.length - 1) return;
      for (let o = 0; o < weights[0].length; o++) {
        const inner = weights.slice(0, -1);
        const norm = Math.hypot(...inner.map((row) => row[o]));
        if (norm > step.maxNorm) inner.forEach((row) => row[o] *= step.maxNorm / norm);
      }
    });
    return loss;
  }
}

/** One parameter's step: its new value and state. */
function move(w: number, g: number, m: number, s: number, step: NetworkStep) {
  const { learningRate: rate, momentum: mu, beta2, epsilon, updates } = step;
  switch (step.optimizer) {
    case "sgd":
      return [w - rate * g, m, s];
    case "momentum":
      m = mu * m - rate * g;
      return [w + m, m, s];
    case "nesterov":
      m = mu * m - rate * g;
      return [w + mu * m - rate * g, m, s];
    case "adagrad":
      m += g * g;
      return [w - rate * g / (Math.sqrt(m) + epsilon), m, s];
    case "rmsprop":
      m = mu * m + (1 - mu) * g * g;
      return [w - rate * g / (Math.sqrt(m) + epsilon), m, s];
    case "adadelta": {
      m = mu * m + (1 - mu) * g * g;
      const d = g * Math.sqrt(s + epsilon) / Math.sqrt(m + epsilon);
      return [w - rate * d, m, mu * s + (1 - mu) * d * d];
    }
    case "adam": {
      m = mu * m + (1 - mu) * g;
      s = beta2 * s + (1 - beta2) * g * g;
      const first = m / (1 - mu ** (updates + 1)), second = s / (1 - beta2 ** (updates + 1));
      return [w - rate * first / (Math.sqrt(second) + epsilon), m, s];
    }
  }
}
