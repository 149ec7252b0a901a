/**
 * Gibbs chains of an RBM in the arena: the model's half of a gradient, or the runs of annealing.
 * @module
 */
import { Form, GibbsSampler, States } from "../generated/abi.ts";
import { allocateStruct, pack } from "../runtime/pack.ts";
import { GIBBS_STREAMS_PER_STEP } from "../../math/streams.ts";
import { type Lists, listWords, readLists, writeLists } from "./rbm_lists.ts";
import type { RbmMemory } from "./rbm_memory.ts";

// M chains, R the most rows, P pixels, V visible, H hidden

/** What differs from call to call, or between algorithms. */
export interface ChainFields {
  rows: number;
  /** Those that are learnt from. @default rows */
  learningRows?: number;
  /** What chains end in: a value of `Form`. @default Form.Ones */
  form?: number;
  /** Weights to go by. @default those of the RBM */
  weights?: number;
  betas?: number;
  baseBias?: number;
  dropout?: number;
}

/** Memory for chains of an RBM. */
export class RbmChains {
  readonly #rbm: RbmMemory;
  readonly #buffers;
  /** (H/32, R, 32): activities of the hidden units. */
  readonly hidden: number;
  /** (P/32, R, 32): activities of the visible units. */
  readonly panels: number;
  /** (R) lists of the pixels that are on. */
  readonly lists: number;

  constructor(rbm: RbmMemory) {
    this.#rbm = rbm;
    const { team: { arena }, maxRows, inputSize, labelSize, hiddenSize, visiblePad, hiddenPad } =
      rbm;
    this.hidden = arena.allocate(hiddenPad * maxRows);
    this.panels = arena.allocate(visiblePad * maxRows);
    this.lists = arena.allocate(maxRows * listWords(inputSize));
    this.#buffers = {
      labels: arena.allocate(maxRows * listWords(labelSize)),
      bits: arena.allocate(maxRows * visiblePad / 32),
      byUnit: 0,
      hiddenBits: arena.allocate(maxRows * hiddenPad / 32),
      hiddenLists: arena.allocate(maxRows * listWords(hiddenSize)),
      states: allocateStruct(arena, States),
      sampler: allocateStruct(arena, GibbsSampler),
    };
  }

  /** Room for chains that end in probabilities. */
  allocateMeans(): void {
    const { team: { arena }, maxRows, visiblePad } = this.#rbm;
    this.#buffers.byUnit ||= arena.allocate(visiblePad * maxRows);
  }

  /** The chains, in a struct of their own or at `address`. @returns its address */
  place(fields: ChainFields, address = this.#buffers.states): number {
    const { team: { arena }, places } = this.#rbm, { labels, bits, byUnit } = this.#buffers;
    pack(arena, States, address, {
      learningRows: fields.rows,
      form: Form.Ones,
      parts: 1,
      lists: this.lists,
      labels,
      bits,
      panels: this.panels,
      byUnit,
      hidden: this.hidden,
      weights: places.weights,
      betas: 0,
      baseBias: 0,
      dropout: 0,
      ...fields,
    });
    return address;
  }

  /**
   * The sampler of the chains, with the stream of its first step's hidden units; those of the visible units
   * and labels follow.
   * @param stepStreams from the streams of a Gibbs step to those of the next
   */
  sampler(hiddenStream: number, stepStreams: number = GIBBS_STREAMS_PER_STEP): number {
    const { hiddenBits, hiddenLists, sampler } = this.#buffers;
    pack(this.#rbm.team.arena, GibbsSampler, sampler, {
      hiddenStream,
      visibleStream: hiddenStream + 1,
      labelStream: hiddenStream + 2,
      stepStreams,
      hiddenBits,
      hiddenLists,
    });
    return sampler;
  }

  /** Binary states (M, V) of the first `rows` chains, from their lists. */
  states(rows: number): Float32Array {
    const { team: { arena }, visibleSize } = this.#rbm;
    const out = new Float32Array(rows * visibleSize);
    for (const lists of this.#parts()) readLists(arena, lists, out, visibleSize);
    return out;
  }

  /** The same where lists are of flips: pixels from the bits of their samples. */
  sampledStates(rows: number): Float32Array {
    const { team: { arena }, inputSize, visibleSize, visiblePad, maxRows } = this.#rbm;
    const out = new Float32Array(rows * visibleSize), [, labels] = this.#parts();
    readLists(arena, labels, out, visibleSize);
    const bits = arena.integers(this.#buffers.bits, maxRows * visiblePad / 32);
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < inputSize; i++) {
        out[row * visibleSize + i] = bits[(i >> 5) * maxRows + row] >>> (i & 31) & 1;
      }
    }
    return out;
  }

  /**
   * Puts chains (M, V) of binary states in place.
   * @returns how many there are
   * @throws {RangeError} if there are too many, or of another size
   */
  setStates(states: Float32Array): number {
    const { team: { arena }, visibleSize, maxRows } = this.#rbm, rows = states.length / visibleSize;
    if (!Number.isInteger(rows) || rows > maxRows) {
      throw new RangeError(
        `Cannot train: particles must be at most ${maxRows} rows of ${visibleSize}, got ${states.length} numbers`,
      );
    }
    for (const lists of this.#parts()) writeLists(arena, lists, states, visibleSize);
    return rows;
  }

  #parts(): [pixels: Lists, labels: Lists] {
    const { inputSize, visibleSize } = this.#rbm, { labels } = this.#buffers;
    return [
      { address: this.lists, from: 0, to: inputSize, entryWords: 1 },
      { address: labels, from: inputSize, to: visibleSize, entryWords: 2 },
    ];
  }
}
