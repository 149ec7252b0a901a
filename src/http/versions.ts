/**
 * Leases the version that answers a request, and names it in the answer.
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import { manifestBounds } from "../format/manifest.ts";
import type { Lease, ServedVersion, Shadow, VersionChoice } from "../serving/served.ts";
import { cut, shown } from "../outside/shown.ts";
import { HttpProblem } from "./problem.ts";
import type { Service } from "./service.ts";

/** Header that names the version: of an answer, and of a request that wants no other. */
export const VERSION_HEADER = "Model-Version";

/** The query parameter that does the same as the header. */
export const versionParameter = {
  version: { kind: "integer", min: 1, max: manifestBounds.maxVersion },
} as const;

/** The lease of a request, until it is released. */
export class RequestVersion {
  readonly #lease: Lease;
  readonly isPinned: boolean;
  #isKept = false;

  constructor(lease: Lease, isPinned: boolean) {
    this.#lease = lease;
    this.isPinned = isPinned;
  }

  get served(): ServedVersion {
    return this.#lease.served;
  }

  /** A candidate that classifies the same, unseen. */
  get shadow(): Shadow | undefined {
    return this.#lease.shadow;
  }

  /** Keeps the lease past the handler, for a body that is made while it is read. @returns what ends it */
  keep(): () => void {
    this.#isKept = true;
    return this.#lease.release;
  }

  /** Called when the handler has ended. */
  handlerEnded(): void {
    if (!this.#isKept) this.#lease.release();
  }
}

/** What {@linkcode withVersion} gives to handlers. */
export type VersionEnv = { Variables: { version: RequestVersion } };

/**
 * Leases a version for the handlers behind it.
 * @param keyOf what decides between production and a candidate: see {@linkcode VersionChoice}
 */
export function withVersion(
  { models }: Service,
  keyOf: (c: Context) => VersionChoice["key"],
): MiddlewareHandler<VersionEnv> {
  return async (c, next) => {
    const pinned = pinnedVersion(c);
    const version = new RequestVersion(
      models.lease({ pinned, key: keyOf(c) }),
      pinned !== undefined,
    );
    c.set("version", version);
    try {
      await next();
    } finally {
      version.handlerEnded();
    }
    c.res.headers.set(VERSION_HEADER, String(version.served.version));
  };
}

/** @throws {HttpProblem} 400 if it is no version, or query and header name two. */
function pinnedVersion(c: Context): number | undefined {
  const { min, max } = versionParameter.version;
  const [header, parameter] = [c.req.header(VERSION_HEADER), c.req.query("version")];
  if (header !== undefined && parameter !== undefined && header !== parameter) {
    throw new HttpProblem(
      400,
      `${VERSION_HEADER} and version must name the same version, got ${shown(header)} and ${
        shown(parameter)
      }`,
    );
  }
  const text = header ?? parameter;
  if (text === undefined) return undefined;
  const version = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (version >= min && version <= max) return version;
  const name = header === undefined ? "version" : VERSION_HEADER;
  throw new HttpProblem(
    400,
    `${name} must be an integer in [${min}, ${max}], got ${shown(text)}`,
    { parameter: name, min, max, value: cut(text) },
  );
}
