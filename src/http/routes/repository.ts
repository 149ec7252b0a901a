/**
 * `/v2/repository/…` and the states of versions. Their code is loaded with the first request for them, so that
 * a server's first answer does not wait for it.
 * @module
 */
import type { Context } from "hono";
import type { RepositoryService } from "../repository/service.ts";

/** What the request's log line knows besides its method, path and status. */
export interface TokenVariables {
  /** Name of the token that the request carried. */
  token?: string;
}

/** A handler of all methods. */
export function repositoryHandler(service: RepositoryService) {
  const load = async () => (await import("../repository/routes.ts")).repositoryRoutes(service);
  let routes: ReturnType<typeof load> | undefined;
  return async (c: Context): Promise<Response> => {
    const app = await (routes ??= load());
    return await app.fetch(c.req.raw, {
      remoteAddr: c.env?.remoteAddr,
      onToken: (name: string) => c.set("token", name),
    });
  };
}
