/**
 * Trainers on TensorFlow.js, with its backend and our kernels for it started first.
 * @module
 */
import type { Classifier } from "../../../src/model/dbn.ts";
import type { ClassifierTrainer, ClassifierTrainerOptions } from "../classifier_trainer.ts";
import type { RbmTrainerOptions } from "../rbm_start.ts";
import type { RbmTrainer } from "../rbm_trainer.ts";
import { TfjsClassifierTrainer } from "./classifier_trainer.ts";
import { openTrainingBackend } from "./kernels.ts";
import { TfjsRbmTrainer } from "./rbm_trainer.ts";

/** A trainer of one RBM. */
export async function openTfjsRbmTrainer(options: RbmTrainerOptions): Promise<RbmTrainer> {
  await openTrainingBackend();
  return new TfjsRbmTrainer(options);
}

/** A trainer of a classifier that starts from a network. */
export async function openTfjsClassifierTrainer(
  start: Classifier,
  options: ClassifierTrainerOptions,
): Promise<ClassifierTrainer> {
  await openTrainingBackend();
  return new TfjsClassifierTrainer(start, options);
}
