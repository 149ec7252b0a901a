/**
 * The parameters of an RBM in the arena, where every algorithm of assembly/rbm/ works on them.
 * @module
 */
import { PANEL, RbmContext, VisibleUnits } from "../generated/abi.ts";
import { allocateStruct, pack, seedWords } from "../runtime/pack.ts";
import type { Team } from "../runtime/team.ts";
import { padded } from "../serving/dense.ts";

// B batch, M chains, P pixels, L labels, V = P + L visible, H hidden

/** Sizes that stay as they are. */
export interface RbmSizes {
  inputSize: number; // P
  /** @default 0 */
  labelSize?: number; // L
  hiddenSize: number; // H
  /** Rows of the largest batch. */
  maxRows: number;
  /** Rows of chains, where there are more. @default maxRows */
  maxChains?: number;
  /** What pixels are: binary, or Gaussian with variance 1. @default "bernoulli" */
  visible?: "bernoulli" | "gaussian";
}

/** Parameters, or their velocities; rows of `weights` are pixels, then labels. */
export interface TrainingParameters {
  weights: Float32Array; // (V, H)
  visibleBias: Float32Array; // (V)
  hiddenBias: Float32Array; // (H)
}

/** Addresses of parameters, or of as many numbers. */
export interface ParameterPlaces {
  weights: number; // (H/32, V padded, 32)
  visibleBias: number; // (V padded)
  hiddenBias: number; // (H padded)
}

/** What random numbers of a call have in common: that of the first step, where it makes several. */
export interface CallKey {
  seed: number;
  step: number;
}

const VISIBLE = { bernoulli: VisibleUnits.Bernoulli, gaussian: VisibleUnits.Gaussian };

/** An RBM in the arena of a team, whose workers must have started. */
export class RbmMemory {
  readonly team: Team;
  readonly inputSize: number;
  readonly labelSize: number;
  readonly hiddenSize: number;
  readonly visiblePad: number; // V padded
  readonly hiddenPad: number; // H padded
  /** Rows of the largest batch. */
  readonly maxBatch: number;
  /** Rows that buffers are made for, R. */
  readonly maxRows: number;
  readonly places: ParameterPlaces;
  readonly #transposed: number; // (V/32, H padded, 32)
  readonly #hiddenMask: number;
  readonly #scratch: number;
  readonly #context: number;
  readonly #visible: "bernoulli" | "gaussian";

  /** @throws {RangeError} if the arena cannot hold it. */
  constructor(team: Team, sizes: RbmSizes) {
    this.team = team;
    this.inputSize = sizes.inputSize;
    this.labelSize = sizes.labelSize ?? 0;
    this.hiddenSize = sizes.hiddenSize;
    this.maxBatch = sizes.maxRows;
    this.maxRows = padded(Math.max(sizes.maxRows, sizes.maxChains ?? 0), 4); // a product takes four
    this.visiblePad = padded(this.visibleSize);
    this.hiddenPad = padded(this.hiddenSize);
    this.#visible = sizes.visible ?? "bernoulli";
    const { arena, workers } = team;
    this.places = this.allocateParameters();
    this.#transposed = arena.allocate(this.visiblePad * this.hiddenPad);
    this.#hiddenMask = arena.allocate(this.hiddenPad);
    this.#scratch = arena.allocate(
      workers * (Math.max(this.visiblePad, this.hiddenPad) + (PANEL + 3) * PANEL),
    );
    this.#context = allocateStruct(arena, RbmContext);
    arena.floats(this.#hiddenMask, this.hiddenSize).fill(1);
  }

  get visibleSize(): number {
    return this.inputSize + this.labelSize;
  }

  /** The struct that a call works on, with the key of its random numbers. @returns its address */
  context({ seed, step }: CallKey): number {
    const { team, places } = this;
    pack(team.arena, RbmContext, this.#context, {
      barrier: team.barrier,
      ...seedWords(seed),
      step,
      maxRows: this.maxRows,
      pixels: this.inputSize,
      labels: this.labelSize,
      hidden: this.hiddenSize,
      visibleUnits: VISIBLE[this.#visible],
      weights: places.weights,
      transposed: this.#transposed,
      visibleBias: places.visibleBias,
      hiddenBias: places.hiddenBias,
      hiddenMask: this.#hiddenMask,
      scratch: this.#scratch,
    });
    return this.#context;
  }

  parameters(): TrainingParameters {
    return this.read(this.places);
  }

  /** @throws {RangeError} if they are of another size. */
  setParameters(parameters: TrainingParameters): void {
    this.write(this.places, parameters);
    this.transpose(this.places.weights);
  }

  /** Room for parameters, of zeros. */
  allocateParameters(): ParameterPlaces {
    const { arena } = this.team;
    return {
      weights: arena.allocate(this.visiblePad * this.hiddenPad),
      visibleBias: arena.allocate(this.visiblePad),
      hiddenBias: arena.allocate(this.hiddenPad),
    };
  }

  /** Makes the transposed weights those of a matrix in panels: what p(v|h) goes by. */
  transpose(weights: number): void {
    const { arena } = this.team, { visiblePad, hiddenPad } = this, count = visiblePad * hiddenPad;
    const from = arena.floats(weights, count), to = arena.floats(this.#transposed, count);
    for (let i = 0; i < visiblePad; i++) {
      const row = (i - i % PANEL) * hiddenPad + i % PANEL;
      for (let j = 0; j < hiddenPad; j++) {
        to[row + j * PANEL] = from[(j - j % PANEL) * visiblePad + i * PANEL + j % PANEL];
      }
    }
  }

  /** Parameters, or as many numbers, that lie in panels. */
  read({ weights, visibleBias, hiddenBias }: ParameterPlaces): TrainingParameters {
    const { arena } = this.team, { visibleSize, hiddenSize } = this;
    const table = arena.floats(weights, this.visiblePad * this.hiddenPad);
    const rows = new Float32Array(visibleSize * hiddenSize);
    this.#eachPart((row, panel, count) => rows.set(table.subarray(panel, panel + count), row));
    return {
      weights: rows,
      visibleBias: Float32Array.from(arena.floats(visibleBias, visibleSize)),
      hiddenBias: Float32Array.from(arena.floats(hiddenBias, hiddenSize)),
    };
  }

  /** Lays parameters out in panels. @throws {RangeError} if they are of another size. */
  write(places: ParameterPlaces, { weights, visibleBias, hiddenBias }: TrainingParameters): void {
    const { arena } = this.team, { visibleSize, hiddenSize } = this;
    if (
      weights.length !== visibleSize * hiddenSize || visibleBias.length !== visibleSize ||
      hiddenBias.length !== hiddenSize
    ) {
      throw new RangeError(
        `Cannot train: parameters must be (${visibleSize}, ${hiddenSize}), (${visibleSize}) and (${hiddenSize}), got ${weights.length}, ${visibleBias.length} and ${hiddenBias.length} numbers`,
      );
    }
    const table = arena.floats(places.weights, this.visiblePad * this.hiddenPad);
    this.#eachPart((row, panel, count) => table.set(weights.subarray(row, row + count), panel));
    arena.floats(places.visibleBias, visibleSize).set(visibleBias);
    arena.floats(places.hiddenBias, hiddenSize).set(hiddenBias);
  }

  /** Calls `f` with where up to 32 neighbours lie in rows (V, H) and in panels. */
  #eachPart(f: (row: number, panel: number, count: number) => void): void {
    const { visibleSize, hiddenSize, visiblePad } = this;
    for (let j = 0; j < hiddenSize; j += PANEL) {
      const count = Math.min(PANEL, hiddenSize - j);
      for (let i = 0; i < visibleSize; i++) {
        f(
          i * hiddenSize + j,
          j * visiblePad + i * PANEL,
          count,
        );
      }
    }
  }
}
