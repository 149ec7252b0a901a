/**
 * Trainers of one RBM by contrastive divergence, on tfjs or on the project's own kernels.
 * @module
 */
import type { LabelRbm, Rbm } from "../src/model/rbm.ts";
import type { RbmTrainerOptions } from "./rbm_start.ts";
import type { TrainingBackend } from "./recipe.ts";
import { SimdRbmTrainer } from "./simd_rbm_trainer.ts";
import { trainingTeam } from "./team.ts";
import { TfjsRbmTrainer } from "./tfjs_rbm_trainer.ts";
import type { Trainer } from "./trainer.ts";

/** A trainer whose result is an RBM. */
export interface RbmTrainer extends Trainer {
  /** The parameters learnt so far. */
  parameters(): Rbm;
  /** The parameters of an RBM that was made with labels. */
  labelParameters(): LabelRbm;
}

/** A trainer on a backend; `simd` starts its workers first. */
export async function createRbmTrainer(
  backend: TrainingBackend,
  options: RbmTrainerOptions,
): Promise<RbmTrainer> {
  if (backend === "tfjs") return new TfjsRbmTrainer(options);
  return new SimdRbmTrainer(await trainingTeam(), options);
}
