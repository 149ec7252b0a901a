/**
 * Opens a trainer on a backend: the project's own kernels, or TensorFlow.js, which is loaded when it is
 * asked for.
 * @module
 */
import type { Classifier } from "../../src/model/dbn.ts";
import { withPackages } from "../../src/outside/packages.ts";
import type { TrainingBackend } from "../recipes/recipe.ts";
import type { ClassifierTrainer, ClassifierTrainerOptions } from "./classifier_trainer.ts";
import type { RbmTrainerOptions } from "./rbm_start.ts";
import type { RbmTrainer } from "./rbm_trainer.ts";
import { SimdClassifierTrainer } from "./simd/classifier_trainer.ts";
import { ConjugateGradientTrainer } from "./simd/conjugate_gradient_trainer.ts";
import { SimdRbmTrainer } from "./simd/rbm_trainer.ts";
import { trainingTeam } from "./simd/team.ts";

/** A trainer on a backend; `simd` starts its workers first. */
export async function createRbmTrainer(
  backend: TrainingBackend,
  options: RbmTrainerOptions,
): Promise<RbmTrainer> {
  if (backend === "tfjs") return (await loadTfjs()).openTfjsRbmTrainer(options);
  return new SimdRbmTrainer(await trainingTeam(), options);
}

/** A trainer on a backend that starts from a network. */
export async function createClassifierTrainer(
  backend: TrainingBackend,
  start: Classifier,
  options: ClassifierTrainerOptions,
): Promise<ClassifierTrainer> {
  if (backend === "tfjs") {
    return (await loadTfjs()).openTfjsClassifierTrainer(start, options);
  }
  const team = await trainingTeam();
  return options.recipe.optimizer === "conjugate_gradient"
    ? new ConjugateGradientTrainer(team, start, options)
    : new SimdClassifierTrainer(team, start, options);
}

function loadTfjs(): Promise<typeof import("./tfjs/open.ts")> {
  return withPackages(
    "train on tfjs",
    ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"],
    () => import("./tfjs/open.ts"),
  );
}
