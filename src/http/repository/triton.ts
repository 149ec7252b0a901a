/**
 * The model repository extension of Triton's HTTP protocol: which versions there are, and loading or
 * unloading one. What Triton takes from a file system's changes, aliases say here.
 * @module
 */
import { type Context, Hono } from "hono";
import type { IndexEntry } from "../../api/repository_answers.ts";
import type { LoadRequest, UnloadRequest } from "../../api/requests.ts";
import { NotFoundError } from "../../repository/errors.ts";
import type { VersionState } from "../../serving/served.ts";
import { HttpProblem, methodNotAllowed } from "../problem.ts";
import { readQuery } from "../query.ts";
import { takes } from "../typed.ts";
import { needs } from "./authorization.ts";
import { onlyMembers, readMembers } from "./body.ts";
import { modelOf, refuse, versionOf } from "./names.ts";
import {
  answer,
  inPlace,
  noStore,
  type RepositoryEnv,
  repositoryOf,
  type RepositoryRoutes,
} from "./service.ts";

/** `POST /v2/repository/index`. */
export function indexRoute(service: RepositoryRoutes) {
  const read = needs(service, "read");
  return new Hono<RepositoryEnv>()
    .post(
      "/",
      read,
      inPlace(service, "others"),
      takes<{ json?: { ready?: boolean } }>(),
      async (c) => {
        readQuery(c.req.queries(), {});
        const { ready = false } = await readMembers(c, service.bounds, ["ready"]);
        if (typeof ready !== "boolean") refuse("ready", "true or false", ready);
        const entries = await index(service);
        const shown = ready ? entries.filter(({ state }) => state === "READY") : entries;
        return answer<IndexEntry[]>(c, shown);
      },
    )
    .all("/", read, methodNotAllowed("The index", "POST"));
}

/** `POST …/load` and `…/unload` of a model. */
export function loadRoutes(service: RepositoryRoutes) {
  const promote = needs(service, "promote"), place = inPlace(service, "others");
  return new Hono<RepositoryEnv>()
    .post("/load", promote, place, takes<{ json?: LoadRequest }>(), async (c) => {
      const { control, version } = await readRequest(c, service, []);
      await (version === undefined ? control.sync() : control.load(version));
      service.log({
        level: "info",
        by: c.get("by"),
        model: modelOf(c),
        version,
        outcome: "loaded",
      });
      return c.body(null, 200, noStore);
    })
    .post("/unload", promote, place, takes<{ json: UnloadRequest }>(), async (c) => {
      const { control, version } = await readRequest(c, service, ["unload_dependents"]);
      if (version === undefined) {
        throw new HttpProblem(
          400,
          'parameters.version must be given: a model whose alias names it stays loaded, {"parameters": {"version": 2}} unloads one version',
        );
      }
      await control.unload(version);
      service.log({
        level: "info",
        by: c.get("by"),
        model: modelOf(c),
        version,
        outcome: "unloaded",
      });
      return c.body(null, 200, noStore);
    })
    .all("/load", promote, methodNotAllowed("Loading", "POST"))
    .all("/unload", promote, methodNotAllowed("Unloading", "POST"));
}

/** What moves versions in and out, and the version that the body's parameters name. */
async function readRequest(c: Context, service: RepositoryRoutes, ignored: readonly string[]) {
  readQuery(c.req.queries(), {});
  const model = modelOf(c), { models } = service;
  const body = await readMembers(c, service.bounds, ["parameters"]);
  const known = ["version", ...ignored];
  const parameters = onlyMembers("parameters", body.parameters ?? {}, known);
  const given = parameters.version;
  const version = given === undefined
    ? undefined
    : versionOf(typeof given === "string" && /^[1-9]\d{0,9}$/.test(given) ? Number(given) : given);
  if (model !== models.model) {
    throw new NotFoundError(`This service serves ${models.model}, not ${model}`);
  }
  if (!models.control) {
    throw new HttpProblem(409, "This service serves one version for good: it loads no other");
  }
  return { control: models.control, version };
}

/** Versions of the repository and those that are loaded. */
async function index(service: RepositoryRoutes): Promise<IndexEntry[]> {
  const repository = repositoryOf(service), { models } = service, served = models.model;
  const states = new Map(models.states().map((state) => [state.version, state]));
  const names = new Set([...await repository.models(), served]), entries: IndexEntry[] = [];
  for (const name of [...names].sort()) {
    const stored = (await repository.versions(name)).map(({ version }) => version);
    const known = name === served ? states : new Map<number, VersionState>();
    for (const version of [...new Set([...stored, ...known.keys()])].sort((a, b) => a - b)) {
      entries.push(describe(name, version, known.get(version)));
    }
  }
  return entries;
}

function describe(name: string, version: number, state: VersionState | undefined): IndexEntry {
  const common = { name, version: String(version) };
  switch (state?.status) {
    case "ready":
      return { ...common, state: "READY", reason: "" };
    case "loading":
      return { ...common, state: "LOADING", reason: "" };
    case "refused":
      return { ...common, state: "UNAVAILABLE", reason: state.reason ?? "refused" };
    case undefined:
      return { ...common, state: "UNAVAILABLE", reason: "unloaded" };
  }
}
