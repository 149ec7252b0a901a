/**
 * Calls of a running service, over fetch alone: classify, generate and watch chains by
 * {@linkcode createClient}; push a version, promote the candidate, go back.
 * @module
 */
export type * from "../api/answers.ts";
export type { Problem, ProblemStatus } from "../api/problem.ts";
export type * from "../api/repository_answers.ts";
export type { ChainStartName } from "../api/requests.ts";
export { type AliasMoved, type AliasOptions, promoteCandidate, rollBack } from "./aliases.ts";
export type { ServiceOptions } from "./connection.ts";
export {
  type Classified,
  type Client,
  createClient,
  type Generated,
  type GeneratedPicture,
} from "./create_client.ts";
export { type FailureKind, PushError, ServiceError, type ServiceErrorOptions } from "./errors.ts";
export type { Frame, StreamEnd } from "./frames.ts";
export type { Image, Picture } from "./images.ts";
export type {
  CallOptions,
  ClassifyOptions,
  ClientOptions,
  Fetch,
  GenerateOptions,
  GeneratePictureOptions,
  StreamOptions,
} from "./options.ts";
export {
  type PlanOptions,
  pushModel,
  type PushOptions,
  type PushProgress,
  type PushResult,
} from "./push.ts";
export type { PassingFailure, RetryOptions } from "./retry.ts";
export { type Creation, type ListedVersion, RepositoryClient } from "./repository_client.ts";
export type { Dtype } from "../format/safetensors.ts";
export type { hiddenActivations } from "../model/dbn.ts";
