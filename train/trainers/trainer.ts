/**
 * What a stage of training is: something that takes mini-batches and can be saved between any two.
 * @module
 */
import type { Batch } from "../data/examples.ts";
import type { Tensor } from "../../src/format/safetensors.ts";

// B batch, I inputs

/** Numbers worth showing, by name. */
export type Metrics = Record<string, number>;

/** A step that left numbers which are none. */
export class TrainingDiverged extends RangeError {
  override name = "TrainingDiverged";
}

/** The metrics of a step. @throws {TrainingDiverged} if one is NaN, naming it and the batch. */
export function checkedMetrics(metrics: Metrics, step: number): Metrics {
  for (const [name, value] of Object.entries(metrics)) {
    if (!Number.isNaN(value)) continue;
    throw new TrainingDiverged(
      `Training diverged: ${name} is NaN in batch ${step}. Begin again with a lower learning rate`,
    );
  }
  return metrics;
}

/** Where in a stage a batch is. */
export interface Position {
  epoch: number; // from 0
  /** Batches of this stage before this one. */
  step: number;
  /** Batches of one epoch. */
  batchesPerEpoch: number;
}

/** Learns from one batch at a time; every random number is keyed by the position. */
export interface Trainer {
  readonly epochs: number;
  /** Whether it has stopped before its last epoch. */
  readonly finished?: boolean;
  /** Hears what was measured after an epoch. */
  afterEpoch?(metrics: Metrics): void;
  /** One update. Returns the means of its metrics over the batch. */
  step(batch: Batch, position: Position): Metrics;
  /** Everything that the next step depends on. */
  state(): Map<string, Tensor>;
  load(state: ReadonlyMap<string, Tensor>): void;
  dispose(): void;
}
