/**
 * Stores of objects as the conformance suite wants them.
 * @module
 */
import type { ObjectStore } from "../../src/repository/objects/object_store.ts";
import type { ModelRepository } from "../../src/repository/repository.ts";
import type { Store } from "./conformance.ts";

/** A store that the suite has for itself. */
export interface ObjectsUnderTest {
  openRepository(): Promise<ModelRepository>;
  /** The objects behind the repository. */
  openObjects(): Promise<ObjectStore>;
  remove(): Promise<void>;
}

/** Closes what was opened; changes blobs behind the repository's back. */
export function objectsStore({ openRepository, openObjects, remove }: ObjectsUnderTest): Store {
  const opened: { close(): void }[] = [];
  return {
    async open() {
      const repository = await openRepository();
      opened.push(repository);
      return repository;
    },
    async corrupt(_ref, { sha256, size }, bytes) {
      const objects = await openObjects();
      await objects.put(`blobs/${sha256}-${size}`, bytes);
      objects.close();
    },
    async [Symbol.asyncDispose]() {
      for (const each of opened) each.close();
      await remove();
    },
  };
}
