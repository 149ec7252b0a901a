/**
 * Training from code: the same run that `deno task train` makes.
 * @module
 */
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
export {
  checkRecipe,
  type FineTuningRecipe,
  presets,
  type RbmRecipe,
  type Recipe,
} from "./recipe.ts";
export {
  type BatchEvent,
  runTraining,
  type TrainedParts,
  type TrainingEvents,
  TrainingInterrupted,
} from "./run.ts";
