/**
 * How rates change over a stage of training.
 * @module
 */
import type { RateSchedule } from "../recipes/schema/choices.ts";
import type { Position } from "./trainer.ts";

/** The learning rate of a batch. */
export function learningRateAt(
  { learningRate, schedule, epochs }: {
    learningRate: number;
    schedule: RateSchedule;
    epochs: number;
  },
  { step, batchesPerEpoch }: Pick<Position, "step" | "batchesPerEpoch">,
): number {
  const done = Math.min(1, step / (epochs * batchesPerEpoch));
  if (schedule === "constant") return learningRate;
  if (schedule === "linear") return learningRate * (1 - done);
  return learningRate * (1 + Math.cos(Math.PI * done)) / 2;
}

/** The Gibbs steps of an epoch: those of the last entry that has begun, or `k`. */
export function gibbsStepsAt(
  { k, kSchedule }: { k: number; kSchedule: readonly { epoch: number; k: number }[] },
  epoch: number,
): number {
  return kSchedule.reduce((now, entry) => epoch >= entry.epoch ? entry.k : now, k);
}
