/**
 * Calls of a running service's model repository, over fetch alone: push a version, promote the candidate, go
 * back.
 * @module
 */
export { type AliasMoved, type AliasOptions, promoteCandidate, rollBack } from "./aliases.ts";
export type { ServiceOptions } from "./connection.ts";
export { PushError, ServiceError } from "./errors.ts";
export { pushModel, type PushOptions, type PushProgress, type PushResult } from "./push.ts";
export { type ListedVersion, RepositoryClient } from "./repository_client.ts";
