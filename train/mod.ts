/**
 * Training from code: the same run that `deno task train` makes.
 * @module
 */
export {
  type AnnealingOptions,
  annealingSchedule,
  estimateLogPartition,
  logLikelihoodBounds,
  logLikelihoods,
  type LogPartition,
} from "./ais.ts";
export {
  type Checkpoint,
  type EpochRecord,
  readCheckpoint,
  writeCheckpoint,
} from "./checkpoint.ts";
export { type ErrorRate, evaluate, type Evaluation } from "./evaluation.ts";
export { type Examples, floatExamples, imageExamples } from "./examples.ts";
export { exportOnnx } from "./onnx.ts";
export { type OutputOptions, saveRun } from "./output.ts";
export { checkRecipe } from "./check_recipe.ts";
export {
  type FineTuningRecipe,
  presets,
  type RbmRecipe,
  type Recipe,
  type UpDownRecipe,
} from "./recipe.ts";
export { readRecipe, recipeNames } from "./recipes.ts";
export { trainingTeam } from "./team.ts";
export {
  type BatchEvent,
  runTraining,
  type TrainedParts,
  type TrainingEvents,
  TrainingInterrupted,
} from "./run.ts";
