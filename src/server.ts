/**
 * What a server of one's own is made of, besides `createApp`: the program of `deno task start`, and what it
 * serves pushed versions with.
 * @module
 */
export { command, main } from "./serve.ts";
export { openRepository, type RepositoryOptions } from "./repository/open.ts";
export { openServing, type Serving, type ServingOptions } from "./serving/open_serving.ts";
export { ModelPool, type PoolOptions } from "./serving/pool.ts";

// What the types above are made of.
export type { Command } from "./cli/command.ts";
export type {
  FlagKind,
  FlagRow,
  FlagTable,
  FlagValues,
  PositionalRow,
  PositionalTable,
} from "./cli/flags.ts";
export type { Compute, DrawnFrame, FrameFormat, FramesRequest } from "./compute/compute.ts";
export type { Classification } from "./engine/classify.ts";
export type { EngineName, engineNames, EngineOptions, ThreadStatus } from "./engine/engine.ts";
export type { ModelConfig } from "./format/config.ts";
export type { Manifest, ManifestFile } from "./format/manifest.ts";
export type { Dtype } from "./format/safetensors.ts";
export type { HiddenActivation, hiddenActivations } from "./model/dbn.ts";
export type { ModelFiles } from "./repository/model_directory.ts";
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
} from "./repository/repository.ts";
export type { GibbsOptions } from "./sampling/gibbs.ts";
export type { ChainStart, PixelClamp } from "./sampling/options.ts";
export type { LoadOptions, VersionFiles } from "./serving/load_version.ts";
export type { Log } from "./serving/open_serving.ts";
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
} from "./serving/served.ts";
