/**
 * Keeps a collection of garbage apart from versions that are being made, in a store that can change one
 * object at a time. Each side says that it is there and then looks for the other, so that at least one sees
 * the other: a maker waits for the collector to end, the collector for the makers. Who dies is forgotten
 * when its lease ends; who lives stops before.
 * @module
 */
import { RepositoryBusyError } from "../errors.ts";
import { pause } from "../poll.ts";
import type { ObjectStore } from "./object_store.ts";

/** How long a lease is, in milliseconds, and how long before its end its holder stops. */
const LEASE_MS = 120_000, MARGIN_MS = 60_000;
/** How long one side waits for the other. */
const WAIT_MS = 30_000;
const PAUSE_MS = 50;

const COLLECTOR = "leases/collector", MAKERS = "leases/makers/";

/** A lease that is held. */
export interface Lease {
  /** @throws {RepositoryBusyError} if it may end before what is to be done now has ended. */
  check(): void;
}

/** Does something while no garbage is collected. @throws {RepositoryBusyError} */
export async function whileMaking<T>(
  store: ObjectStore,
  work: (lease: Lease) => Promise<T>,
): Promise<T> {
  const key = `${MAKERS}${crypto.randomUUID()}`, deadline = performance.now() + WAIT_MS;
  for (;;) {
    const lease = startLease(store);
    await store.put(key, new Uint8Array(1));
    try {
      if (!await isHeld(store, COLLECTOR)) return await work(lease);
    } finally {
      await store.delete(key);
    }
    await waitUntil(deadline, store);
  }
}

/** Does something while no version is being made. @throws {RepositoryBusyError} */
export async function whileCollecting<T>(
  store: ObjectStore,
  work: (lease: Lease) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + WAIT_MS;
  let lease = startLease(store);
  while (!await claimCollector(store)) {
    await waitUntil(deadline, store);
    lease = startLease(store);
  }
  try {
    while (await areMaking(store)) await waitUntil(deadline, store);
    return await work(lease);
  } finally {
    await store.delete(COLLECTOR);
  }
}

/** Whether nobody else collects; who died is replaced by one of those who try. */
async function claimCollector(store: ObjectStore): Promise<boolean> {
  const other = await store.stat(COLLECTOR);
  if (other && other.ageMs < LEASE_MS) return false;
  const name = new TextEncoder().encode(crypto.randomUUID());
  return await store.put(COLLECTOR, name, { only: other ? { etag: other.etag } : "absent" });
}

function startLease({ address }: ObjectStore): Lease {
  const end = performance.now() + LEASE_MS - MARGIN_MS;
  return {
    check() {
      if (performance.now() < end) return;
      throw new RepositoryBusyError(
        `Cannot go on with ${address}: it must end within ${LEASE_MS - MARGIN_MS} ms; try again`,
      );
    },
  };
}

async function isHeld(store: ObjectStore, key: string): Promise<boolean> {
  const lease = await store.stat(key);
  return lease !== undefined && lease.ageMs < LEASE_MS;
}

async function areMaking(store: ObjectStore): Promise<boolean> {
  let areAny = false;
  for await (const { key, ageMs } of store.list(MAKERS)) {
    if (ageMs < LEASE_MS) areAny = true;
    else await store.delete(key);
  }
  return areAny;
}

async function waitUntil(deadline: number, { address }: ObjectStore): Promise<void> {
  if (performance.now() > deadline) {
    throw new RepositoryBusyError(
      `Cannot change ${address}: a collection of garbage and new versions wait for each other, for at most ${WAIT_MS} ms; try again`,
    );
  }
  await pause(PAUSE_MS * (1 + Math.random()));
}
