/**
 * What goes wrong in a repository, as problems: the class of an error says the status, its message the detail.
 * @module
 */
import { ManifestError } from "../../format/manifest.ts";
import {
  AliasMovedError,
  BlobMismatchError,
  BlobOffsetError,
  BlobsMissingError,
  CorruptFileError,
  NotFoundError,
  ReadOnlyError,
  RepositoryUnreachableError,
  VersionConflictError,
  VersionInUseError,
} from "../../repository/errors.ts";
import { VersionRefusedError } from "../../serving/served.ts";
import { HttpProblem } from "../problem.ts";

const RETRY_AFTER_SECONDS = "5";

/** The problem that an error is to the client, or the error as it is. */
export function repositoryProblem(error: Error): Error {
  const { message } = error;
  if (error instanceof NotFoundError) return new HttpProblem(404, message);
  if (error instanceof ManifestError) return new HttpProblem(422, message);
  if (error instanceof BlobsMissingError) {
    return new HttpProblem(422, message, { missing: error.missing });
  }
  if (error instanceof VersionConflictError) {
    return new HttpProblem(409, message, { digest: error.digest });
  }
  if (error instanceof BlobOffsetError) {
    const { received } = error;
    return new HttpProblem(409, message, { received }, { "upload-offset": String(received) });
  }
  if (error instanceof BlobMismatchError) return new HttpProblem(422, message);
  if (error instanceof AliasMovedError) {
    const { revision } = error, headers = { etag: `"${revision}"` };
    return new HttpProblem(412, message, { revision }, revision === 0 ? {} : headers);
  }
  if (error instanceof VersionInUseError) {
    return new HttpProblem(409, message, { aliases: error.aliases });
  }
  if (error instanceof VersionRefusedError) {
    return new HttpProblem(422, message, { reason: message });
  }
  if (error instanceof ReadOnlyError) return new HttpProblem(403, message);
  if (error instanceof CorruptFileError) return new HttpProblem(500, message);
  if (error instanceof RepositoryUnreachableError) {
    return new HttpProblem(503, message, {}, { "retry-after": RETRY_AFTER_SECONDS });
  }
  return error;
}
