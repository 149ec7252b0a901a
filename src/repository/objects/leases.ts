/**
 * Keeps a collection of garbage apart from versions that are being made, in a store that can change one
 * object at a time. Each side says that it is there and then looks for the other, so that at least one sees
 * the other: a maker waits for the collector to end, the collector for the makers. What says it is a lease,
 * an object that its holder renews: who dies is forgotten a lease later, who cannot renew stops before.
 * @module
 */
import { RepositoryBusyError, RepositoryUnreachableError } from "../errors.ts";
import { pause } from "../poll.ts";
import type { ObjectStore } from "./object_store.ts";

/** A lease that has begun. */
export interface Lease {
  /** @throws {RepositoryBusyError} if it may end before what is to be done now has ended. */
  check(): void;
}

/** Where leases lie, and how long one is. */
export interface LeaseOptions {
  store: ObjectStore;
  /**
   * How long who died is waited for, in milliseconds: six times the longest request.
   * @default 60000
   */
  leaseMs?: number;
}

const DEFAULT_LEASE_MS = 60_000;
/** Parts of a lease: between two renewals, and after the last one in which something may begin. */
const RENEWALS = 12, FRESH = 1 / 6;
/** A lease and a bit is waited for the other side. */
const WAITED = 1.25;
/** How long a collector that waits keeps new makers out, in milliseconds. */
const DRAIN_MS = 2000;
const PAUSE_MS = 50;

const COLLECTOR = "leases/collector", MAKERS = "leases/makers/";

/** Does something while no garbage is collected. @throws {RepositoryBusyError} */
export async function whileMaking<T>(
  options: LeaseOptions,
  work: (lease: Lease) => Promise<T>,
): Promise<T> {
  const { store, leaseMs = DEFAULT_LEASE_MS } = options;
  const deadline = performance.now() + WAITED * leaseMs;
  for (;;) {
    const held = new HeldLease(store, `${MAKERS}${crypto.randomUUID()}`, leaseMs);
    await store.put(held.key, held.name);
    try {
      const collector = await store.stat(COLLECTOR);
      if (!collector || collector.ageMs >= leaseMs) return await work(held);
    } finally {
      await held.end();
    }
    await waitUntil(deadline, store);
  }
}

/** Does something while no version is being made. @throws {RepositoryBusyError} */
export async function whileCollecting<T>(
  options: LeaseOptions,
  work: (lease: Lease) => Promise<T>,
): Promise<T> {
  const { store, leaseMs = DEFAULT_LEASE_MS } = options;
  const deadline = performance.now() + WAITED * leaseMs;
  for (;;) {
    const held = await claimCollector(store, leaseMs);
    try {
      if (held && await areMakersGone(store, leaseMs)) return await work(held);
    } finally {
      await held?.end();
    }
    await waitUntil(deadline, store);
  }
}

/** A lease that is renewed until its end. */
class HeldLease implements Lease {
  readonly name = new TextEncoder().encode(crypto.randomUUID());
  #renewed = performance.now();
  #renewing: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setInterval>;

  constructor(
    private readonly store: ObjectStore,
    readonly key: string,
    private readonly leaseMs: number,
  ) {
    this.#timer = setInterval(() => this.#renewing = this.#renew(), leaseMs / RENEWALS);
  }

  check(): void {
    if (this.#isFresh()) return;
    throw new RepositoryBusyError(
      `Cannot go on with ${this.store.address}: it did not answer for ${
        FRESH * this.leaseMs
      } ms; try again`,
    );
  }

  /** Ends one that was never written. */
  abandon(): void {
    clearInterval(this.#timer);
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    if (this.#isFresh()) await this.store.delete(this.key); // else it may be another's
  }

  #isFresh(): boolean {
    return performance.now() - this.#renewed < FRESH * this.leaseMs;
  }

  /** Writes it again, if it is still its own. */
  async #renew(): Promise<void> {
    const began = performance.now();
    try {
      const held = await this.store.get(this.key, this.name.length);
      if (!held?.bytes.every((byte, i) => byte === this.name[i])) return;
      const only = { etag: held.etag };
      if (await this.store.put(this.key, this.name, { only })) this.#renewed = began;
    } catch (error) { // then it grows old
      if (!(error instanceof RepositoryUnreachableError)) throw error;
    }
  }
}

/** A collector's lease, undefined while another has it; who died is replaced by one of those who try. */
async function claimCollector(store: ObjectStore, leaseMs: number): Promise<HeldLease | undefined> {
  const other = await store.stat(COLLECTOR);
  if (other && other.ageMs < leaseMs) return undefined;
  const held = new HeldLease(store, COLLECTOR, leaseMs);
  let isHeld = false;
  try {
    const only = other ? { etag: other.etag } : "absent";
    isHeld = await store.put(COLLECTOR, held.name, { only });
  } finally {
    if (!isHeld) held.abandon();
  }
  return isHeld ? held : undefined;
}

/** Whether all makers end soon. */
async function areMakersGone(store: ObjectStore, leaseMs: number): Promise<boolean> {
  for (const end = performance.now() + DRAIN_MS;; await pause(PAUSE_MS)) {
    let areAny = false;
    for await (const { key, ageMs } of store.list(MAKERS)) {
      if (ageMs < leaseMs) areAny = true;
      else await store.delete(key);
    }
    if (!areAny) return true;
    if (performance.now() > end) return false;
  }
}

async function waitUntil(deadline: number, { address }: ObjectStore): Promise<void> {
  if (performance.now() > deadline) {
    throw new RepositoryBusyError(
      `Cannot change ${address}: a collection of garbage and new versions wait for each other; try again`,
    );
  }
  await pause(PAUSE_MS * (1 + 9 * Math.random()));
}
