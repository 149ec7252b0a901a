/**
 * Every route with its inputs and answers, as Hono's typed client reads them: written out, so that the
 * package's types need no inference. `tests/http/app_type_test.ts` proves that it is what Hono infers.
 * @module
 */
import type {
  ClassifyAnswer,
  GenerateAnswer,
  LiveAnswer,
  ModelAnswer,
  ReadyAnswer,
} from "../api/answers.ts";
import type { Problem, ProblemStatus } from "../api/problem.ts";
import type {
  AliasHistory,
  AliasList,
  CreatedVersion,
  GarbageAnswer,
  IndexEntry,
  ModelList,
  VersionList,
  VersionStateAnswer,
} from "../api/repository_answers.ts";
import type {
  AliasPrecondition,
  ClassifyRequest,
  GenerateInput,
  LoadRequest,
  MoveAlias,
  UnloadRequest,
  VersionedInput,
} from "../api/requests.ts";
import type { Manifest } from "../format/manifest.ts";
import type { Alias } from "../repository/repository.ts";

/** A route's input and one of its answers; a type and no interface, which Hono would not take. */
export type Endpoint<Input, Output, Status extends number, Format extends string = "json"> = {
  /** What `hc` takes: `query`, `json`, `header`, `param`. */
  input: Input;
  /** What `json()` or `text()` gives. */
  output: Output;
  /** Which of them. */
  outputFormat: Format;
  /** HTTP status. */
  status: Status;
};

/** A route that takes nothing. */
export type NoInput = Record<never, never>;

/** Parameters of a path. */
export interface PathInput<Names extends string> {
  /** A text of each. */
  param: { [Name in Names]: string };
}

/** A request that changes an alias. */
export interface PreconditionInput {
  /** The revision that it must have. */
  header: AliasPrecondition;
}

/** The answer that the client has already: to `If-None-Match`. */
export type NotModified<Input> = Endpoint<Input, null, 304, "body">;

/** Routes that answer by a model. */
export type ServingRoutes = {
  "/": { $get: Endpoint<VersionedInput, string, 200, "text"> };
  "/classify": {
    $post: Endpoint<VersionedInput & { json: ClassifyRequest }, ClassifyAnswer, 200>;
  };
  /** The type is that of JSON; a PNG and events are read by `bytes()` and `body`. */
  "/generate": {
    $get: Endpoint<GenerateInput, GenerateAnswer, 200> | NotModified<GenerateInput>;
  };
  "/model": {
    $get:
      | Endpoint<VersionedInput, ModelAnswer, 200>
      | Endpoint<VersionedInput, string, 200, "text">;
  };
  "/health/live": { $get: Endpoint<NoInput, LiveAnswer, 200> };
  "/health/ready": { $get: Endpoint<NoInput, ReadyAnswer, 200> };
  "/metrics": { $get: Endpoint<NoInput, string, 200, "text"> };
};

/** Routes of the model repository. */
export type RepositoryRoutes = {
  "/v2/repository/models": { $get: Endpoint<NoInput, ModelList, 200> };
  /** `v2.repository.index.index.$post()`: Hono's client leaves out an `index` at the end of a path. */
  "/v2/repository/index/": { $post: Endpoint<{ json?: { ready?: boolean } }, IndexEntry[], 200> };
  "/v2/repository/gc": {
    $post: Endpoint<{ json?: { olderThanSeconds?: number } }, GarbageAnswer, 200>;
  };
  "/v2/repository/blobs/:sha256": {
    $head: Endpoint<PathInput<"sha256"> & { query: { size: string } }, null, 200 | 404, "body">;
    /** The bytes are the body: `$put({ … }, { init: { body } })`. */
    $put: Endpoint<
      PathInput<"sha256"> & { header?: { "Content-Range"?: string } },
      null,
      200 | 201 | 202,
      "body"
    >;
  };
  "/v2/repository/models/:model/versions": { $get: Endpoint<PathInput<"model">, VersionList, 200> };
  "/v2/repository/models/:model/versions/:version": {
    $get:
      | Endpoint<PathInput<"model" | "version">, Manifest, 200>
      | NotModified<PathInput<"model" | "version">>;
    $put: Endpoint<
      PathInput<"model" | "version"> & { json: Manifest },
      CreatedVersion,
      200 | 201
    >;
    $delete: Endpoint<PathInput<"model" | "version">, null, 204, "body">;
  };
  "/v2/repository/models/:model/versions/:version/files/:path{.+}": {
    $get:
      | Endpoint<PathInput<"model" | "version" | "path">, Uint8Array, 200, "body">
      | NotModified<PathInput<"model" | "version" | "path">>;
  };
  "/v2/repository/models/:model/aliases": { $get: Endpoint<PathInput<"model">, AliasList, 200> };
  "/v2/repository/models/:model/aliases/:alias": {
    $get: Endpoint<PathInput<"model" | "alias">, Alias, 200>;
    $put: Endpoint<
      PathInput<"model" | "alias"> & PreconditionInput & { json: MoveAlias },
      Alias,
      200 | 201 | 202
    >;
    $delete: Endpoint<PathInput<"model" | "alias"> & PreconditionInput, null, 204, "body">;
  };
  "/v2/repository/models/:model/history": { $get: Endpoint<PathInput<"model">, AliasHistory, 200> };
  "/v2/repository/models/:model/load": {
    $post: Endpoint<PathInput<"model"> & { json?: LoadRequest }, null, 200, "body">;
  };
  "/v2/repository/models/:model/unload": {
    $post: Endpoint<PathInput<"model"> & { json: UnloadRequest }, null, 200, "body">;
  };
  "/v2/models/:model/versions/:version": {
    $get: Endpoint<PathInput<"model" | "version">, VersionStateAnswer, 200>;
  };
};

/** Routes, each of which may answer a problem instead. */
export type WithProblems<Routes> = {
  [Path in keyof Routes]: {
    [Method in keyof Routes[Path]]: Routes[Path][Method] | Refused<Routes[Path][Method]>;
  };
};

/** A problem as the answer of a route. */
export type Refused<Route> = Route extends { input: infer Input }
  ? Endpoint<Input, Problem, ProblemStatus>
  : never;

/** Every route with all of its answers. */
export type AppSchema = WithProblems<ServingRoutes & RepositoryRoutes>;
