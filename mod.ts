/**
 * Deep Belief Networks at the edge: load a model, classify digits, generate digits, serve both.
 *
 * @example Classify and generate
 * ```ts
 * import { classify, generate, loadModel, openEngine } from "@dbn-edge/dbn-edge";
 *
 * const engine = await openEngine(await loadModel());
 * const { images } = await generate(engine, { label: 3, n: 16, seed: 1 });
 * const [first] = await classify(engine, images.subarray(0, engine.imageSize));
 * console.log(first.label);
 * ```
 * @module
 */
export { type Classification, classify } from "./src/engine/classify.ts";
export { augment, type AugmentationOptions } from "./src/data/augment.ts";
export {
  binarize,
  type BinarizeOptions,
  Dataset,
  type Example,
  type ExampleBatch,
  flattenImage,
} from "./src/data/dataset.ts";
export { decodeIdx, encodeIdx, type IdxArray, IdxFormatError } from "./src/data/idx.ts";
export type { DatasetBuilder, DatasetInfo } from "./src/data/builder.ts";
export { idxDataset, type IdxDatasetOptions } from "./src/data/idx_dataset.ts";
export { type DatasetOptions, mnist } from "./src/data/mnist.ts";
export { type Engine, type EngineName, engineNames } from "./src/engine/engine.ts";
export { type OpenedModel, openEngine, type OpenEngineOptions } from "./src/engine/open.ts";
export { type AppEnv, type AppType, createApp } from "./src/http/app.ts";
export type * from "./src/http/schema.ts";
export type * from "./src/api/answers.ts";
export type * from "./src/api/problem.ts";
export type * from "./src/api/repository_answers.ts";
export type * from "./src/api/requests.ts";
export type { AppOptions, LogRecord } from "./src/http/service.ts";
export { type Bounds, defaultBounds } from "./src/http/bounds.ts";
export { fitDigit } from "./src/image/fit.ts";
export { type GridOptions, toGridPng, toText } from "./src/image/grid.ts";
export { encodeGrayPng } from "./src/image/encode_png.ts";
export { decodePng, type GrayImage, PngFormatError } from "./src/image/png.ts";
export type {
  Classifier,
  Dbn,
  DenseLayer,
  HiddenActivation,
  JointPosterior,
  StackLayer,
} from "./src/model/dbn.ts";
export {
  type ChainStart,
  type Conditionals,
  generateFrame as generate,
  gibbsChain,
  type GibbsFrame,
  type GibbsOptions,
  type PixelClamp,
} from "./src/sampling/gibbs.ts";
export {
  energy,
  freeEnergy,
  gibbsStep,
  hiddenGivenVisible,
  type LabelRbm,
  logPartition,
  type Rbm,
  visibleGivenHidden,
} from "./src/model/rbm.ts";
export { loadModel, saveModel, type StoredModel } from "./src/repository/model_directory.ts";
export { type ModelBytes, modelFromBytes } from "./src/repository/model_bytes.ts";
export type { ModelConfig } from "./src/format/config.ts";
export { WeightsFormatError } from "./src/format/safetensors.ts";
export type { Dtype } from "./src/format/safetensors.ts";
export { expandModel, type Model } from "./src/format/weights.ts";
export type { ScaledMatrix, WeightMatrix } from "./src/math/weight_matrix.ts";

// What the types above are made of.
export type { Compute, DrawnFrame, FrameFormat, FramesRequest } from "./src/compute/compute.ts";
export type { Examples } from "./src/data/builder.ts";
export type {
  EngineOptions,
  ImageClassifier,
  ImageModel,
  JointModel,
  Resource,
  ThreadStatus,
} from "./src/engine/engine.ts";
export type { Manifest, ManifestFile } from "./src/format/manifest.ts";
export type { Scope, scopes, TokenRecord } from "./src/http/tokens.ts";
export type { hiddenActivations } from "./src/model/dbn.ts";
export type {
  Alias,
  AliasChange,
  AliasMove,
  AliasSettings,
  BlobRef,
  ModelRepository,
  StoredManifest,
  VersionEntry,
  VersionRef,
} from "./src/repository/repository.ts";
export type { ChainSegment, ChainState } from "./src/sampling/options.ts";
export type {
  Lease,
  ModelMetrics,
  Readiness,
  ServedModels,
  ServedVersion,
  Shadow,
  VersionChoice,
  VersionControl,
  VersionState,
  VersionStatus,
} from "./src/serving/served.ts";
