/**
 * The discriminative gradient of an RBM with labels, in the arena; see assembly/rbm/discriminative.ts.
 * @module
 */
import { DiscriminativeBatch, Form, PANEL } from "../generated/abi.ts";
import { allocateStruct, pack } from "../runtime/pack.ts";
import type { LabelledInputs, RbmBatch } from "./rbm_batch.ts";
import type { RbmMemory } from "./rbm_memory.ts";

/** Steps up ⟨log p(label|input)⟩, without momentum or penalties. */
export class DiscriminativeGradient {
  readonly #rbm: RbmMemory;
  readonly #batch: RbmBatch;
  readonly #buffers;
  readonly #struct: number;

  constructor({ rbm, batch }: { rbm: RbmMemory; batch: RbmBatch }) {
    const { team: { arena }, maxRows, labelSize, hiddenPad } = rbm;
    this.#rbm = rbm;
    this.#batch = batch;
    this.#buffers = {
      differences: arena.allocate(hiddenPad * maxRows),
      labelErrors: arena.allocate(maxRows * labelSize),
      labelPartials: arena.allocate(hiddenPad / PANEL * maxRows * labelSize),
      losses: arena.allocate(2 * maxRows),
    };
    this.#struct = allocateStruct(arena, DiscriminativeBatch);
  }

  /**
   * Learns from one batch.
   * @returns the mean of −log p(label|input) before it, in nats
   */
  step(
    cases: LabelledInputs,
    { kind, learningRate }: { kind: "values" | "binary"; learningRate: number },
  ): number {
    const { team, maxRows } = this.#rbm;
    const { rows, inputs, data } = this.#batch.place(cases, { kind });
    pack(team.arena, DiscriminativeBatch, this.#struct, {
      context: this.#rbm.context({ seed: 0, step: 0 }), // it draws nothing
      inputs,
      data,
      statistics: this.#batch.statistics(kind === "binary" ? Form.Ones : Form.Values),
      learningRate,
      ...this.#buffers,
    });
    team.run("discriminate", this.#struct);
    const parts = team.arena.floats(this.#buffers.losses, 2 * maxRows);
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += parts[row] + Math.log(parts[maxRows + row]);
    return sum / rows;
  }
}
