/**
 * Kills a store's server again and again while versions are pushed to it, and starts it on the same data.
 * @module
 */
import { RepositoryUnreachableError } from "../../../src/repository/errors.ts";
import { openRepository } from "../../../src/repository/open.ts";
import { pause } from "../../../src/repository/poll.ts";
import type { ModelRepository } from "../../../src/repository/repository.ts";
import { MODEL, push } from "../conformance.ts";
import type { Server } from "../servers/servers.ts";
import { checkAll, contentsOf, type Faults, LEASE_MS } from "./faults.ts";

const MAX_LIFE_MS = 1500;

/**
 * Pushes to a server that is killed so often; every push that failed is repeated.
 * @throws {AssertionError} naming what is not whole
 */
export async function killServer(
  server: Server,
  address: string,
  kills: number,
): Promise<Faults & { versions: number }> {
  const repository = await openRepository(address, { leaseMs: LEASE_MS });
  const faults = { kills, checked: 0, completed: 0, versions: 0 };
  let isKilling = true;
  const killing = (async () => {
    for (let kill = 0; kill < kills; kill++) {
      await pause(Math.random() * MAX_LIFE_MS);
      await server.restart();
    }
    isKilling = false;
  })();
  for (let version = 1; isKilling; version++) {
    while (!await tryPush(repository, version)) faults.completed++;
    faults.versions = version;
  }
  await killing;
  faults.checked = await checkAll(repository);
  repository.close();
  return faults;
}

/** Pushes a version and names it. @returns whether the store answered */
async function tryPush(repository: ModelRepository, version: number): Promise<boolean> {
  try {
    await push(repository, contentsOf(version), { version });
    await repository.moveAlias(MODEL, "production", { version, by: "test" });
    return true;
  } catch (error) {
    if (!(error instanceof RepositoryUnreachableError)) throw error;
    return false;
  }
}
