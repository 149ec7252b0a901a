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
} from "./measure/ais.ts";
export {
  type Checkpoint,
  type EpochRecord,
  readCheckpoint,
  writeCheckpoint,
} from "./run/checkpoint.ts";
export type { TrainingWarning, WarningKind } from "./measure/health.ts";
export { type ErrorRate, evaluate, type Evaluation } from "./measure/evaluation.ts";
export { type Examples, floatExamples, imageExamples } from "./data/examples.ts";
export { exportOnnx } from "./artifacts/interchange/export_onnx.ts";
export { showExamples, type ShownExample, type ShowOptions } from "./artifacts/labelled_grid.ts";
export { type OutputOptions, saveRun } from "./artifacts/output.ts";
export { checkRecipe } from "./recipes/check.ts";
export { recipeOf } from "./recipes/complete.ts";
export { presets } from "./recipes/presets.ts";
export { fineTuningFields } from "./recipes/schema/fine_tuning.ts";
export { rbmFields } from "./recipes/schema/rbm.ts";
export { recipeFields } from "./recipes/schema/recipe.ts";
export { upDownFields } from "./recipes/schema/up_down.ts";
export type {
  FineTuningRecipe,
  RbmRecipe,
  Recipe,
  RecipeChanges,
  UpDownRecipe,
} from "./recipes/recipe.ts";
export { readRecipe, recipeNames } from "./recipes/files.ts";
export { trainingTeam } from "./trainers/simd/team.ts";
export {
  type BatchEvent,
  runTraining,
  type TrainedParts,
  type TrainingEvents,
  TrainingInterrupted,
} from "./run/run.ts";
