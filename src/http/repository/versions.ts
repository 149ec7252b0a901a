/**
 * `/v2/repository/models/{model}/versions`: which versions there are, their manifests and files, and a new one
 * by its manifest, the last step of a push.
 * @module
 */
import { type Context, Hono } from "hono";
import type { CreatedVersion, VersionList } from "../../api/repository_answers.ts";
import { type Manifest, readManifest } from "../../format/manifest.ts";
import { cut, shown } from "../../outside/shown.ts";
import { NotFoundError, VersionInUseError } from "../../repository/errors.ts";
import { releasedUrl } from "../../repository/model_directory.ts";
import type { StoredManifest, VersionRef } from "../../repository/repository.ts";
import type { VersionState } from "../../serving/served.ts";
import { HttpProblem, methodNotAllowed } from "../problem.ts";
import { readQuery } from "../query.ts";
import { type Answer, takes } from "../typed.ts";
import { matches } from "../entity_tag.ts";
import { needs } from "./authorization.ts";
import { readSmall } from "./body.ts";
import { modelOf, refOf } from "./names.ts";
import { sendFile } from "./sent_file.ts";
import {
  answer,
  inPlace,
  noStore,
  type RepositoryEnv,
  repositoryOf,
  type RepositoryRoutes,
} from "./service.ts";

/** The routes of this resource. */
export function versionRoutes(service: RepositoryRoutes) {
  const read = needs(service, "read"), push = needs(service, "push");
  const place = inPlace(service, "others");
  return new Hono<RepositoryEnv>()
    .get("/", read, place, async (c) => {
      readQuery(c.req.queries(), {});
      const model = modelOf(c), repository = repositoryOf(service);
      const [versions, aliases] = await Promise.all([
        repository.versions(model),
        repository.aliases(model),
      ]);
      return answer<VersionList>(c, {
        model,
        versions: versions.map(({ version, digest, size }) => ({
          ...{ version, digest, size },
          aliases: aliases.filter((alias) => alias.version === version).map(({ alias }) => alias),
        })),
      });
    })
    .get("/:version", read, place, async (c): Promise<Kept<Manifest, "json">> => {
      readQuery(c.req.queries(), {});
      const { bytes, digest } = await manifestOf(service, refOf(c));
      const described = { digest, size: bytes.length, type: "application/json" };
      return send(c, bytes, described) as Kept<Manifest, "json">;
    })
    .put("/:version", push, place, takes<{ json: Manifest }>(), async (c) => {
      readQuery(c.req.queries(), {});
      const ref = refOf(c), repository = repositoryOf(service);
      const bytes = await readSmall(c, service.bounds);
      const { model, version } = readManifest(bytes);
      if (model !== ref.model || version !== ref.version) {
        throw new HttpProblem(
          422,
          `The manifest must be of version ${ref.version} of ${ref.model}, as the path says, got ${version} of ${model}`,
        );
      }
      const outcome = await repository.createVersion(bytes);
      service.log({ level: "info", by: c.get("by"), model, version, outcome });
      const status = outcome === "created" ? 201 : 200;
      return answer<CreatedVersion, 200 | 201>(c, { ...ref, outcome }, status);
    })
    .delete("/:version", push, place, async (c) => {
      readQuery(c.req.queries(), {});
      const ref = refOf(c);
      await remove(service, ref);
      service.log({ level: "info", by: c.get("by"), ...ref, outcome: "removed" });
      return c.body(null, 204, noStore);
    })
    .get("/:version/files/:path{.+}", read, inPlace(service, "downloads"), async (c) => {
      readQuery(c.req.queries(), {});
      const ref = refOf(c), path = c.req.param("path"), { readTimeoutMs } = service.bounds;
      const file = (await manifestOf(service, ref)).manifest.files
        .find((file) => file.path === path);
      if (!file) {
        throw new NotFoundError(
          `Version ${ref.version} of ${ref.model} has no file ${
            shown(path)
          }; its manifest lists them`,
        );
      }
      const { sha256: digest, size } = file;
      if (c.req.method === "HEAD" || isKnown(c, digest)) return send(c, null, { digest, size });
      const bytes = await repositoryOf(service).readFile(ref, file);
      return send(c, sendFile(bytes, { readTimeoutMs, done: c.get("keepPlace")() }), {
        digest,
        size,
      });
    })
    .all("/", read, methodNotAllowed("The list of versions", "GET", "HEAD"))
    .all("/:version", push, methodNotAllowed("A version", "GET", "HEAD", "PUT", "DELETE"))
    .all("/:version/files/:path{.+}", push, methodNotAllowed("A file", "GET", "HEAD"));
}

async function manifestOf(service: RepositoryRoutes, ref: VersionRef): Promise<StoredManifest> {
  const stored = await repositoryOf(service).readManifest(ref);
  if (stored) return stored;
  throw new NotFoundError(`There is no version ${ref.version} of ${cut(ref.model)}`);
}

/** Bytes that the client may have already. */
type Kept<Body, Format extends string> = Answer<Body, 200, Format> | Answer<null, 304, "body">;

/** Whether the client says that it has what a digest names. */
function isKnown(c: Context, digest: string): boolean {
  return matches(c.req.header("if-none-match"), `"${digest}"`);
}

/** Bytes that are named by their digest, or nothing where the client has them; of HEAD the headers alone. */
function send(
  c: Context,
  body: Uint8Array | ReadableStream<Uint8Array> | null,
  { digest, size, type = "application/octet-stream" }: {
    digest: string;
    size: number;
    type?: string;
  },
): Kept<Uint8Array, "body"> {
  const etag = `"${digest}"`, headers = { etag, "cache-control": "private, no-cache" };
  if (isKnown(c, digest)) return c.body(null, 304, headers);
  const response = new Response(body as BodyInit | null, {
    headers: {
      ...headers,
      "content-length": String(size),
      "content-type": type,
      // What a version holds was sent by somebody: no browser may take it for a page of ours.
      "content-disposition": "attachment",
    },
  });
  return response as Answer<Uint8Array, 200, "body">;
}

/** Removes a version that no alias names and no request meets, and then frees it. */
async function remove(service: RepositoryRoutes, ref: VersionRef): Promise<void> {
  const { models } = service, repository = repositoryOf(service);
  if (repository.urlOf?.(ref).href === releasedUrl().href) {
    throw new HttpProblem(
      409,
      `Version ${ref.version} of ${ref.model} is the released one, without which this server cannot start`,
    );
  }
  const isServed = ref.model === models.model;
  if (isServed && models.readiness().version === ref.version) {
    throw new VersionInUseError(ref, ["what requests get now"]);
  }
  await repository.deleteVersion(ref); // before it is freed: who pinned one that stays goes on
  const isLoaded = ({ version, status }: VersionState) =>
    version === ref.version && status === "ready";
  if (!isServed || !models.states().some(isLoaded)) return;
  try {
    await models.control?.unload(ref.version);
  } catch (error) { // it was freed meanwhile, or was a candidate until now: the next look frees it
    if (!(error instanceof VersionInUseError || error instanceof NotFoundError)) throw error;
  }
}
