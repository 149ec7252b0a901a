/**
 * How the parameters of an RBM follow its statistics: hyper-parameters, and what is remembered between
 * updates.
 * @module
 */
import { Centring, Dropout, PANEL, Sparsity, Update, UpdateRule } from "../generated/abi.ts";
import { allocateStruct, pack, pickFields } from "../runtime/pack.ts";
import { type Places, readPlaces, writePlaces } from "../runtime/places.ts";
import type { HyperParameters } from "./hyper_parameters.ts";
import type { ParameterPlaces, RbmMemory, TrainingParameters } from "./rbm_memory.ts";

// V visible, H hidden

/** Hyper-parameters of an update, as the structs of assembly/rbm/ name them: see there. */
export interface LearningOptions
  extends
    HyperParameters<typeof UpdateRule>,
    HyperParameters<typeof Sparsity>,
    HyperParameters<typeof Centring>,
    HyperParameters<typeof Dropout> {}

/** Memory for the updates of an RBM, whichever algorithm makes them. */
export class RbmUpdate {
  readonly #rbm: RbmMemory;
  readonly #velocity: ParameterPlaces;
  readonly #buffers;

  constructor(rbm: RbmMemory) {
    this.#rbm = rbm;
    const { team: { arena }, visiblePad, hiddenPad } = rbm;
    this.#velocity = rbm.allocateParameters();
    this.#buffers = {
      sparsityMeans: arena.allocate(hiddenPad),
      visibleOffsets: arena.allocate(visiblePad),
      hiddenOffsets: arena.allocate(hiddenPad),
      partials: arena.allocate(visiblePad * hiddenPad / PANEL),
      rule: allocateStruct(arena, UpdateRule),
      sparsity: allocateStruct(arena, Sparsity),
      centring: allocateStruct(arena, Centring),
      dropout: allocateStruct(arena, Dropout),
      update: allocateStruct(arena, Update),
    };
  }

  /** What leaves hidden units out. @returns the struct's address, or 0 where none are left out */
  dropout(learning: LearningOptions, stream: number): number {
    if (learning.dropout === 0) return 0;
    const { dropout } = this.#buffers;
    pack(this.#rbm.team.arena, Dropout, dropout, { ...pickFields(Dropout, learning), stream });
    return dropout;
  }

  /** An update from these structs. @returns its address */
  place(
    learning: LearningOptions,
    { fast = 0, ...structs }: { data: number; model: number; statistics: number; fast?: number },
  ): number {
    const { arena } = this.#rbm.team, b = this.#buffers, velocity = this.#velocity;
    const { sparsityMeans, visibleOffsets, hiddenOffsets, partials } = b;
    pack(arena, UpdateRule, b.rule, pickFields(UpdateRule, learning));
    pack(arena, Sparsity, b.sparsity, { ...pickFields(Sparsity, learning), sparsityMeans });
    const offsets = { visibleOffsets, hiddenOffsets, partials };
    pack(arena, Centring, b.centring, { ...pickFields(Centring, learning), ...offsets });
    pack(arena, Update, b.update, {
      ...structs,
      rule: b.rule,
      velocity: velocity.weights,
      visibleVelocity: velocity.visibleBias,
      hiddenVelocity: velocity.hiddenBias,
      fast,
      sparsity: learning.sparsityCost > 0 ? b.sparsity : 0,
      centring: learning.centring > 0 ? b.centring : 0,
    });
    return b.update;
  }

  velocities(): TrainingParameters {
    return this.#rbm.read(this.#velocity);
  }

  setVelocities(velocities: TrainingParameters): void {
    this.#rbm.write(this.#velocity, velocities);
  }

  /** What is remembered beside velocities, by name; zeros where nothing is. */
  memory(): Record<string, Float32Array> {
    return readPlaces(this.#rbm.team.arena, this.#memoryPlaces());
  }

  /** Restores {@linkcode memory}; what it lacks stays. */
  setMemory(memory: Record<string, Float32Array>): void {
    writePlaces(this.#rbm.team.arena, this.#memoryPlaces(), memory);
  }

  #memoryPlaces(): Places {
    const { sparsityMeans, visibleOffsets, hiddenOffsets } = this.#buffers;
    const { visiblePad, hiddenPad } = this.#rbm;
    return {
      sparsityMeans: [sparsityMeans, hiddenPad],
      visibleOffsets: [visibleOffsets, visiblePad],
      hiddenOffsets: [hiddenOffsets, hiddenPad],
    };
  }
}
