/**
 * Pushes versions, moves aliases, deletes versions and collects garbage until it is killed. Its arguments
 * are a repository's address and the version to begin with.
 * @module
 */
import { RepositoryBusyError } from "../../../src/repository/errors.ts";
import { openRepository } from "../../../src/repository/open.ts";
import { MODEL, push } from "../conformance.ts";
import { contentsOf, KEPT, LEASE_MS } from "./faults.ts";

const [address, first] = Deno.args;
const repository = await openRepository(address, { leaseMs: LEASE_MS });
console.log("ready");
for (let version = Number(first);; version++) {
  try {
    await step(version);
  } catch (error) { // a busy machine renews its leases late
    if (!(error instanceof RepositoryBusyError)) throw error;
  }
}

async function step(version: number): Promise<void> {
  await push(repository, contentsOf(version), { version });
  await repository.moveAlias(MODEL, "candidate", { version, by: "worker" });
  await repository.moveAlias(MODEL, "production", { version, by: "worker" });
  for (const old of await repository.versions(MODEL)) {
    if (old.version <= version - KEPT) await repository.deleteVersion(old);
  }
  if (version % 5 === 0) await repository.collectGarbage({ olderThanMs: 0 });
}
