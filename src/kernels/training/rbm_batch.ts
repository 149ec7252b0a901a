/**
 * A batch of an RBM's inputs in the arena: where they are placed, listed, and what is learnt from them.
 * @module
 */
import { Form, InputKind as Kinds, Inputs, Pairing, States, Statistics } from "../generated/abi.ts";
import { allocateStruct, pack } from "../runtime/pack.ts";
import { padded } from "../serving/dense.ts";
import { listWords } from "./rbm_lists.ts";
import type { RbmMemory } from "./rbm_memory.ts";

// B batch, R the most rows, P pixels, V visible, H hidden

/** Rows of bytes (B, P), to be divided by `divisor`. */
export interface ByteRows {
  /** The rows (B, P). */
  bytes: Uint8Array;
  /** What an input is divided by. */
  divisor: number;
}

/** Cases to learn from. */
export interface LabelledInputs {
  inputs: Float32Array | ByteRows; // (B, P)
  labels: Uint8Array; // (B)
}

/**
 * What inputs are, and how they are taken:
 *
 * - `values`: numbers as they are; what is 0 costs nothing
 * - `samples`: probabilities, each batch as a binary sample of them
 * - `binary`: 0 or 1 alone, which is faster
 * - `dense`: numbers as they are, by a product, which is faster unless most are 0
 */
export type InputKind = "values" | "samples" | "binary" | "dense";

const KINDS = {
  values: Kinds.Values,
  samples: Kinds.Samples,
  binary: Kinds.Binary,
  dense: Kinds.Dense,
};

const FORMS = { values: Form.Values, samples: Form.Ones, binary: Form.Ones, dense: Form.Dense };

/** Structs of a placed batch. */
export interface PlacedBatch {
  rows: number;
  /** How the vectors are given: a value of `Form`. */
  form: number;
  inputs: number;
  data: number;
}

/** Memory for batches of an RBM. */
export class RbmBatch {
  readonly #rbm: RbmMemory;
  readonly #buffers;
  /** (H/32, R, 32): sums or activities of the hidden units over the data. */
  readonly hidden: number;
  /** (B, P padded) float32. */
  readonly values: number;

  /**
   * @param options whether inputs will be of kind `dense`, and whether of bytes
   */
  constructor(rbm: RbmMemory, { dense = false, bytes = false } = {}) {
    this.#rbm = rbm;
    const { team: { arena, workers }, maxRows, inputSize, labelSize, visiblePad, hiddenPad } = rbm;
    const inputWords = maxRows * padded(inputSize);
    this.values = arena.allocate(inputWords);
    this.hidden = arena.allocate(hiddenPad * maxRows);
    this.#buffers = {
      bytes: bytes ? arena.allocate(inputWords / 4) : 0,
      targets: arena.allocate(maxRows),
      lists: arena.allocate(workers * maxRows * listWords(inputSize)),
      labels: arena.allocate(maxRows * listWords(labelSize)),
      bits: arena.allocate(maxRows * visiblePad / 32),
      panels: dense ? arena.allocate(visiblePad * maxRows) : 0,
      byUnit: dense ? arena.allocate(visiblePad * maxRows) : 0,
      unitLists: arena.allocate(visiblePad * listWords(2 * maxRows)),
      signed: 0,
      visibleSums: 0,
      visibleMeans: 0,
      inputs: allocateStruct(arena, Inputs),
      data: allocateStruct(arena, States),
      statistics: allocateStruct(arena, Statistics),
    };
  }

  /** Room for what {@linkcode statistics} of an RBM's gradient need beside lists. */
  allocateSums(): void {
    const { team: { arena, workers }, maxRows, visiblePad } = this.#rbm;
    this.#buffers.signed ||= arena.allocate(workers * 3 * maxRows * 32);
    this.#buffers.visibleSums ||= arena.allocate(visiblePad);
    this.#buffers.visibleMeans ||= arena.allocate(visiblePad);
  }

  /**
   * Copies a batch to the arena.
   * @param options `stream` of the numbers that sample it; `dropout`, a struct's address
   * @throws {RangeError} if it is too large, of another size or has labels that the RBM does not know
   */
  place(
    { inputs, labels }: { inputs: Float32Array | ByteRows; labels?: Uint8Array },
    { kind, stream = 0, dropout = 0 }: { kind: InputKind; stream?: number; dropout?: number },
  ): PlacedBatch {
    const { team: { arena, workers }, inputSize, maxBatch, places } = this.#rbm, b = this.#buffers;
    const ofBytes = "bytes" in inputs, { length } = ofBytes ? inputs.bytes : inputs;
    const rows = labels?.length ?? length / inputSize;
    if (!Number.isInteger(rows) || rows < 1 || rows > maxBatch || length !== rows * inputSize) {
      throw new RangeError(
        `Cannot train: a batch must be 1 to ${maxBatch} rows of ${inputSize}, got ${
          labels ? `${rows} labels and ` : ""
        }${length} numbers`,
      );
    }
    if (kind === "dense" && b.panels === 0) {
      throw new RangeError("Cannot train: this batch was made without room for dense inputs");
    }
    if (labels) this.#placeLabels(labels);
    if (ofBytes) this.#placeBytes(inputs.bytes);
    else this.placeRows(this.values, inputs, inputSize);
    pack(arena, Inputs, b.inputs, {
      kind: KINDS[kind],
      values: this.values,
      bytes: ofBytes ? b.bytes : 0,
      divisor: ofBytes ? inputs.divisor : 0,
      stream,
      targets: b.targets,
    });
    pack(arena, States, b.data, {
      rows,
      learningRows: rows,
      form: FORMS[kind],
      parts: workers,
      lists: b.lists,
      labels: b.labels,
      bits: b.bits,
      panels: b.panels,
      byUnit: b.byUnit,
      hidden: this.hidden,
      weights: places.weights,
      betas: 0,
      baseBias: 0,
      dropout,
    });
    return { rows, form: FORMS[kind], inputs: b.inputs, data: b.data };
  }

  /** Lists by unit of a form, for a batch that is placed. @returns the struct's address */
  statistics(form: number, pairing: number = Pairing.Separate): number {
    const { unitLists, signed, visibleSums, visibleMeans, statistics } = this.#buffers;
    const values = { form, pairing, unitLists, signed, visibleSums, visibleMeans };
    pack(this.#rbm.team.arena, Statistics, statistics, values);
    return statistics;
  }

  /** Copies rows of `size` numbers to where each begins a panel. */
  placeRows(address: number, rows: Float32Array, size: number): void {
    const pad = padded(size), count = rows.length / size;
    const placed = this.#rbm.team.arena.floats(address, count * pad);
    for (let row = 0; row < count; row++) {
      placed.set(rows.subarray(row * size, (row + 1) * size), row * pad);
    }
  }

  /** The same of bytes, which the kernel divides. */
  #placeBytes(rows: Uint8Array): void {
    const { inputSize, team: { arena } } = this.#rbm;
    if (this.#buffers.bytes === 0) {
      throw new RangeError("Cannot train: this batch was made without room for bytes");
    }
    const pad = padded(inputSize), count = rows.length / inputSize;
    const placed = arena.bytes(this.#buffers.bytes, count * pad);
    for (let row = 0; row < count; row++) {
      placed.set(rows.subarray(row * inputSize, (row + 1) * inputSize), row * pad);
    }
  }

  /** An RBM without label units takes any labels, and reads none. */
  #placeLabels(labels: Uint8Array): void {
    const { labelSize, team: { arena } } = this.#rbm;
    const unknown = labels.find((label) => label >= labelSize);
    if (labelSize > 0 && unknown !== undefined) {
      throw new RangeError(`Cannot train: labels must be below ${labelSize}, got ${unknown}`);
    }
    arena.integers(this.#buffers.targets, labels.length).set(labels);
  }
}
