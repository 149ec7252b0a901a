/**
 * What goes wrong in a model repository, a class a reason.
 * @module
 */
import { cut } from "../outside/shown.ts";
import type { BlobRef, VersionRef } from "./repository.ts";

/** A model, version, alias or blob that is not there. */
export class NotFoundError extends Error {
  override name = "NotFoundError";
}

/** A version that is there already, with other content. */
export class VersionConflictError extends Error {
  override name = "VersionConflictError";
  constructor({ model, version }: VersionRef, readonly digest: string) {
    super(
      `Cannot create version ${version} of ${model}: it is there with other content (${digest}); a version never changes, take the next number`,
    );
  }
}

/** Blobs that a manifest lists and the repository has not. */
export class BlobsMissingError extends Error {
  override name = "BlobsMissingError";
  constructor(readonly missing: readonly BlobRef[]) {
    super(`Cannot create version: ${missing.length} of its files must be sent first`);
  }
}

/** Bytes were sent for another place of a blob than its end. */
export class BlobOffsetError extends Error {
  override name = "BlobOffsetError";
  constructor({ sha256 }: BlobRef, readonly received: number, got: number) {
    super(`Cannot append to blob ${sha256}: the next byte must be ${received}, got ${got}`);
  }
}

/** A blob's bytes are not those of its name. */
export class BlobMismatchError extends Error {
  override name = "BlobMismatchError";
}

/** A stored file is not what its manifest says. */
export class CorruptFileError extends Error {
  override name = "CorruptFileError";
}

/** An alias has another revision than was asked for. */
export class AliasMovedError extends Error {
  override name = "AliasMovedError";
  constructor(alias: string, readonly revision: number, asked: number) {
    super(
      `Cannot move alias ${
        cut(alias)
      }: its revision must be ${asked}, it is ${revision}; somebody moved it, look again`,
    );
  }
}

/** A version that an alias names, or that answers requests, cannot be removed or unloaded. */
export class VersionInUseError extends Error {
  override name = "VersionInUseError";
  constructor(
    { model, version }: VersionRef,
    readonly aliases: readonly string[],
    action: "remove" | "unload" = "remove",
  ) {
    const use = aliases.length > 0
      ? `${aliases.join(", ")} names it; move the alias first`
      : "it answers requests";
    super(`Cannot ${action} version ${version} of ${model}: ${use}`);
  }
}

/** A repository that only can be read. */
export class ReadOnlyError extends Error {
  override name = "ReadOnlyError";
}

/** A repository that does not answer. Its message names the address, and no secret. */
export class RepositoryUnreachableError extends Error {
  override name = "RepositoryUnreachableError";
}

/** A repository where somebody else holds what is asked for, too long to wait; try again. */
export class RepositoryBusyError extends RepositoryUnreachableError {
  override name = "RepositoryBusyError";
}
