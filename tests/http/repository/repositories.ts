/** Repositories that the routes are tested over. */
import { openRepository } from "../../../src/repository/open.ts";
import type { ModelRepository } from "../../../src/repository/repository.ts";
import { MemoryRepository } from "./memory_repository.ts";

/** Opens an empty one. */
export const repositories: Record<string, () => Promise<ModelRepository>> = {
  memory: () => Promise.resolve(new MemoryRepository()),
  kv: async () => await openRepository(`kv:${await Deno.makeTempDir()}/models.kv`),
  directory: async () => await openRepository(await Deno.makeTempDir({ prefix: "repository " })),
};
