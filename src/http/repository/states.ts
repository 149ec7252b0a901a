/**
 * `GET /v2/models/{model}/versions/{version}`: where a version is on its way to requests, and why it is not
 * there.
 * @module
 */
import { Hono } from "hono";
import { NotFoundError } from "../../repository/errors.ts";
import { methodNotAllowed } from "../problem.ts";
import { readQuery } from "../query.ts";
import { refOf } from "./names.ts";
import { answer, inPlace, type RepositoryEnv, type RepositoryRoutes } from "./service.ts";

/** The route. */
export function stateRoutes(service: RepositoryRoutes) {
  const { models, repository } = service;
  return new Hono<RepositoryEnv>()
    .get("/:model/versions/:version", inPlace(service, "others"), async (c) => {
      readQuery(c.req.queries(), {});
      const { model: name, version } = refOf(c);
      const state = name === models.model
        ? models.states().find((state) => state.version === version)
        : undefined;
      if (state) return answer(c, { name, ...state });
      const stored = await repository?.readManifest({ model: name, version });
      if (!stored) throw new NotFoundError(`There is no version ${version} of ${name}`);
      return answer(c, { name, version, digest: stored.digest, status: "unloaded", aliases: [] });
    })
    .all("/:model/versions/:version", methodNotAllowed("A version's state", "GET", "HEAD"));
}
