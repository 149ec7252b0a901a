/**
 * `POST /v2/repository/gc`: removes blobs that no version uses.
 * @module
 */
import { Hono } from "hono";
import type { GarbageAnswer } from "../../api/repository_answers.ts";
import { methodNotAllowed } from "../problem.ts";
import { readQuery } from "../query.ts";
import { takes } from "../typed.ts";
import { needs } from "./authorization.ts";
import { readMembers } from "./body.ts";
import { refuse } from "./names.ts";
import {
  answer,
  inPlace,
  type RepositoryEnv,
  repositoryOf,
  type RepositoryRoutes,
} from "./service.ts";

/** What a push may take from its first blob to its manifest. */
const DEFAULT_OLDER_THAN_SECONDS = 24 * 60 * 60;
const LONGEST_SECONDS = 10 * 365 * 24 * 60 * 60;

/** What the route takes. */
type Input = { json?: { olderThanSeconds?: number } };

/** The route. */
export function garbageRoute(service: RepositoryRoutes) {
  const push = needs(service, "push");
  return new Hono<RepositoryEnv>()
    .post("/", push, inPlace(service, "others"), takes<Input>(), async (c) => {
      readQuery(c.req.queries(), {});
      const members = await readMembers(c, service.bounds, ["olderThanSeconds"]);
      const { olderThanSeconds = DEFAULT_OLDER_THAN_SECONDS } = members;
      if (
        typeof olderThanSeconds !== "number" ||
        !(olderThanSeconds >= 0 && olderThanSeconds <= LONGEST_SECONDS)
      ) {
        return refuse("olderThanSeconds", `a number in [0, ${LONGEST_SECONDS}]`, olderThanSeconds);
      }
      const removed = await repositoryOf(service)
        .collectGarbage({ olderThanMs: 1000 * olderThanSeconds });
      service.log({ level: "info", by: c.get("by"), garbage: removed });
      return answer<GarbageAnswer>(c, removed);
    })
    .all("/", push, methodNotAllowed("Garbage collection", "POST"));
}
