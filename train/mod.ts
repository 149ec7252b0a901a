/**
 * Training from code: the same run that `deno task train` makes; models out to other programs and in from them.
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
export {
  exportLayersModel,
  type LayersModelMetadata,
} from "./artifacts/interchange/layers_model.ts";
export {
  type ClassifierSource,
  importClassifier,
  type ImportClassifierOptions,
} from "./imports/classifier.ts";
export { ImportError } from "./imports/arrays.ts";
export { importRbm, type ImportRbmOptions } from "./imports/rbm.ts";
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

// What the types above are made of.
export type { ImageClassifier, ImageModel, JointModel } from "../src/engine/engine.ts";
export type { ModelConfig } from "../src/format/config.ts";
export type { Dtype, Tensor, TensorData } from "../src/format/safetensors.ts";
export type { Model } from "../src/format/weights.ts";
export type { GridOptions } from "../src/image/grid.ts";
export type { Team, TeamStatus } from "../src/kernels/runtime/team.ts";
export type { ByteRows } from "../src/kernels/training/rbm_batch.ts";
export type { ScaledMatrix, WeightMatrix } from "../src/math/weight_matrix.ts";
export type {
  Classifier,
  Dbn,
  DenseLayer,
  HiddenActivation,
  hiddenActivations,
  JointPosterior,
  StackLayer,
} from "../src/model/dbn.ts";
export type { LabelRbm, Rbm } from "../src/model/rbm.ts";
export type { StoredModel } from "../src/repository/model_directory.ts";
export type { CompleteParts } from "./artifacts/output.ts";
export type { Histogram } from "./measure/histogram.ts";
export type { PresetName, presetNotes } from "./recipes/presets.ts";
export type { ChangesOf, ValueOf, ValuesOf } from "./recipes/schema/field.ts";
export type { Progress } from "./run/checkpoint.ts";
export type { Metrics } from "./trainers/trainer.ts";
