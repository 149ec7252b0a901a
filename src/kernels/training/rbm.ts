/**
 * The parameters and statistics of an RBM in training, in the arena; one kernel call a mini-batch.
 * @module
 */
import { fillUniform, type RandomKey } from "../../math/random.ts";
import { PANEL } from "../generated/abi.ts";
import { padded } from "../serving/dense.ts";
import { type Places, readPlaces, writePlaces } from "../runtime/places.ts";
import type { Team } from "../runtime/team.ts";

// B batch, M fantasy particles, P pixels, L labels, V = P + L visible, H hidden

/** Sizes that stay as they are while an RBM is trained. */
export interface TrainingSizes {
  inputSize: number; // P
  labelSize: number; // L
  hiddenSize: number; // H
  /** Rows of the largest batch. */
  maxRows: number;
  /** Persistent chains, each at as many temperatures; as many as the first batch has if left out. */
  chains?: number;
  /** Replicas of a chain, at inverse temperatures from 1 down to `lowestBeta`; 1 for no tempering. */
  temperatures?: number;
  lowestBeta?: number;
  /** Visible biases of the distribution at inverse temperature 0, (V); all 0 if left out. */
  baseBias?: Float32Array;
  /** Whether persistent chains have fast weights. */
  fast?: boolean;
  /** Whether pixels are Gaussian with variance 1 about their mean, instead of binary. */
  gaussian?: boolean;
  /** Two RBMs without labels to anneal between, from the first to the second. */
  path?: readonly [TrainingParameters, TrainingParameters];
}

/** Parameters, or their velocities; rows of `weights` are pixels, then labels. */
export interface TrainingParameters {
  weights: Float32Array; // (V, H)
  visibleBias: Float32Array; // (V)
  hiddenBias: Float32Array; // (H)
}

/** Rows of bytes (B, P), to be divided by `divisor`. */
export interface ByteRows {
  bytes: Uint8Array;
  divisor: number;
}

/** One batch and what to do with it. */
export interface TrainingStep {
  inputs: Float32Array | ByteRows; // (B, P)
  labels: Uint8Array; // (B)
  /** Draws inputs as binary samples of their values, instead of taking them as they are. */
  sampleInputs: boolean;
  /** Whether inputs are 0 or 1 already, which is faster. */
  binaryInputs?: boolean;
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
  /** Penalties on weights: l1·|w| + weightCost·w²/2. */
  weightCost: number;
  l1?: number;
  /** Share of hidden units left out of a case, in both of its halves. */
  dropout?: number;
  /** Holds the running mean of each hidden unit near a target; Hinton (2012), §11. */
  sparsityCost?: number;
  sparsityTarget?: number;
  /** How fast the offsets of a centred gradient follow the means; 0 for the plain one. */
  centring?: number;
  /** Of fast weights: what they keep at each update, and their learning rate. */
  fastDecay?: number;
  fastRate?: number;
  /** Its layer is that of the first stream of random numbers of this RBM. */
  key: RandomKey;
  /** Layer of the numbers that sample inputs. */
  inputLayer: number;
}

/** 32-bit words of a batch's fields. */
const BATCH_WORDS = 96;
const HEAD_WORDS = 16; // of a list: see assembly/batch.ts
const ROW_BYTES = 4 * PANEL;

/** What annealing needs of a step. */
const ANNEALING = {
  sampleInputs: false,
  denseInputs: false,
  sampleVisible: true,
  persistent: true,
  monitor: false,
  learningRate: 0,
  momentum: 0,
  weightCost: 0,
  inputLayer: 0,
};

/** What a directed layer's inputs are: 0 or 1 alone, mostly not 0, or neither. */
export interface DirectedInputs {
  binaryInputs?: boolean;
  denseInputs?: boolean;
}

/** What a directed layer, or the discriminative gradient, needs of a step. */
const DIRECTED = {
  ...ANNEALING,
  sampleVisible: false,
  persistent: false,
  k: 0,
  key: { seed: 0, chain: 0, step: 0, layer: 0 }, // unless it samples
};

/** An RBM that learns in the arena of a team, whose workers must have started. */
export class TrainingRbm {
  readonly #team: Team;
  readonly #sizes: TrainingSizes;
  readonly #maxBatch: number;
  readonly #temperatures: number;
  readonly #visiblePad: number;
  readonly #hiddenPad: number;
  readonly #buffers;
  /** Rows of the persistent chains, M; 0 before they begin. */
  #particles = 0;

  /** @throws {RangeError} if the arena cannot hold it. */
  constructor(team: Team, sizes: TrainingSizes) {
    this.#team = team;
    this.#maxBatch = sizes.maxRows;
    const { temperatures = 1, chains = 0, fast = false } = sizes;
    this.#temperatures = temperatures;
    const rows = Math.max(sizes.maxRows, (chains || sizes.maxRows) * temperatures);
    this.#sizes = { ...sizes, maxRows: padded(rows, 4) }; // a product takes four at a time
    const { inputSize, labelSize, hiddenSize, maxRows } = this.#sizes;
    const visiblePad = this.#visiblePad = padded(inputSize + labelSize);
    const hiddenPad = this.#hiddenPad = padded(hiddenSize);
    const { arena, workers } = team;
    const lists = maxRows * listWords(inputSize), labels = maxRows * listWords(labelSize);
    this.#buffers = {
      inputs: arena.allocate(maxRows * padded(inputSize)),
      bytes: arena.allocate(maxRows * padded(inputSize) / 4),
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
      dataLists: arena.allocate(workers * lists),
      dataLabels: arena.allocate(labels),
      modelLists: arena.allocate(lists),
      removedLists: arena.allocate(lists),
      modelLabels: arena.allocate(labels),
      hiddenLists: arena.allocate(maxRows * listWords(hiddenSize)),
      dataBits: arena.allocate(maxRows * visiblePad / 32),
      modelBits: arena.allocate(maxRows * visiblePad / 32),
      hiddenBits: arena.allocate(maxRows * hiddenPad / 32),
      rowLists: arena.allocate(visiblePad * listWords(2 * maxRows)),
      signed: arena.allocate(workers * 3 * maxRows * PANEL),
      scratch: arena.allocate(workers * (Math.max(visiblePad, hiddenPad) + (PANEL + 3) * PANEL)),
      batch: arena.allocate(BATCH_WORDS),
      sparsityMeans: arena.allocate(hiddenPad),
      visibleOffsets: arena.allocate(visiblePad),
      hiddenOffsets: arena.allocate(hiddenPad),
      visibleMeans: arena.allocate(visiblePad),
      visibleSums: arena.allocate(visiblePad),
      partials: arena.allocate(visiblePad * hiddenPad / PANEL),
      chainWeights: fast ? arena.allocate(visiblePad * hiddenPad) : 0,
      fastWeights: fast ? arena.allocate(visiblePad * hiddenPad) : 0,
      betas: temperatures > 1 ? arena.allocate(maxRows) : 0,
      partnerBetas: arena.allocate(maxRows),
      partners: arena.allocate(maxRows),
      baseBias: arena.allocate(visiblePad),
      gains: arena.allocate(2 * workers * maxRows),
      outputs: arena.allocate(maxRows * hiddenPad),
      labelErrors: arena.allocate(maxRows * labelSize),
      labelPartials: arena.allocate(hiddenPad / PANEL * maxRows * labelSize),
      path: sizes.path ? arena.allocate(2 * this.#pathWords) : 0,
    };
    sizes.path?.forEach((parameters, end) => this.#placePathEnd(end, parameters));
    if (sizes.baseBias) {
      arena.floats(this.#buffers.baseBias, sizes.baseBias.length).set(sizes.baseBias);
    }
    arena.floats(this.#buffers.hiddenMask, hiddenSize).fill(1);
  }

  /** Learns from one batch. Returns its mean squared reconstruction error, where it is measured. */
  step(batch: TrainingStep): number | undefined {
    const { arena } = this.#team, { inputSize } = this.#sizes;
    const { labels, inputs, key } = batch, rows = labels.length;
    const ofBytes = "bytes" in inputs, { length } = ofBytes ? inputs.bytes : inputs;
    if (rows < 1 || rows > this.#maxBatch || length !== rows * inputSize) {
      throw new RangeError(
        `Cannot train: a batch must be 1 to ${this.#maxBatch} rows of ${inputSize}, got ${rows} labels and ${length} numbers`,
      );
    }
    this.#checkLabels(labels);
    if (ofBytes) this.#placeBytes(inputs.bytes);
    else this.#placeRows(this.#buffers.inputs, inputs, inputSize);
    arena.integers(this.#buffers.targets, rows).set(labels);
    if (batch.persistent && this.#particles === 0) this.#startParticles(batch);
    if (batch.persistent && this.#temperatures > 1) this.#pairRows(key.step);
    const measured = batch.monitor || !batch.persistent;
    const modelRows = batch.persistent ? this.#particles : rows;
    const divisor = ofBytes ? inputs.divisor : 0;
    this.#place(batch, { rows, modelRows, divisor, tempered: batch.persistent });
    this.#team.run("trainBatch", this.#buffers.batch);
    return measured ? this.#meanError(rows, !batch.persistent) : undefined;
  }

  /** Copies rows of `size` numbers to where each begins a panel. */
  #placeRows(address: number, rows: Float32Array, size: number): void {
    const pad = padded(size), count = rows.length / size;
    const placed = this.#team.arena.floats(address, count * pad);
    for (let row = 0; row < count; row++) {
      placed.set(rows.subarray(row * size, (row + 1) * size), row * pad);
    }
  }

  /** The same of bytes, which the kernel divides. */
  #placeBytes(rows: Uint8Array): void {
    const { inputSize } = this.#sizes, pad = padded(inputSize), count = rows.length / inputSize;
    const placed = this.#team.arena.bytes(this.#buffers.bytes, count * pad);
    for (let row = 0; row < count; row++) {
      placed.set(rows.subarray(row * inputSize, (row + 1) * inputSize), row * pad);
    }
  }

  /**
   * As a directed layer: p(h=1|x) of inputs, (B, H), or a sample of it.
   * @param inputs (B, I)
   */
  predict(
    inputs: Float32Array,
    { sample, key, ...kind }: { sample: boolean; key: RandomKey } & DirectedInputs,
  ): Float32Array {
    const { arena } = this.#team, { hiddenSize } = this.#sizes, pad = padded(hiddenSize);
    const rows = this.#placeDirected(inputs, { ...DIRECTED, ...kind, key }, sample);
    this.#team.run("predictBatch", this.#buffers.batch);
    const placed = arena.floats(this.#buffers.outputs, rows * pad);
    const out = new Float32Array(rows * hiddenSize);
    for (let row = 0; row < rows; row++) {
      out.set(placed.subarray(row * pad, row * pad + hiddenSize), row * hiddenSize);
    }
    return out;
  }

  /**
   * As a directed layer: one step of the delta rule towards `targets` (B, H). Only weights and hidden
   * biases learn.
   * @param inputs (B, I)
   */
  learn(
    inputs: Float32Array,
    targets: Float32Array,
    rates: { learningRate: number; weightCost?: number } & DirectedInputs,
  ): void {
    const { hiddenSize } = this.#sizes;
    const rows = this.#placeDirected(inputs, { ...DIRECTED, ...rates }, false);
    if (targets.length !== rows * hiddenSize) {
      throw new RangeError(
        `Cannot train: targets must be ${rows} rows of ${hiddenSize}, got ${targets.length} numbers`,
      );
    }
    this.#placeRows(this.#buffers.outputs, targets, hiddenSize);
    this.#team.run("learnBatch", this.#buffers.batch);
  }

  /**
   * One step up ⟨log p(label|input)⟩ (Larochelle, Bengio 2008), without momentum or penalties; it leaves
   * the persistent chains where they are.
   * @param inputs (B, P)
   * @param labels (B)
   * @returns the mean of −log p(label|input) before it, in nats
   */
  discriminate(
    inputs: Float32Array,
    labels: Uint8Array,
    rates: { learningRate: number; binaryInputs?: boolean },
  ): number {
    const rows = this.#placeDirected(inputs, { ...DIRECTED, ...rates }, false);
    if (labels.length !== rows) {
      throw new RangeError(`Cannot train: ${rows} rows need as many labels, got ${labels.length}`);
    }
    this.#checkLabels(labels);
    this.#team.arena.integers(this.#buffers.targets, rows).set(labels);
    this.#team.run("discriminateBatch", this.#buffers.batch);
    const parts = this.#team.arena.floats(this.#buffers.errors, 2 * this.#sizes.maxRows);
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      sum += parts[row] + Math.log(parts[this.#sizes.maxRows + row]);
    }
    return sum / rows;
  }

  /** An RBM without label units takes any labels, and reads none. */
  #checkLabels(labels: Uint8Array): void {
    const { labelSize } = this.#sizes, unknown = labels.find((label) => label >= labelSize);
    if (labelSize === 0 || unknown === undefined) return;
    throw new RangeError(`Cannot train: labels must be below ${labelSize}, got ${unknown}`);
  }

  #placeDirected(
    inputs: Float32Array,
    step: Omit<TrainingStep, "inputs" | "labels">,
    sampleOutputs: boolean,
  ): number {
    const { inputSize } = this.#sizes, rows = inputs.length / inputSize;
    if (!Number.isInteger(rows) || rows < 1 || rows > this.#maxBatch) {
      throw new RangeError(
        `Cannot train: a batch must be 1 to ${this.#maxBatch} rows of ${inputSize}, got ${inputs.length} numbers`,
      );
    }
    this.#placeRows(this.#buffers.inputs, inputs, inputSize);
    this.#place(step, { rows, modelRows: rows, sampleOutputs });
    return rows;
  }

  /**
   * Takes the chains through inverse temperatures `schedule` one step each, and adds to each chain's
   * gain log p(v) at the next one − at this one, both without log Z.
   * @param key its step is that of the first
   */
  anneal(schedule: Float32Array, key: RandomKey): void {
    this.#anneal("annealBatch", schedule, key);
  }

  /**
   * The same along the path of the constructor's sizes, through the RBMs at `shares` of the line from its
   * first to its second. The parameters end as those at the last share.
   * @throws {RangeError} if there is no path.
   */
  annealPath(shares: Float32Array, key: RandomKey): void {
    if (!this.#buffers.path) throw new RangeError("Cannot anneal: this RBM has no path");
    this.#anneal("annealPath", shares, key);
  }

  #anneal(job: "annealBatch" | "annealPath", schedule: Float32Array, key: RandomKey): void {
    const { arena } = this.#team;
    arena.scratch(() => {
      const step = { ...ANNEALING, k: schedule.length - 1, key };
      const place = arena.place(schedule);
      this.#place(step, { rows: this.#particles, modelRows: this.#particles, schedule: place });
      this.#team.run(job, this.#buffers.batch);
    });
  }

  /** Numbers of an end of the path: weights, visible and hidden biases, as assembly/annealing.ts reads. */
  get #pathWords(): number {
    return this.#visiblePad * this.#hiddenPad + this.#visiblePad + this.#hiddenPad;
  }

  #placePathEnd(end: number, parameters: TrainingParameters): void {
    if (this.#sizes.labelSize > 0) throw new RangeError("Cannot anneal: a path has no labels");
    const weights = this.#buffers.path + 4 * end * this.#pathWords;
    const visible = weights + 4 * this.#visiblePad * this.#hiddenPad;
    this.#write(weights, visible, visible + 4 * this.#visiblePad, parameters);
  }

  /** What annealing has gained, a chain an entry, in nats. */
  gains(): Float64Array {
    const { arena, workers } = this.#team, { maxRows } = this.#sizes;
    const words = arena.floats(this.#buffers.gains, 2 * workers * maxRows);
    const parts = new Float64Array(words.slice().buffer), out = new Float64Array(this.#particles);
    for (let worker = 0; worker < workers; worker++) {
      for (let row = 0; row < out.length; row++) out[row] += parts[worker * maxRows + row];
    }
    return out;
  }

  /** Writes the fields of a batch, in the order of assembly/batch.ts. */
  #place(
    batch: Omit<TrainingStep, "inputs" | "labels">,
    { rows, modelRows, divisor = 0, schedule = 0, tempered = false, sampleOutputs = false }: {
      rows: number;
      modelRows: number;
      /** Of inputs that are bytes. */
      divisor?: number;
      schedule?: number;
      tempered?: boolean;
      sampleOutputs?: boolean;
    },
  ): void {
    const { arena, barrier } = this.#team, b = this.#buffers, { key } = batch;
    const { inputSize, labelSize, hiddenSize, maxRows, gaussian = false } = this.#sizes;
    const { persistent, sampleInputs, denseInputs, sampleVisible, monitor } = batch;
    const words = arena.integers(b.batch, BATCH_WORDS), floats = arena.floats(b.batch, BATCH_WORDS);
    let at = 0;
    const integer = (...values: number[]) => values.forEach((value) => words[at++] = value);
    const float = (...values: number[]) => values.forEach((value) => floats[at++] = value);
    integer(barrier, rows, modelRows, maxRows, inputSize, labelSize, hiddenSize, batch.k);
    integer(Number(persistent), sampleInputs ? 1 : batch.binaryInputs ? 2 : 0);
    integer(Number(denseInputs && !sampleInputs));
    integer(Number(sampleVisible || persistent));
    integer(key.seed | 0, Math.floor(key.seed / 2 ** 32) | 0, key.step, key.layer);
    integer(batch.inputLayer);
    float(batch.learningRate, batch.momentum, batch.weightCost);
    integer(b.inputs, b.targets, b.weights, b.velocity, b.transposed);
    integer(b.visibleBias, b.visibleVelocity, b.hiddenBias, b.hiddenVelocity, b.hiddenMask);
    integer(b.data, b.model, b.visible, b.visibleByUnit, b.dense, b.denseByUnit, b.errors);
    integer(b.dataLists, b.dataLabels, b.modelLists, b.removedLists, b.modelLabels);
    integer(b.hiddenLists, b.dataBits, b.modelBits, b.hiddenBits, b.rowLists, b.signed);
    integer(Number(persistent && monitor), b.scratch, Number(gaussian));
    float(1 - (batch.dropout ?? 0), batch.l1 ?? 0);
    float(batch.sparsityCost ?? 0, batch.sparsityTarget ?? 0);
    integer(b.sparsityMeans);
    float(batch.centring ?? 0);
    integer(b.visibleOffsets, b.hiddenOffsets, b.visibleMeans, b.visibleSums, b.partials);
    integer(b.chainWeights || b.weights, b.fastWeights);
    float(batch.fastDecay ?? 0, batch.fastRate ?? 0);
    integer(tempered ? modelRows / this.#temperatures : modelRows, tempered ? b.betas : 0);
    integer(b.partnerBetas, b.partners, b.baseBias, schedule, b.gains);
    integer(b.outputs, Number(sampleOutputs), b.labelErrors, b.labelPartials);
    integer(divisor > 0 ? b.bytes : 0);
    float(divisor);
    integer(b.path);
  }

  /** Pairs each row with the one of its chain at the next temperature, by turns above and below. */
  #pairRows(step: number): void {
    const { arena } = this.#team, rows = this.#particles, { maxRows } = this.#sizes;
    const betas = arena.floats(this.#buffers.betas, maxRows);
    const partners = arena.integers(this.#buffers.partners, maxRows).fill(-1);
    const partnerBetas = arena.floats(this.#buffers.partnerBetas, maxRows);
    partnerBetas.set(betas);
    const chains = rows / this.#temperatures;
    for (let chain = 0; chain < chains; chain++) {
      const ladder = Array.from({ length: this.#temperatures }, (_, t) => t * chains + chain)
        .sort((a, b) => betas[b] - betas[a]);
      for (let i = step % 2; i + 1 < ladder.length; i += 2) {
        const [a, b] = [ladder[i], ladder[i + 1]];
        [partners[a], partners[b]] = [b, a];
        [partnerBetas[a], partnerBetas[b]] = [betas[b], betas[a]];
      }
    }
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

  /** Chains start from binary samples of the first batch, the same one at every temperature. */
  #startParticles({ inputs: rows, labels, key, inputLayer }: TrainingStep): void {
    const inputs = "bytes" in rows
      ? Float32Array.from(rows.bytes, (byte) => byte / rows.divisor)
      : rows;
    const { inputSize, labelSize, chains = labels.length, lowestBeta = 0 } = this.#sizes;
    const visibleSize = inputSize + labelSize, temperatures = this.#temperatures;
    const particles = new Float32Array(chains * temperatures * visibleSize);
    const uniform = new Float32Array(inputSize);
    for (let row = 0; row < chains * temperatures; row++) {
      const from = row % chains % labels.length;
      fillUniform(uniform, { ...key, layer: inputLayer, chain: row });
      for (let i = 0; i < inputSize; i++) {
        particles[row * visibleSize + i] = uniform[i] < inputs[from * inputSize + i] ? 1 : 0;
      }
      if (labelSize > 0) particles[row * visibleSize + inputSize + labels[from]] = 1;
    }
    this.setParticles(particles);
    if (temperatures === 1) return;
    const betas = this.#team.arena.floats(this.#buffers.betas, this.#sizes.maxRows);
    for (let row = 0; row < chains * temperatures; row++) {
      betas[row] = 1 - Math.floor(row / chains) / (temperatures - 1) * (1 - lowestBeta);
    }
  }

  /**
   * Where the last batch's chains ended: binary states (M, V), if they were sampled. Pixels are read from
   * the samples' bits, since CD-1 lists those that flipped alone.
   */
  chainEnds(rows: number): Float32Array {
    const { inputSize, labelSize, maxRows } = this.#sizes, visibleSize = inputSize + labelSize;
    const before = this.#particles;
    this.#particles = rows;
    try {
      const out = this.particles()!;
      const bits = this.#team.arena.integers(
        this.#buffers.modelBits,
        maxRows * this.#visiblePad / 32,
      );
      for (let row = 0; row < rows; row++) {
        for (let i = 0; i < inputSize; i++) {
          out[row * visibleSize + i] = bits[(i >> 5) * maxRows + row] >>> (i & 31) & 1;
        }
      }
      return out;
    } finally {
      this.#particles = before;
    }
  }

  /** Binary states of the persistent chains, (M, V); none before they begin. */
  particles(): Float32Array | undefined {
    if (this.#particles === 0) return undefined;
    const { inputSize, labelSize } = this.#sizes, visibleSize = inputSize + labelSize;
    const out = new Float32Array(this.#particles * visibleSize);
    this.#eachList(({ list, row, entryWords }, words) => {
      const end = (words[list] >>> 0) / 4;
      for (let at = list + HEAD_WORDS; at < end; at += entryWords) {
        out[row * visibleSize + words[at] / ROW_BYTES] = 1;
      }
    });
    return out;
  }

  /** Puts chains (M, V) of binary states in the place of those there are. */
  setParticles(states: Float32Array): void {
    const { inputSize, labelSize, maxRows } = this.#sizes, visibleSize = inputSize + labelSize;
    const rows = states.length / visibleSize;
    if (!Number.isInteger(rows) || rows > maxRows) {
      throw new RangeError(
        `Cannot train: particles must be at most ${maxRows} rows of ${visibleSize}, got ${states.length} numbers`,
      );
    }
    this.#particles = rows;
    const one = new Int32Array(Float32Array.of(1).buffer)[0];
    this.#eachList(({ list, row, entryWords, from, to }, words) => {
      let at = list + HEAD_WORDS;
      for (let i = from; i < to; i++) {
        if (states[row * visibleSize + i] === 0) continue;
        words[at] = i * ROW_BYTES;
        if (entryWords === 2) words[at + 1] = one;
        at += entryWords;
      }
      words[list] = 4 * at;
    });
  }

  #eachList(
    f: (
      place: { list: number; row: number; entryWords: number; from: number; to: number },
      words: Int32Array,
    ) => void,
  ): void {
    const { inputSize, labelSize } = this.#sizes, { modelLists, modelLabels } = this.#buffers;
    const { arena } = this.#team, words = arena.integers(0, arena.usedBytes / 4);
    const pixels = { entryWords: 1, from: 0, to: inputSize };
    const labels = { entryWords: 2, from: inputSize, to: inputSize + labelSize };
    for (let row = 0; row < this.#particles; row++) {
      f({ ...pixels, row, list: modelLists / 4 + row * listWords(inputSize) }, words);
      f({ ...labels, row, list: modelLabels / 4 + row * listWords(labelSize) }, words);
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

  /** What some methods remember beside velocities and chains, by name; empty where none does. */
  memory(): Record<string, Float32Array> {
    return readPlaces(this.#team.arena, this.#memoryPlaces());
  }

  /** Restores {@linkcode memory}; what it lacks stays. Parameters must have been set before. */
  setMemory(memory: Record<string, Float32Array>): void {
    writePlaces(this.#team.arena, this.#memoryPlaces(), memory);
    if (this.#buffers.fastWeights) this.#placeChainWeights();
  }

  #memoryPlaces(): Places {
    const b = this.#buffers, { maxRows } = this.#sizes;
    return {
      sparsityMeans: [b.sparsityMeans, this.#hiddenPad],
      visibleOffsets: [b.visibleOffsets, this.#visiblePad],
      hiddenOffsets: [b.hiddenOffsets, this.#hiddenPad],
      ...(b.fastWeights
        ? { fastWeights: [b.fastWeights, this.#visiblePad * this.#hiddenPad] as [number, number] }
        : {}),
      ...(b.betas ? { betas: [b.betas, maxRows] as [number, number] } : {}),
    };
  }

  /** weights + fast weights, and the same by hidden unit. */
  #placeChainWeights(): void {
    const { arena } = this.#team, b = this.#buffers, count = this.#visiblePad * this.#hiddenPad;
    const slow = arena.floats(b.weights, count), fast = arena.floats(b.fastWeights, count);
    const chain = arena.floats(b.chainWeights, count);
    for (let i = 0; i < count; i++) chain[i] = slow[i] + fast[i];
    const transposed = arena.floats(b.transposed, count);
    for (let i = 0; i < this.#visiblePad; i++) {
      const to = (i - i % PANEL) * this.#hiddenPad + i % PANEL;
      for (let j = 0; j < this.#hiddenPad; j++) {
        const from = (j - j % PANEL) * this.#visiblePad + i * PANEL + j % PANEL;
        transposed[to + j * PANEL] = chain[from];
      }
    }
  }

  setParameters({ weights, visibleBias, hiddenBias }: TrainingParameters): void {
    const b = this.#buffers;
    this.#write(b.weights, b.visibleBias, b.hiddenBias, { weights, visibleBias, hiddenBias });
    if (b.fastWeights) return this.#placeChainWeights();
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

/** 32-bit words of a list of at most `count` pairs: see listBytes of assembly/batch.ts. */
function listWords(count: number): number {
  return padded(HEAD_WORDS + 2 * count);
}
