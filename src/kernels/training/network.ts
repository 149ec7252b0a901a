/**
 * A feed-forward network in training, in the arena: one kernel call a mini-batch.
 * @module
 */
import { networkStreams } from "../../math/streams.ts";
import { type HiddenActivation, hiddenActivations } from "../../model/dbn.ts";
import { PANEL } from "../generated/abi.ts";
import { padded } from "../serving/dense.ts";
import { type Places, readPlaces, writePlaces } from "../runtime/places.ts";
import type { Team } from "../runtime/team.ts";

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
  /** Where its random numbers begin: stream `layer` drops inputs, the next ones hidden units. */
  key: { seed: number; step: number; layer: number };
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
  adversarialReach?: number;
  /** Which cases are moved; see {@linkcode adversarialCases}. @default "half" */
  adversarialCases?: AdversarialCases;
  /** What `adversarialReach` bounds; see {@linkcode adversarialNorms}. @default "max" */
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

/** Mean cross-entropy of a batch in nats, and the share of its rows that are read right. */
export interface NetworkLoss {
  loss: number;
  accuracy: number;
}

interface PlacedParameters {
  inputs: number; // padded
  outputs: number; // padded
  inputSize: number;
  outputSize: number;
  weights: [values: number, first: number, second: number];
  bias: [values: number, first: number, second: number];
  /** None where units are not normalized. */
  normalization?: {
    gain: [values: number, first: number, second: number];
    mean: number;
    variance: number;
  };
}

// What a batch is for: see assembly/network_batch.ts.
const TRAIN = 0, GRADIENTS = 1, PERTURB = 2;

const BATCH_WORDS = 48;
const LAYER_WORDS = 21;
/** How fast the running means and variances follow those of a batch. */
const FOLLOW = 0.01;
/** From the streams of an update to those of a second one by the same batch. */
const SECOND_UPDATE = networkStreams.secondDropout.first - networkStreams.dropout.first;
/** Added to variances: see assembly/normalization.ts. */
const VARIANCE_EPSILON = 1e-5;

/** A network in the arena of a team that runs the training program. */
export class TrainingNetwork {
  readonly #team: Team;
  readonly #layers: PlacedParameters[];
  readonly #maxRows: number;
  readonly #maxBatch: number;
  readonly #activation: HiddenActivation;
  readonly #normalized: boolean;
  readonly #buffers;

  /**
   * With `normalized`, sums into hidden units are taken to mean 0 and variance 1 over the batch (batch
   * normalization, Ioffe and Szegedy 2015), times a gain that starts at 1, plus the bias.
   * @throws {RangeError} if the arena cannot hold it.
   */
  constructor(
    team: Team,
    start: readonly DenseParameters[],
    { maxRows, activation, normalized = false }: {
      maxRows: number;
      activation: HiddenActivation;
      normalized?: boolean;
    },
  ) {
    this.#team = team;
    this.#activation = activation;
    this.#normalized = normalized;
    this.#maxBatch = maxRows;
    this.#maxRows = padded(maxRows, 4); // a product takes four at a time
    const { arena, workers } = team, rows = this.#maxRows;
    const triple = (count: number): [number, number, number] => [
      arena.allocate(count),
      arena.allocate(count),
      arena.allocate(count),
    ];
    this.#layers = start.map(({ inputSize, outputSize }, i) => {
      const inputs = padded(inputSize), outputs = padded(outputSize);
      const weights = triple(inputs * outputs), bias = triple(outputs);
      const layer = { inputs, outputs, inputSize, outputSize, weights, bias };
      if (!normalized || i === start.length - 1) return layer;
      const gain = triple(outputs);
      const mean = arena.allocate(outputs), variance = arena.allocate(outputs);
      arena.floats(gain[0], outputSize).fill(1);
      arena.floats(variance, outputSize).fill(1);
      return { ...layer, normalization: { gain, mean, variance } };
    });
    const widest = Math.max(...this.#layers.map(({ outputs }) => outputs));
    const scratchWords = PANEL * (widest + PANEL);
    this.#buffers = {
      inputs: arena.allocate(rows * start[0].inputSize),
      targets: arena.allocate(rows),
      losses: arena.allocate(2 * rows),
      hits: arena.allocate(rows),
      scratch: arena.allocate(workers * scratchWords),
      scratchWords,
      batch: arena.allocate(BATCH_WORDS),
      layers: arena.allocate(start.length * LAYER_WORDS),
      squares: arena.allocate(rows * this.#layers[0].inputs / PANEL),
      outs: this.#layers.map(({ outputs }) => arena.allocate(rows * outputs)),
    };
    const placeNormalization = ({ normalization, outputs }: PlacedParameters) => {
      if (!normalization) return new Array<number>(8).fill(0);
      const { gain, mean, variance } = normalization;
      const [normal, noisy] = [arena.allocate(rows * outputs), arena.allocate(rows * outputs)];
      return [...gain, mean, variance, arena.allocate(outputs), normal, noisy];
    };
    const table = this.#layers.flatMap((layer, i) => [
      ...[layer.inputs, layer.outputs, layer.outputSize, ...layer.weights, ...layer.bias],
      ...[arena.allocate(rows * layer.inputs), arena.allocate(rows * layer.inputs)],
      ...[this.#buffers.outs[i], arena.allocate(rows * layer.outputs)],
      ...placeNormalization(layer),
    ]);
    arena.integers(this.#buffers.layers, table.length).set(table);
    this.setParameters(start);
  }

  /** Sizes of every layer. */
  get sizes(): { inputSize: number; outputSize: number }[] {
    return this.#layers.map(({ inputSize, outputSize }) => ({ inputSize, outputSize }));
  }

  /** Learns from one batch. */
  step(step: NetworkStep): NetworkLoss {
    const rows = this.#placeBatch(step.inputs, step.labels);
    const { adversarialReach = 0, adversarialCases = "half" } = step;
    if (adversarialReach > 0 && adversarialCases === "after") return this.#learnTwice(rows, step);
    if (adversarialReach > 0) this.#perturb(rows >> 1, step);
    this.#run("trainNetwork", TRAIN, rows, step);
    return this.#loss(rows);
  }

  /** Learns from the placed batch as it is, and then with every case moved; means over both. */
  #learnTwice(rows: number, step: NetworkStep): NetworkLoss {
    const updates = 2 * step.updates, key = { ...step.key, layer: step.key.layer + SECOND_UPDATE };
    this.#run("trainNetwork", TRAIN, rows, { ...step, updates });
    const before = this.#loss(rows);
    this.#perturb(rows, { ...step, key });
    this.#run("trainNetwork", TRAIN, rows, { ...step, key, updates: updates + 1 }, 0);
    const after = this.#loss(rows);
    return {
      loss: (before.loss + after.loss) / 2,
      accuracy: (before.accuracy + after.accuracy) / 2,
    };
  }

  /** Moves the first cases of the placed batch. */
  #perturb(rows: number, step: NetworkStep): void {
    if (rows === 0) return;
    this.#run("trainNetwork", PERTURB, rows, { ...step, noise: 0, inputNoise: 0 });
  }

  /** The batch's loss without dropout, and its gradients in the order kernel, bias, kernel, … */
  gradients(
    inputs: Float32Array,
    labels: Uint8Array,
  ): NetworkLoss & { gradients: Float32Array[] } {
    const rows = this.#placeBatch(inputs, labels);
    this.#run("trainNetwork", GRADIENTS, rows);
    const gradients = this.#read(1).flatMap(({ kernel, bias }) => [kernel, bias]);
    return { ...this.#loss(rows), gradients };
  }

  /** Inputs (B, I) moved by `reach` up the loss, without dropout or noise. */
  adversarial(
    inputs: Float32Array,
    labels: Uint8Array,
    reach: number,
    norm: AdversarialNorm = "max",
  ): Float32Array {
    const rows = this.#placeBatch(inputs, labels);
    const step = { adversarialReach: reach, adversarialNorm: norm };
    this.#run("trainNetwork", PERTURB, rows, step);
    return this.#team.arena.floats(this.#buffers.inputs, inputs.length).slice();
  }

  /**
   * Scores before the softmax, (B, L), without dropout or noise; normalized by the means and variances that
   * run with training.
   */
  scores(inputs: Float32Array): Float32Array {
    const rows = this.#placeBatch(inputs);
    this.#run("runNetwork", TRAIN, rows);
    const { outputs, outputSize } = this.#layers.at(-1)!, { arena } = this.#team;
    const panels = arena.floats(this.#buffers.outs.at(-1)!, this.#maxRows * outputs);
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
    return this.#read(0);
  }

  /** Parameters of the same network without normalization: that by the running means is part of them. */
  foldedParameters(): DenseParameters[] {
    const memory = this.memory();
    return this.#read(0).map((layer, i) => {
      const gain = memory[`gain${i}`];
      if (!gain) return layer;
      const mean = memory[`mean${i}`], variance = memory[`variance${i}`];
      const scale = gain.map((g, o) => g / Math.sqrt(variance[o] + VARIANCE_EPSILON));
      return {
        ...layer,
        kernel: layer.kernel.map((w, at) => w * scale[at % layer.outputSize]),
        bias: layer.bias.map((b, o) => b - mean[o] * scale[o]),
      };
    });
  }

  /**
   * What normalization adds to a layer, by name and the layer's index: gains with their two states, running
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
      const { gain: [gain, gainFirst, gainSecond], mean, variance } = normalization;
      return Object.entries({ gain, gainFirst, gainSecond, mean, variance })
        .map(([name, at]) => [`${name}${i}`, [at, outputSize]]);
    }));
  }

  setParameters(parameters: readonly DenseParameters[]): void {
    this.#write(0, parameters);
  }

  /** The optimizer's states, m and s, in the shape of the parameters. */
  states(): [DenseParameters[], DenseParameters[]] {
    return [this.#read(1), this.#read(2)];
  }

  setStates(first: readonly DenseParameters[], second: readonly DenseParameters[]): void {
    this.#write(1, first);
    this.#write(2, second);
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

  #run(
    job: "trainNetwork" | "runNetwork",
    mode: number,
    rows: number,
    step?: Partial<NetworkStep>,
    follow = job === "trainNetwork" && mode === TRAIN ? FOLLOW : 0,
  ): void {
    const { arena, barrier } = this.#team, b = this.#buffers, key = step?.key;
    const seed = key?.seed ?? 0, updates = (step?.updates ?? 0) + 1;
    const integers = [
      ...[barrier, mode, rows, this.#maxRows, this.#layers.length, b.layers],
      ...[b.inputs, this.#layers[0].inputSize, b.targets, b.losses, b.hits],
      ...[this.#layers.at(-1)!.outputSize, hiddenActivations.indexOf(this.#activation)],
      ...[seed | 0, Math.floor(seed / 2 ** 32) | 0, key?.step ?? 0, key?.layer ?? 0],
    ];
    const { momentum = 0, beta2 = 0 } = step ?? {};
    const floats = [
      ...[step?.learningRate ?? 0, momentum, beta2, step?.epsilon ?? 0],
      ...[1 / (1 - momentum ** updates), 1 / (1 - beta2 ** updates)],
      ...[step?.l1 ?? 0, step?.l2 ?? 0, step?.maxNorm ?? 0],
    ];
    const words = arena.integers(b.batch, BATCH_WORDS),
      numbers = arena.floats(b.batch, BATCH_WORDS);
    words.set(integers);
    let at = integers.length;
    numbers.set([1 - (step?.inputDropout ?? 0), 1 - (step?.dropout ?? 0)], at);
    words[at += 2] = optimizers.indexOf(step?.optimizer ?? "sgd");
    numbers.set(floats, ++at);
    words.set([b.scratch, 4 * b.scratchWords], at += floats.length);
    numbers[at += 2] = step?.adversarialReach ?? 0;
    const norm = adversarialNorms.indexOf(step?.adversarialNorm ?? "max");
    words.set([norm, b.squares, Number(this.#normalized), Number(job === "runNetwork")], at + 1);
    numbers.set([follow, step?.noise ?? 0, step?.inputNoise ?? 0], at + 5);
    this.#team.run(job, b.batch);
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

  /** The parameters (0) or a state of theirs (1, 2). */
  #read(which: 0 | 1 | 2): DenseParameters[] {
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

  #write(which: 0 | 1 | 2, parameters: readonly DenseParameters[]): void {
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
