/**
 * `GET /v2/models/{model}/versions/{version}`: where a version is on its way to requests, and why it is not
 * there.
 * @module
 */
import { Hono } from "hono";
import type { VersionStateAnswer } from "../../api/repository_answers.ts";
import { NotFoundError } from "../../repository/errors.ts";
import { methodNotAllowed } from "../problem.ts";
import { readQuery } from "../query.ts";
import { needs } from "./authorization.ts";
import { refOf } from "./names.ts";
import { answer, inPlace, type RepositoryEnv, type RepositoryRoutes } from "./service.ts";

/** The route. */
export function stateRoutes(service: RepositoryRoutes) {
  const { models, repository } = service;
  return new Hono<RepositoryEnv>()
    .get(
      "/:model/versions/:version",
      async (c, next) => {
        readQuery(c.req.queries(), {});
        const { model: name, version } = refOf(c);
        const state = name === models.model
          ? models.states().find((state) => state.version === version)
          : undefined;
        return state ? answer<VersionStateAnswer>(c, { name, ...state }) : await next();
      },
      needs(service, "read"),
      inPlace(service, "others"),
      async (c) => {
        const { model: name, version } = refOf(c); // what else the repository has is for who may read it
        const stored = await repository?.readManifest({ model: name, version });
        if (!stored) throw new NotFoundError(`There is no version ${version} of ${name}`);
        return answer<VersionStateAnswer>(c, {
          ...{ name, version, digest: stored.digest, status: "unloaded", aliases: [] },
        });
      },
    )
    .all("/:model/versions/:version", methodNotAllowed("A version's state", "GET", "HEAD"));
}
