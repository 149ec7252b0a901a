/**
 * The parameters and statistics of an RBM in training, in the arena; one kernel call a mini-batch.
 * @module
 */
import { fillUniform, type RandomKey } from "../math/random.ts";
import { padded, PANEL } from "./dense.ts";
import type { Team } from "./team.ts";

// B batch, M fantasy particles, P pixels, L labels, V = P + L visible, H hidden

/** Sizes that stay as they are while an RBM is trained. */
export interface TrainingSizes {
  inputSize: number; // P
  labelSize: number; // L
  hiddenSize: number; // H
  /** Rows of the largest batch. */
  maxRows: number;
}

/** Parameters, or their velocities; rows of `weights` are pixels, then labels. */
export interface TrainingParameters {
  weights: Float32Array; // (V, H)
  visibleBias: Float32Array; // (V)
  hiddenBias: Float32Array; // (H)
}

/** One batch and what to do with it. */
export interface TrainingStep {
  inputs: Float32Array; // (B, P)
  labels: Uint8Array; // (B)
  /** Draws inputs as binary samples of their values, instead of taking them as they are. */
  sampleInputs: boolean;
  /** Takes inputs by a dense product, which is faster unless most are 0; for those not sampled. */
  denseInputs: boolean;
  /** Whether the reconstruction that ends CD-k is a sample; its probabilities otherwise. */
  sampleVisible: boolean;
  /** Whether the model's half goes on from the last batch's chains (PCD). */
  persistent: boolean;
  /** Measures the reconstruction of a PCD batch too; CD always does. */
  monitor: boolean;
  k: number;
  learningRate: number;
  momentum: number;
  weightCost: number;
  /** Its layer is that of the first stream of random numbers of this RBM. */
  key: RandomKey;
  /** Layer of the numbers that sample inputs. */
  inputLayer: number;
}

const HEAD_WORDS = 16; // of a list: see assembly/training.ts
const ROW_BYTES = 4 * PANEL;

/** An RBM that learns in the arena of a team, whose workers must have started. */
export class TrainingRbm {
  readonly #team: Team;
  readonly #sizes: TrainingSizes;
  readonly #maxBatch: number;
  readonly #visiblePad: number;
  readonly #hiddenPad: number;
  readonly #buffers;
  /** Rows of the persistent chains, M; 0 before they begin. */
  #particles = 0;

  /** @throws {RangeError} if the arena cannot hold it. */
  constructor(team: Team, sizes: TrainingSizes) {
    this.#team = team;
    this.#maxBatch = sizes.maxRows;
    this.#sizes = { ...sizes, maxRows: padded(sizes.maxRows, 4) }; // a product takes four at a time
    const { inputSize, labelSize, hiddenSize, maxRows } = this.#sizes;
    const visiblePad = this.#visiblePad = padded(inputSize + labelSize);
    const hiddenPad = this.#hiddenPad = padded(hiddenSize);
    const { arena, workers } = team;
    const lists = maxRows * (workers * listWords(inputSize) + listWords(labelSize));
    this.#buffers = {
      inputs: arena.allocate(maxRows * padded(inputSize)),
      targets: arena.allocate(maxRows),
      weights: arena.allocate(visiblePad * hiddenPad),
      velocity: arena.allocate(visiblePad * hiddenPad),
      transposed: arena.allocate(visiblePad * hiddenPad),
      visibleBias: arena.allocate(visiblePad),
      visibleVelocity: arena.allocate(visiblePad),
      hiddenBias: arena.allocate(hiddenPad),
      hiddenVelocity: arena.allocate(hiddenPad),
      hiddenMask: arena.allocate(hiddenPad),
      data: arena.allocate(hiddenPad * maxRows),
      model: arena.allocate(hiddenPad * maxRows),
      visible: arena.allocate(visiblePad * maxRows),
      visibleByUnit: arena.allocate(visiblePad * maxRows),
      dense: arena.allocate(visiblePad * maxRows),
      denseByUnit: arena.allocate(visiblePad * maxRows),
      errors: arena.allocate((visiblePad / PANEL + 1) * maxRows),
      dataLists: arena.allocate(lists),
      modelLists: arena.allocate(lists),
      hiddenLists: arena.allocate(maxRows * workers * listWords(hiddenSize)),
      rowLists: arena.allocate(visiblePad * listWords(2 * maxRows)),
      bits: arena.allocate(maxRows * visiblePad / 32),
      signed: arena.allocate(workers * 3 * maxRows * PANEL),
      monitor: arena.allocate(lists),
      scratch: arena.allocate(workers * (Math.max(visiblePad, hiddenPad) + PANEL * PANEL)),
      batch: arena.allocate(64),
    };
    arena.floats(this.#buffers.hiddenMask, hiddenSize).fill(1);
  }

  /** Learns from one batch. Returns its mean squared reconstruction error, where it is measured. */
  step(batch: TrainingStep): number | undefined {
    const { arena, barrier } = this.#team;
    const { inputSize, labelSize, hiddenSize, maxRows } = this.#sizes;
    const { labels, inputs, key } = batch, rows = labels.length, pad = padded(inputSize);
    if (rows < 1 || rows > this.#maxBatch || inputs.length !== rows * inputSize) {
      throw new RangeError(
        `Cannot train: a batch must be 1 to ${this.#maxBatch} rows of ${inputSize}, got ${rows} labels and ${inputs.length} numbers`,
      );
    }
    const placed = arena.floats(this.#buffers.inputs, maxRows * pad);
    for (let row = 0; row < rows; row++) {
      placed.set(inputs.subarray(row * inputSize, (row + 1) * inputSize), row * pad);
    }
    arena.integers(this.#buffers.targets, rows).set(labels);
    if (batch.persistent && this.#particles === 0) this.#startParticles(batch);
    const b = this.#buffers, measured = batch.monitor || !batch.persistent;
    const modelRows = batch.persistent ? this.#particles : rows;
    const integers = [
      ...[barrier, rows, modelRows, maxRows, inputSize, labelSize, hiddenSize, batch.k],
      ...[batch.persistent, batch.sampleInputs, batch.denseInputs && !batch.sampleInputs].map(
        Number,
      ),
      Number(batch.sampleVisible || batch.persistent),
      ...[key.seed | 0, Math.floor(key.seed / 2 ** 32) | 0, key.step, key.layer, batch.inputLayer],
    ];
    const floats = [batch.learningRate, batch.momentum, batch.weightCost];
    const addresses = [
      ...[b.inputs, b.targets, b.weights, b.velocity, b.transposed],
      ...[b.visibleBias, b.visibleVelocity, b.hiddenBias, b.hiddenVelocity, b.hiddenMask],
      ...[
        b.data,
        b.model,
        b.visible,
        b.visibleByUnit,
        b.dense,
        b.denseByUnit,
        b.errors,
        b.dataLists,
        b.modelLists,
        b.hiddenLists,
      ],
      ...[b.bits, b.rowLists, b.signed],
      ...[batch.persistent && batch.monitor ? b.monitor : 0, b.scratch],
    ];
    arena.integers(b.batch, 64).set(integers);
    arena.floats(b.batch, 64).set(floats, integers.length);
    arena.integers(b.batch, 64).set(addresses, integers.length + floats.length);
    this.#team.run("trainBatch", b.batch);
    return measured ? this.#meanError(rows, !batch.persistent) : undefined;
  }

  #meanError(rows: number, withLabels: boolean): number {
    const { inputSize, labelSize, maxRows } = this.#sizes;
    const panels = this.#visiblePad / PANEL;
    const errors = this.#team.arena.floats(this.#buffers.errors, (panels + 1) * maxRows);
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      for (let panel = 0; panel * PANEL < inputSize; panel++) sum += errors[panel * maxRows + row];
      if (withLabels && labelSize > 0) sum += errors[panels * maxRows + row];
    }
    return sum / rows;
  }

  /** Chains start from binary samples of the first batch. */
  #startParticles({ inputs, labels, key, inputLayer }: TrainingStep): void {
    const { inputSize, labelSize } = this.#sizes;
    const visibleSize = inputSize + labelSize;
    const particles = new Float32Array(labels.length * visibleSize);
    const uniform = new Float32Array(inputSize);
    labels.forEach((label, row) => {
      fillUniform(uniform, { ...key, layer: inputLayer, chain: row });
      for (let i = 0; i < inputSize; i++) {
        particles[row * visibleSize + i] = uniform[i] < inputs[row * inputSize + i] ? 1 : 0;
      }
      if (labelSize > 0) particles[row * visibleSize + inputSize + label] = 1;
    });
    this.setParticles(particles);
  }

  /** Binary states of the persistent chains, (M, V); none before they begin. */
  particles(): Float32Array | undefined {
    if (this.#particles === 0) return undefined;
    const { inputSize, labelSize } = this.#sizes, visibleSize = inputSize + labelSize;
    const out = new Float32Array(this.#particles * visibleSize);
    this.#eachList((list, row, words) => {
      const end = (words[list] >>> 0) / 4;
      for (let at = list + HEAD_WORDS; at < end; at += 2) {
        out[row * visibleSize + words[at] / ROW_BYTES] = 1;
      }
    });
    return out;
  }

  /** Puts chains (M, V) of binary states in the place of those there are. */
  setParticles(states: Float32Array): void {
    const { inputSize, labelSize } = this.#sizes, visibleSize = inputSize + labelSize;
    const rows = states.length / visibleSize;
    if (!Number.isInteger(rows) || rows > this.#maxBatch) {
      throw new RangeError(
        `Cannot train: particles must be at most ${this.#maxBatch} rows of ${visibleSize}, got ${states.length} numbers`,
      );
    }
    this.#particles = rows;
    const one = new Int32Array(Float32Array.of(1).buffer)[0];
    this.#eachList((list, row, words, kind) => {
      let at = list + HEAD_WORDS;
      // All pixels go to the first worker's list, which is in the same order.
      const [from, to] = kind === "labels"
        ? [inputSize, visibleSize]
        : [0, kind === 0 ? inputSize : 0];
      for (let i = from; i < to; i++) {
        if (states[row * visibleSize + i] === 0) continue;
        words[at++] = i * ROW_BYTES;
        words[at++] = one;
      }
      words[list] = 4 * at;
    });
  }

  /** Calls `f` with the place of every list of the chains, as an index into words. */
  #eachList(
    f: (list: number, row: number, words: Int32Array, kind: number | "labels") => void,
  ): void {
    const { inputSize, labelSize, maxRows } = this.#sizes;
    const { arena, workers } = this.#team, first = this.#buffers.modelLists / 4;
    const words = arena.integers(0, arena.usedBytes / 4);
    const pixels = listWords(inputSize), labels = first + workers * maxRows * pixels;
    for (let row = 0; row < this.#particles; row++) {
      for (let worker = 0; worker < workers; worker++) {
        f(first + (worker * maxRows + row) * pixels, row, words, worker);
      }
      f(labels + row * listWords(labelSize), row, words, "labels");
    }
  }

  parameters(): TrainingParameters {
    const { weights, visibleBias, hiddenBias } = this.#buffers;
    return this.#read(weights, visibleBias, hiddenBias);
  }

  velocities(): TrainingParameters {
    const { velocity, visibleVelocity, hiddenVelocity } = this.#buffers;
    return this.#read(velocity, visibleVelocity, hiddenVelocity);
  }

  setParameters({ weights, visibleBias, hiddenBias }: TrainingParameters): void {
    const b = this.#buffers;
    this.#write(b.weights, b.visibleBias, b.hiddenBias, { weights, visibleBias, hiddenBias });
    const { arena } = this.#team, { inputSize, labelSize, hiddenSize } = this.#sizes;
    const table = arena.floats(b.transposed, this.#visiblePad * this.#hiddenPad);
    for (let i = 0; i < inputSize + labelSize; i++) {
      const inPanel = i % PANEL, panel = (i - inPanel) * this.#hiddenPad + inPanel;
      for (let j = 0; j < hiddenSize; j++) table[panel + j * PANEL] = weights[i * hiddenSize + j];
    }
  }

  setVelocities(velocities: TrainingParameters): void {
    const b = this.#buffers;
    this.#write(b.velocity, b.visibleVelocity, b.hiddenVelocity, velocities);
  }

  #read(weights: number, visible: number, hidden: number): TrainingParameters {
    const { inputSize, labelSize, hiddenSize } = this.#sizes, visibleSize = inputSize + labelSize;
    const { arena } = this.#team;
    const table = arena.floats(weights, this.#visiblePad * this.#hiddenPad);
    const rows = new Float32Array(visibleSize * hiddenSize);
    this.#eachPart((row, panel, count) => {
      rows.set(table.subarray(panel, panel + count), row);
    });
    return {
      weights: rows,
      visibleBias: Float32Array.from(arena.floats(visible, visibleSize)),
      hiddenBias: Float32Array.from(arena.floats(hidden, hiddenSize)),
    };
  }

  #write(weights: number, visible: number, hidden: number, from: TrainingParameters): void {
    const { inputSize, labelSize, hiddenSize } = this.#sizes, visibleSize = inputSize + labelSize;
    const { arena } = this.#team;
    if (
      from.weights.length !== visibleSize * hiddenSize ||
      from.visibleBias.length !== visibleSize || from.hiddenBias.length !== hiddenSize
    ) {
      throw new RangeError(
        `Cannot train: parameters must be (${visibleSize}, ${hiddenSize}), (${visibleSize}) and (${hiddenSize}), got ${from.weights.length}, ${from.visibleBias.length} and ${from.hiddenBias.length} numbers`,
      );
    }
    const table = arena.floats(weights, this.#visiblePad * this.#hiddenPad);
    this.#eachPart((row, panel, count) => {
      table.set(from.weights.subarray(row, row + count), panel);
    });
    arena.floats(visible, visibleSize).set(from.visibleBias);
    arena.floats(hidden, hiddenSize).set(from.hiddenBias);
  }

  /** Calls `f` with where up to 32 neighbours lie in rows (V, H) and in panels. */
  #eachPart(f: (row: number, panel: number, count: number) => void): void {
    const { inputSize, labelSize, hiddenSize } = this.#sizes;
    for (let j = 0; j < hiddenSize; j += PANEL) {
      const count = Math.min(PANEL, hiddenSize - j);
      for (let i = 0; i < inputSize + labelSize; i++) {
        f(i * hiddenSize + j, j * this.#visiblePad + i * PANEL, count);
      }
    }
  }
}

/** 32-bit words of a list of at most `count` pairs: see listBytes of assembly/training.ts. */
function listWords(count: number): number {
  return padded(HEAD_WORDS + 2 * count);
}
