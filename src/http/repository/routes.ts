/**
 * All routes under `/v2`: the repository's resources and the states of versions.
 * @module
 */
import { Hono } from "hono";
import type { ModelList } from "../../api/repository_answers.ts";
import { cut } from "../../outside/shown.ts";
import { HttpProblem, methodNotAllowed } from "../problem.ts";
import { readQuery } from "../query.ts";
import { aliasRoutes, historyRoutes } from "./aliases.ts";
import { needs } from "./authorization.ts";
import { blobRoutes } from "./blobs.ts";
import { garbageRoute } from "./garbage.ts";
import { repositoryProblem } from "./problems.ts";
import {
  answer,
  inPlace,
  type RepositoryEnv,
  repositoryOf,
  type RepositoryService,
  withGates,
} from "./service.ts";
import { stateRoutes } from "./states.ts";
import { indexRoute, loadRoutes } from "./triton.ts";
import { versionRoutes } from "./versions.ts";

/** An app of its own, whose errors are those of its caller. */
export function repositoryRoutes(options: RepositoryService) {
  const service = withGates(options), models = "/v2/repository/models";
  const app = new Hono<RepositoryEnv>();
  app.onError((error, c) => {
    const problem = repositoryProblem(error);
    throw isTriton(c.req.path) ? withError(problem) : problem;
  });
  app.notFound((c) => {
    throw new HttpProblem(404, `There is no ${cut(c.req.path)}`);
  });
  return app
    .get(models, needs(service, "read"), inPlace(service, "others"), async (c) => {
      readQuery(c.req.queries(), {});
      const names = await repositoryOf(service).models();
      return answer<ModelList>(c, { models: names, served: service.models.model });
    })
    .all(models, needs(service, "read"), methodNotAllowed("The list of models", "GET", "HEAD"))
    .route("/v2/repository/index", indexRoute(service))
    .route("/v2/repository/blobs", blobRoutes(service))
    .route("/v2/repository/gc", garbageRoute(service))
    .route(`${models}/:model/versions`, versionRoutes(service))
    .route(`${models}/:model/aliases`, aliasRoutes(service))
    .route(`${models}/:model/history`, historyRoutes(service))
    .route(`${models}/:model`, loadRoutes(service))
    .route("/v2/models", stateRoutes(service));
}

/** Whether a path is one of Triton's. */
function isTriton(path: string): boolean {
  return path === "/v2/repository/index" || /\/(load|unload)$/.test(path);
}

/** A problem that also says what is wrong where clients of the Open Inference Protocol look for it. */
function withError(problem: Error): Error {
  if (!(problem instanceof HttpProblem) || "error" in problem.members) return problem;
  const { status, message, members, headers } = problem;
  return new HttpProblem(status, message, { ...members, error: message }, headers);
}
