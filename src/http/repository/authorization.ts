/**
 * Who may do what (RFC 6750): a request needs a token with the route's scope. Reading needs one only where a
 * token with the scope `read` is configured, and then any token will do.
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { HttpProblem } from "../problem.ts";
import { findToken, type Scope } from "../tokens.ts";
import type { RepositoryEnv, RepositoryService } from "./service.ts";

/** Longer than any token. */
const MAX_TOKEN_CHARACTERS = 256;

/** Lets a request through that may do what `scope` says, and notes its token's name. */
export function needs(
  { tokens = [] }: RepositoryService,
  scope: Scope,
): MiddlewareHandler<RepositoryEnv> {
  const isOpen = scope === "read" && !tokens.some(({ scopes }) => scopes.includes("read"));
  return async (c, next) => {
    if (isOpen) {
      c.set("by", "anonymous");
      return await next();
    }
    if (tokens.length === 0) {
      throw new HttpProblem(
        403,
        "This service takes no changes: no token is configured; `deno task dbn token` makes one and says where it goes",
      );
    }
    const given = bearer(c.req.header("authorization"));
    const record = given === undefined ? undefined : await findToken(tokens, given);
    if (!record) {
      const detail = given === undefined
        ? "A token is needed: Authorization: Bearer …"
        : "The token is none that this service knows";
      throw new HttpProblem(401, detail, {}, {
        "www-authenticate": given === undefined
          ? 'Bearer realm="dbn"'
          : 'Bearer realm="dbn", error="invalid_token"',
      });
    }
    c.env?.onToken?.(record.name);
    if (scope !== "read" && !record.scopes.includes(scope)) {
      throw new HttpProblem(
        403,
        `The token ${record.name} must have the scope ${scope}, it has ${record.scopes.join(", ")}`,
        { scope },
        { "www-authenticate": `Bearer realm="dbn", error="insufficient_scope", scope="${scope}"` },
      );
    }
    c.set("by", record.name);
    await next();
  };
}

/** The token of a header: `""` where there is something else in it. */
function bearer(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const token = /^bearer +([\w.~+/=-]+) *$/i.exec(header)?.[1] ?? "";
  return token.length <= MAX_TOKEN_CHARACTERS ? token : "";
}
