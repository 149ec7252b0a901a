/** Repositories that the routes are tested over. */
import type { ModelRepository } from "../../../src/repository/repository.ts";
import { MemoryRepository } from "./memory_repository.ts";

/** Opens an empty one. */
export const repositories: Record<string, () => Promise<ModelRepository>> = {
  memory: () => Promise.resolve(new MemoryRepository()),
};
