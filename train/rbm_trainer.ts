/**
 * Trainers of one RBM by contrastive divergence, on tfjs or on the project's own kernels.
 * @module
 */
import { Team } from "../src/kernels/team.ts";
import { program } from "../src/kernels/training_wasm.ts";
import type { LabelRbm, Rbm } from "../src/model/rbm.ts";
import type { RbmTrainerOptions } from "./rbm_start.ts";
import type { RbmBackend } from "./recipe.ts";
import { SimdRbmTrainer } from "./simd_rbm_trainer.ts";
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
  backend: RbmBackend,
  options: RbmTrainerOptions,
): Promise<RbmTrainer> {
  if (backend === "tfjs") return new TfjsRbmTrainer(options);
  team ??= new Team(undefined, program);
  await team.start();
  return new SimdRbmTrainer(team, options);
}

let team: Team | undefined;
