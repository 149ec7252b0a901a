/**
 * `/v2/repository/…` and the states of versions. Their code is loaded with the first request for them, so that
 * a server's first answer does not wait for it.
 * @module
 */
import type { Context } from "hono";
import { importLater } from "../../outside/import_later.ts";
import { kept } from "../../outside/kept.ts";
import type { Service } from "../service.ts";

/** A handler of all methods. */
export function repositoryHandler(service: Service) {
  const routes = kept(async () => {
    const repository = service.repository ?? await service.openRepository?.();
    const { repositoryRoutes } = await importLater<typeof import("../repository/routes.ts")>(
      "../repository/routes.ts",
      import.meta.url,
    );
    return repositoryRoutes({ ...service, repository });
  });
  return async (c: Context): Promise<Response> => {
    const app = await routes().catch(asProblem);
    return await app.fetch(c.req.raw, {
      remoteAddr: c.env?.remoteAddr,
      onToken: (name: string) => c.set("token", name),
    });
  };
}

/** @throws {HttpProblem} 503 where the repository cannot be opened, because it does not answer */
async function asProblem(error: unknown): Promise<never> {
  const { repositoryProblem } = await importLater<typeof import("../repository/problems.ts")>(
    "../repository/problems.ts",
    import.meta.url,
  );
  throw error instanceof Error ? repositoryProblem(error) : error;
}
