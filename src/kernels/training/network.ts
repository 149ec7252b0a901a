/**
 * A feed-forward network in training, in the arena: one kernel call a mini-batch.
 * @module
 */
import { networkStreams, stageStreamOf } from "../../math/streams.ts";
import {
  AdversarialNorm as NormOrdinals,
  NetworkActivation,
  NetworkBatch,
  NetworkLayer,
  NetworkTask,
  Normalization,
  Optimizer as OptimizerOrdinals,
  PANEL,
  SHARE_BYTES,
  VARIANCE_EPSILON,
} from "../generated/abi.ts";
import { allocateStruct, pack, seedWords } from "../runtime/pack.ts";
import { type Places, readPlaces, writePlaces } from "../runtime/places.ts";
import type { Team } from "../runtime/team.ts";
import { padded } from "../serving/dense.ts";

// B rows of a batch, R the most that fit, I inputs, O outputs of a layer, L labels

/**
 * How a gradient g changes a parameter w at learning rate η, with state m and s that start at 0:
 *
 * - `sgd`: w −= η·g
 * - `momentum` (Polyak 1964): m = μ·m − η·g, w += m
 * - `nesterov` (Sutskever et al. 2013): m = μ·m − η·g, w += μ·m − η·g
 * - `adagrad` (Duchi et al. 2011): s += g², w −= η·g / (√s + ε)
 * - `rmsprop` (Tieleman, Hinton 2012): s = μ·s + (1 − μ)·g², w −= η·g / (√s + ε)
 * - `adadelta` (Zeiler 2012): s = μ·s + (1 − μ)·g², d = g·√(m + ε) / √(s + ε),
 *   m = μ·m + (1 − μ)·d², w −= η·d
 * - `adam` (Kingma, Ba 2015): m = μ·m + (1 − μ)·g, s = β₂·s + (1 − β₂)·g²,
 *   w −= η·m̂ / (√ŝ + ε) with both corrected for their start
 */
export const optimizers = [
  ...["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam"] as const,
];

/** One of {@linkcode optimizers}. */
export type Optimizer = typeof optimizers[number];

const optimizerOrdinals: Record<Optimizer, number> = {
  sgd: OptimizerOrdinals.Sgd,
  momentum: OptimizerOrdinals.Momentum,
  nesterov: OptimizerOrdinals.Nesterov,
  adagrad: OptimizerOrdinals.Adagrad,
  rmsprop: OptimizerOrdinals.Rmsprop,
  adadelta: OptimizerOrdinals.Adadelta,
  adam: OptimizerOrdinals.Adam,
};

/** What follows the sums of hidden layers. */
export type NetworkActivationName = keyof typeof activationOrdinals;

const activationOrdinals = {
  sigmoid: NetworkActivation.Sigmoid,
  relu: NetworkActivation.Relu,
};

/** A layer's parameters. */
export interface DenseParameters {
  inputSize: number; // I
  outputSize: number; // O
  kernel: Float32Array; // (I, O)
  bias: Float32Array; // (O)
}

/** What a batch does to the network. */
export interface NetworkStep {
  inputs: Float32Array; // (B, I)
  labels: Uint8Array; // (B)
  /**
   * Of its random numbers: those of `networkStreams` in math/streams.ts. `update` says which by this batch
   * it is. @default 0
   */
  key: { seed: number; step: number; stage: number; update?: 0 | 1 };
  /** Share of inputs left out, and of hidden units. */
  inputDropout: number;
  dropout: number;
  optimizer: Optimizer;
  learningRate: number;
  /** μ: momentum, or the decay of a running mean. */
  momentum: number;
  beta2: number;
  epsilon: number;
  /** Updates before this one. */
  updates: number;
  /** Penalties on weights, not on biases: l1·|w| + l2·w²/2. */
  l1: number;
  l2: number;
  /** Bound on the norm of the weights into a hidden unit; 0 for none. */
  maxNorm: number;
  /**
   * Moves cases by so much up the loss before learning from them: adversarial training, Goodfellow, Shlens,
   * Szegedy (2015). 0 for none.
   */
  adversarialEpsilon?: number;
  /** Which cases are moved; see {@linkcode adversarialCases}. @default "half" */
  adversarialCases?: AdversarialCases;
  /** What `adversarialEpsilon` bounds; see {@linkcode adversarialNorms}. @default "max" */
  adversarialNorm?: AdversarialNorm;
  /** Standard deviations of uniform noise on inputs, and on normalized sums of hidden units. */
  inputNoise?: number;
  noise?: number;
}

/**
 * Which cases are moved up the loss: the first `half` of each batch, rounded down, or all of them `after`
 * an update by the batch as it is, for a second update. A normalized network then takes either by its own
 * means and variances, and those that run are of cases as they are (Xie et al. 2020, "Adversarial examples
 * improve image recognition").
 */
export const adversarialCases = ["half", "after"] as const;

/** One of {@linkcode adversarialCases}. */
export type AdversarialCases = typeof adversarialCases[number];

/**
 * How an adversarial move is measured: `max` moves each input by as much, within [0, 1]; `l2` moves a case
 * by that Euclidean distance along its gradient, wherever that leads (Miyato et al. 2016, "Distributional
 * smoothing with virtual adversarial training").
 */
export const adversarialNorms = ["max", "l2"] as const;

/** One of {@linkcode adversarialNorms}. */
export type AdversarialNorm = typeof adversarialNorms[number];

const normOrdinals: Record<AdversarialNorm, number> = {
  max: NormOrdinals.Max,
  l2: NormOrdinals.L2,
};

/** Mean cross-entropy of a batch in nats, and the share of its rows that are read right. */
export interface NetworkLoss {
  loss: number;
  accuracy: number;
}

/** A parameter's numbers and the optimizer's two states of each. */
interface PlacedParameter {
  values: number; // addresses
  first: number;
  second: number;
}

interface PlacedLayer {
  inputs: number; // padded
  outputs: number; // padded
  inputSize: number;
  outputSize: number;
  weights: PlacedParameter; // (O/32, I, 32)
  bias: PlacedParameter; // (O)
  out: number; // (O/32, R, 32)
  /** None where units are not normalized. */
  normalization?: {
    scale: PlacedParameter; // (O): γ
    mean: number; // (O), running
    variance: number; // (O), running
  };
}

/** Share of a batch in the means and variances that run with training. */
const RUNNING_MOMENTUM = 0.01;

/** Of calls that draw no random numbers. */
const NO_KEY: NetworkStep["key"] = { seed: 0, step: 0, stage: 0 };

/** A network in the arena of a team that runs the training program. */
export class TrainingNetwork {
  readonly #team: Team;
  readonly #layers: PlacedLayer[];
  readonly #maxRows: number;
  readonly #maxBatch: number;
  readonly #activation: NetworkActivationName;
  readonly #normalized: boolean;
  readonly #buffers;
  /** Address of the NetworkBatch that each call writes. */
  readonly #batch: number;

  /**
   * With `normalized`, sums into hidden units are taken to mean 0 and variance 1 over the batch (batch
   * normalization, Ioffe and Szegedy 2015), times a scale γ that starts at 1, plus the bias.
   * @throws {RangeError} if the arena cannot hold it.
   */
  constructor(
    team: Team,
    start: readonly DenseParameters[],
    { maxRows, activation, normalized = false }: {
      maxRows: number;
      activation: NetworkActivationName;
      normalized?: boolean;
    },
  ) {
    this.#team = team;
    this.#activation = activation;
    this.#normalized = normalized;
    this.#maxBatch = maxRows;
    this.#maxRows = padded(maxRows, 4); // a product takes four at a time
    const { arena, workers } = team;
    const rows = this.#maxRows;
    const layers = arena.allocate(start.length * NetworkLayer.bytes / 4);
    this.#layers = start.map(({ inputSize, outputSize }, i) =>
      this.#placeLayer(layers + i * NetworkLayer.bytes, {
        inputSize,
        outputSize,
        normalized: normalized && i < start.length - 1,
      })
    );
    const widest = Math.max(...this.#layers.map(({ outputs }) => outputs));
    const scratchWords = PANEL * (widest + PANEL);
    this.#buffers = {
      layers,
      inputs: arena.allocate(rows * start[0].inputSize),
      targets: arena.allocate(rows),
      losses: arena.allocate(2 * rows),
      hits: arena.allocate(rows),
      shares: arena.allocate(workers * SHARE_BYTES / 4),
      scratch: arena.allocate(workers * scratchWords),
      scratchBytes: 4 * scratchWords,
      squares: arena.allocate(rows * this.#layers[0].inputs / PANEL),
    };
    this.#batch = allocateStruct(arena, NetworkBatch);
    this.setParameters(start);
  }

  #placeLayer(
    address: number,
    { inputSize, outputSize, normalized }: {
      inputSize: number;
      outputSize: number;
      normalized: boolean;
    },
  ): PlacedLayer {
    const { arena } = this.#team;
    const rows = this.#maxRows, inputs = padded(inputSize), outputs = padded(outputSize);
    const placeParameter = (count: number): PlacedParameter => ({
      values: arena.allocate(count),
      first: arena.allocate(count),
      second: arena.allocate(count),
    });
    const weights = placeParameter(inputs * outputs), bias = placeParameter(outputs);
    const out = arena.allocate(rows * outputs);
    const layer = { inputs, outputs, inputSize, outputSize, weights, bias, out };
    const fields = {
      inputs,
      outputs,
      units: outputSize,
      weights: weights.values,
      weightsFirst: weights.first,
      weightsSecond: weights.second,
      bias: bias.values,
      biasFirst: bias.first,
      biasSecond: bias.second,
      x: arena.allocate(rows * inputs),
      xByInput: arena.allocate(rows * inputs),
      out,
      outByOutput: arena.allocate(rows * outputs),
    };
    if (!normalized) {
      const none = { scale: 0, scaleFirst: 0, scaleSecond: 0, mean: 0, variance: 0 };
      pack(arena, NetworkLayer, address, {
        ...fields,
        ...none,
        inverseDeviation: 0,
        normal: 0,
        noisy: 0,
      });
      return layer;
    }
    const scale = placeParameter(outputs);
    const mean = arena.allocate(outputs), variance = arena.allocate(outputs);
    arena.floats(scale.values, outputSize).fill(1);
    arena.floats(variance, outputSize).fill(1);
    pack(arena, NetworkLayer, address, {
      ...fields,
      scale: scale.values,
      scaleFirst: scale.first,
      scaleSecond: scale.second,
      mean,
      variance,
      inverseDeviation: arena.allocate(outputs),
      normal: arena.allocate(rows * outputs),
      noisy: arena.allocate(rows * outputs),
    });
    return { ...layer, normalization: { scale, mean, variance } };
  }

  /** Sizes of every layer. */
  get sizes(): { inputSize: number; outputSize: number }[] {
    return this.#layers.map(({ inputSize, outputSize }) => ({ inputSize, outputSize }));
  }

  /** Learns from one batch. */
  step(step: NetworkStep): NetworkLoss {
    const rows = this.#placeBatch(step.inputs, step.labels);
    const { adversarialEpsilon = 0, adversarialCases = "half" } = step;
    if (adversarialEpsilon > 0 && adversarialCases === "after") return this.#learnTwice(rows, step);
    if (adversarialEpsilon > 0) this.#perturb(rows >> 1, step);
    this.#run("trainNetwork", { task: NetworkTask.Train, rows, step });
    return this.#loss(rows);
  }

  /** Learns from the placed batch as it is, and then with every case moved; means over both. */
  #learnTwice(rows: number, step: NetworkStep): NetworkLoss {
    const task = NetworkTask.Train;
    const asIs = { ...step, updates: 2 * step.updates };
    const moved = {
      ...step,
      updates: asIs.updates + 1,
      key: { ...step.key, update: 1 as const },
    };
    this.#run("trainNetwork", { task, rows, step: asIs });
    const before = this.#loss(rows);
    this.#perturb(rows, moved);
    this.#run("trainNetwork", { task, rows, step: moved, runningMomentum: 0 });
    const after = this.#loss(rows);
    return {
      loss: (before.loss + after.loss) / 2,
      accuracy: (before.accuracy + after.accuracy) / 2,
    };
  }

  /** Moves the first cases of the placed batch. */
  #perturb(rows: number, step: NetworkStep): void {
    if (rows === 0) return;
    const quiet = { ...step, noise: 0, inputNoise: 0 };
    this.#run("trainNetwork", { task: NetworkTask.Perturb, rows, step: quiet });
  }

  /** The batch's loss without dropout, and its gradients in the order kernel, bias, kernel, … */
  gradients(
    inputs: Float32Array,
    labels: Uint8Array,
  ): NetworkLoss & { gradients: Float32Array[] } {
    const rows = this.#placeBatch(inputs, labels);
    this.#run("trainNetwork", { task: NetworkTask.Gradients, rows });
    const gradients = this.#read("first").flatMap(({ kernel, bias }) => [kernel, bias]);
    return { ...this.#loss(rows), gradients };
  }

  /** Inputs (B, I) moved by `epsilon` up the loss, without dropout or noise. */
  adversarial(
    inputs: Float32Array,
    labels: Uint8Array,
    epsilon: number,
    norm: AdversarialNorm = "max",
  ): Float32Array {
    const rows = this.#placeBatch(inputs, labels);
    const step = { adversarialEpsilon: epsilon, adversarialNorm: norm };
    this.#run("trainNetwork", { task: NetworkTask.Perturb, rows, step });
    return this.#team.arena.floats(this.#buffers.inputs, inputs.length).slice();
  }

  /**
   * Scores before the softmax, (B, L), without dropout or noise; normalized by the means and variances that
   * run with training.
   */
  scores(inputs: Float32Array): Float32Array {
    const rows = this.#placeBatch(inputs);
    this.#run("runNetwork", { task: NetworkTask.Train, rows });
    const { out: scores, outputs, outputSize } = this.#layers.at(-1)!;
    const panels = this.#team.arena.floats(scores, this.#maxRows * outputs);
    const out = new Float32Array(rows * outputSize);
    for (let row = 0; row < rows; row++) {
      for (let y = 0; y < outputSize; y++) {
        const panel = Math.floor(y / PANEL) * this.#maxRows * PANEL;
        out[row * outputSize + y] = panels[panel + row * PANEL + y % PANEL];
      }
    }
    return out;
  }

  parameters(): DenseParameters[] {
    return this.#read("values");
  }

  /** Parameters of the same network without normalization: that by the running means is part of them. */
  foldedParameters(): DenseParameters[] {
    const memory = this.memory();
    return this.#read("values").map((layer, i) => {
      const gamma = memory[`scale${i}`];
      if (!gamma) return layer;
      const mean = memory[`mean${i}`], variance = memory[`variance${i}`];
      // γ·(s − mean) / √(variance + ε) + b, s the sums
      const scale = gamma.map((g, o) => g / Math.sqrt(variance[o] + VARIANCE_EPSILON));
      return {
        ...layer,
        kernel: layer.kernel.map((w, at) => w * scale[at % layer.outputSize]),
        bias: layer.bias.map((b, o) => b - mean[o] * scale[o]),
      };
    });
  }

  /**
   * What normalization adds to a layer, by name and the layer's index: scales γ with their two states, running
   * means and variances, (O) each. Empty without it.
   */
  memory(): Record<string, Float32Array> {
    return readPlaces(this.#team.arena, this.#memoryPlaces());
  }

  /** Restores {@linkcode memory}; what it lacks stays. */
  setMemory(memory: Record<string, Float32Array>): void {
    writePlaces(this.#team.arena, this.#memoryPlaces(), memory);
  }

  #memoryPlaces(): Places {
    return Object.fromEntries(this.#layers.flatMap(({ normalization, outputSize }, i) => {
      if (!normalization) return [];
      const { scale, mean, variance } = normalization;
      const { values, first: scaleFirst, second: scaleSecond } = scale;
      return Object.entries({ scale: values, scaleFirst, scaleSecond, mean, variance })
        .map(([name, at]) => [`${name}${i}`, [at, outputSize]]);
    }));
  }

  setParameters(parameters: readonly DenseParameters[]): void {
    this.#write("values", parameters);
  }

  /** The optimizer's states, m and s, in the shape of the parameters. */
  states(): [DenseParameters[], DenseParameters[]] {
    return [this.#read("first"), this.#read("second")];
  }

  setStates(first: readonly DenseParameters[], second: readonly DenseParameters[]): void {
    this.#write("first", first);
    this.#write("second", second);
  }

  #placeBatch(inputs: Float32Array, labels?: Uint8Array): number {
    const { arena } = this.#team, { inputSize } = this.#layers[0];
    const rows = inputs.length / inputSize;
    if (
      !Number.isInteger(rows) || rows < 1 || rows > this.#maxBatch ||
      labels && labels.length !== rows
    ) {
      throw new RangeError(
        `Cannot train: a batch must be 1 to ${this.#maxBatch} rows of ${inputSize}, got ${inputs.length} numbers` +
          (labels ? ` and ${labels.length} labels` : ""),
      );
    }
    const labelSize = this.#layers.at(-1)!.outputSize, bad = labels?.find((y) => y >= labelSize);
    if (bad !== undefined) {
      throw new RangeError(`Cannot train: a label must be below ${labelSize}, got ${bad}`);
    }
    arena.floats(this.#buffers.inputs, inputs.length).set(inputs);
    if (labels) arena.integers(this.#buffers.targets, rows).set(labels);
    return rows;
  }

  /** @param runningMomentum share of the batch in the means and variances that run */
  #run(
    job: "trainNetwork" | "runNetwork",
    { task, rows, step = {}, runningMomentum = RUNNING_MOMENTUM }: {
      task: number;
      rows: number;
      step?: Partial<NetworkStep>;
      runningMomentum?: number;
    },
  ): void {
    const { arena, barrier } = this.#team;
    const { key = NO_KEY, momentum = 0, beta2 = 0 } = step;
    const isSecond = key.update === 1, update = (step.updates ?? 0) + 1;
    const { dropout, noise, secondDropout, secondNoise } = networkStreams;
    const used = job === "runNetwork" ? Normalization.Running : Normalization.Batch;
    pack(arena, NetworkBatch, this.#batch, {
      ...this.#buffers,
      barrier,
      task,
      rows,
      maxRows: this.#maxRows,
      layerCount: this.#layers.length,
      inputSize: this.#layers[0].inputSize,
      outputSize: this.#layers.at(-1)!.outputSize,
      activation: activationOrdinals[this.#activation],
      normalization: this.#normalized ? used : Normalization.None,
      runningMomentum: task === NetworkTask.Train ? runningMomentum : 0,
      ...seedWords(key.seed),
      step: key.step,
      dropoutStream: stageStreamOf(key.stage, isSecond ? secondDropout : dropout),
      noiseStream: stageStreamOf(key.stage, isSecond ? secondNoise : noise),
      inputKeep: 1 - (step.inputDropout ?? 0),
      hiddenKeep: 1 - (step.dropout ?? 0),
      inputNoise: step.inputNoise ?? 0,
      noise: step.noise ?? 0,
      optimizer: optimizerOrdinals[step.optimizer ?? "sgd"],
      learningRate: step.learningRate ?? 0,
      momentum,
      beta2,
      epsilon: step.epsilon ?? 0,
      correction1: 1 / (1 - momentum ** update),
      correction2: 1 / (1 - beta2 ** update),
      l1: step.l1 ?? 0,
      l2: step.l2 ?? 0,
      maxNorm: step.maxNorm ?? 0,
      adversarialEpsilon: step.adversarialEpsilon ?? 0,
      adversarialNorm: normOrdinals[step.adversarialNorm ?? "max"],
    });
    this.#team.run(job, this.#batch);
  }

  #loss(rows: number): NetworkLoss {
    const { arena } = this.#team;
    const losses = arena.floats(this.#buffers.losses, 2 * rows);
    const hits = arena.integers(this.#buffers.hits, rows);
    let loss = 0, right = 0;
    for (let row = 0; row < rows; row++) {
      loss += losses[2 * row] + Math.log(losses[2 * row + 1]);
      right += hits[row];
    }
    return { loss: loss / rows, accuracy: right / rows };
  }

  /** The parameters or a state of theirs. */
  #read(which: keyof PlacedParameter): DenseParameters[] {
    const { arena } = this.#team;
    return this.#layers.map(({ inputs, outputs, inputSize, outputSize, weights, bias }) => {
      const panels = arena.floats(weights[which], inputs * outputs);
      const kernel = new Float32Array(inputSize * outputSize);
      eachRun(inputs, inputSize, outputSize, (row, panel, count) => {
        kernel.set(panels.subarray(panel, panel + count), row);
      });
      return {
        inputSize,
        outputSize,
        kernel,
        bias: arena.floats(bias[which], outputSize).slice(),
      };
    });
  }

  #write(which: keyof PlacedParameter, parameters: readonly DenseParameters[]): void {
    const { arena } = this.#team;
    this.#layers.forEach(({ inputs, outputs, inputSize, outputSize, weights, bias }, i) => {
      const { kernel, bias: biases } = parameters[i] ?? { kernel: [], bias: [] };
      if (kernel.length !== inputSize * outputSize || biases.length !== outputSize) {
        throw new RangeError(
          `Cannot train: layer ${i} must be (${inputSize}, ${outputSize}) and (${outputSize}), got ${kernel.length} and ${biases.length} numbers`,
        );
      }
      const panels = arena.floats(weights[which], inputs * outputs);
      eachRun(inputs, inputSize, outputSize, (row, panel, count) => {
        panels.set((kernel as Float32Array).subarray(row, row + count), panel);
      });
      arena.floats(bias[which], outputSize).set(biases);
    });
  }
}

/** Calls `f` with where up to 32 neighbours lie in rows (I, O) and in panels of (inputs, 32). */
function eachRun(
  inputs: number,
  inputSize: number,
  outputSize: number,
  f: (row: number, panel: number, count: number) => void,
): void {
  for (let o = 0; o < outputSize; o += PANEL) {
    const count = Math.min(PANEL, outputSize - o);
    for (let i = 0; i < inputSize; i++) f(i * outputSize + o, o * inputs + i * PANEL, count);
  }
}
