/**
 * `/v2/repository/models/{model}/aliases` and `…/history`: names of versions, moved by compare-and-set. A move
 * of the served model's alias is answered when requests go where it says.
 * @module
 */
import { type Context, Hono } from "hono";
import { PRODUCTION } from "../../serving/routing.ts";
import type { AliasHistory, AliasList } from "../../api/repository_answers.ts";
import type { AliasPrecondition, MoveAlias } from "../../api/requests.ts";
import { AliasMovedError, NotFoundError } from "../../repository/errors.ts";
import type { Alias, AliasChange, AliasSettings } from "../../repository/repository.ts";
import { HttpProblem, methodNotAllowed } from "../problem.ts";
import { readQuery } from "../query.ts";
import { type Answer, type AnswerStatus, json, takes } from "../typed.ts";
import { needs } from "./authorization.ts";
import { onlyMembers, readMembers } from "./body.ts";
import { aliasOf, modelOf, refuse, versionOf } from "./names.ts";
import {
  answer,
  inPlace,
  noStore,
  type RepositoryEnv,
  repositoryOf,
  type RepositoryRoutes,
} from "./service.ts";

/** Headers of what changes an alias. */
type Precondition = { header: AliasPrecondition };

/** The routes of `…/aliases`. */
export function aliasRoutes(service: RepositoryRoutes) {
  const read = needs(service, "read"), promote = needs(service, "promote");
  const place = inPlace(service, "others");
  return new Hono<RepositoryEnv>()
    .get("/", read, place, async (c) => {
      readQuery(c.req.queries(), {});
      const model = modelOf(c);
      return answer<AliasList>(c, { model, aliases: await repositoryOf(service).aliases(model) });
    })
    .get("/:alias", read, place, async (c) => {
      readQuery(c.req.queries(), {});
      const model = modelOf(c), alias = aliasOf(c);
      const found = await find(service, model, alias);
      if (!found) throw new NotFoundError(`${model} has no alias ${alias}`);
      return tell(c, found);
    })
    .put("/:alias", promote, place, takes<Precondition & { json: MoveAlias }>(), async (c) => {
      const { model, alias, ifRevision } = await readTarget(c, service);
      const members = await readMembers(c, service.bounds, ["version", "settings"]);
      const version = versionOf(members.version), settings = readSettings(members.settings);
      const change = { version, settings, ifRevision, by: c.get("by") };
      const { moved, isFollowed } = await move(service, model, alias, change);
      return tell(c, moved!, isFollowed ? ifRevision === 0 ? 201 : 200 : 202);
    })
    .delete("/:alias", promote, place, takes<Precondition>(), async (c) => {
      const { model, alias, ifRevision } = await readTarget(c, service);
      if (ifRevision === 0) throw new NotFoundError(`${model} has no alias ${alias}`);
      await move(service, model, alias, { version: null, ifRevision, by: c.get("by") });
      return c.body(null, 204, noStore);
    })
    .all("/", read, methodNotAllowed("The list of aliases", "GET", "HEAD"))
    .all("/:alias", promote, methodNotAllowed("An alias", "GET", "HEAD", "PUT", "DELETE"));
}

/** The route of `…/history`. */
export function historyRoutes(service: RepositoryRoutes) {
  const read = needs(service, "read");
  return new Hono<RepositoryEnv>()
    .get("/", read, inPlace(service, "others"), async (c) => {
      readQuery(c.req.queries(), {});
      const model = modelOf(c);
      return answer<AliasHistory>(c, { model, moves: await repositoryOf(service).history(model) });
    })
    .all("/", read, methodNotAllowed("The history", "GET", "HEAD"));
}

/** An alias, with its revision as entity tag. */
function tell<Status extends AnswerStatus = 200>(
  c: Context,
  { alias, version, revision, settings }: Alias,
  status?: Status,
): Answer<Alias, Status> {
  const headers = { ...noStore, etag: `"${revision}"` };
  return json<Alias, Status>(c, { alias, version, revision, settings }, { status, headers });
}

async function find(service: RepositoryRoutes, model: string, alias: string) {
  const aliases = await repositoryOf(service).aliases(model);
  return aliases.find((found) => found.alias === alias);
}

/** Which alias a request moves, and which revision it must have: it has it now, or the answer is 412. */
async function readTarget(c: Context, service: RepositoryRoutes) {
  readQuery(c.req.queries(), {});
  const model = modelOf(c), alias = aliasOf(c), asked = readPrecondition(c);
  const revision = (await find(service, model, alias))?.revision ?? 0;
  if (asked === "any" ? revision === 0 : asked !== revision) {
    throw new AliasMovedError(alias, revision, asked === "any" ? 1 : asked);
  }
  return { model, alias, ifRevision: revision };
}

/** The revision that `If-Match` or `If-None-Match` asks for. @throws {HttpProblem} 428 without one, 400 */
function readPrecondition(c: Context): number | "any" {
  const match = c.req.header("if-match"), noneMatch = c.req.header("if-none-match");
  if (match === undefined && noneMatch === undefined) {
    throw new HttpProblem(
      428,
      'A move needs If-Match: "REVISION" (the ETag of the alias), or If-None-Match: * for a new alias',
    );
  }
  if (match !== undefined && noneMatch !== undefined) {
    throw new HttpProblem(400, "If-Match and If-None-Match exclude each other");
  }
  if (noneMatch !== undefined) {
    return noneMatch.trim() === "*" ? 0 : refuse("If-None-Match", "*", noneMatch);
  }
  if (match!.trim() === "*") return "any";
  const revision = /^"([1-9]\d{0,14})"$/.exec(match!.trim())?.[1];
  return revision
    ? Number(revision)
    : refuse("If-Match", 'a revision in quotes, such as "3"', match);
}

/** @throws {HttpProblem} 400 */
function readSettings(value: unknown): AliasSettings {
  const settings = value === undefined ? {} : onlyMembers("settings", value, ["share", "shadow"]);
  for (const [name, share] of Object.entries(settings)) {
    if (typeof share === "number" && share >= 0 && share <= 1) continue;
    refuse(name, "a number in [0, 1]", share);
  }
  return settings;
}

/**
 * Moves an alias: the version is loaded first, so that one that fails a check is refused and the alias stays;
 * then the repository is changed; then requests go there.
 */
async function move(
  service: RepositoryRoutes,
  model: string,
  alias: string,
  change: AliasChange,
): Promise<{ moved: Alias | undefined; isFollowed: boolean }> {
  const { models, log } = service, repository = repositoryOf(service);
  const control = model === models.model ? models.control : undefined;
  if (change.version !== null) await control?.load(change.version);
  const moved = await repository.moveAlias(model, alias, change).catch(asProblem);
  const { by, version } = change;
  log({ level: "info", by, model, alias, version, revision: moved?.revision });
  try {
    await control?.sync();
    const isElsewhere = control && alias === PRODUCTION && version !== null &&
      models.readiness().version !== version;
    return { moved, isFollowed: !isElsewhere };
  } catch (error) { // the alias has moved, whatever this is; the next look at the repository follows it
    log({ level: "error", alias, error: error instanceof Error ? error.message : String(error) });
    return { moved, isFollowed: false };
  }
}

/** @throws {HttpProblem} 422 where the repository cannot keep such an alias, or no more of them */
function asProblem(error: unknown): never {
  throw error instanceof RangeError ? new HttpProblem(422, error.message) : error;
}
