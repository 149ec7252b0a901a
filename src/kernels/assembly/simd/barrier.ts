/**
 * Workers that run one kernel together: shares of the work, and barriers between its phases.
 *
 * A kernel cuts its work into shares whose results do not depend on who makes them, so any number of
 * workers gives the same bits.
 * @module
 */

/** Loads before a waiting worker sleeps: tens of microseconds. */
const SPINS: i32 = 20000;

/** Bytes between words that different workers write: two cache lines, which processors fetch in pairs. */
export const BARRIER_LINE_BYTES: i32 = 128;

/** Where the two counters of claimed shares begin: apart from the fields that are read all the time. */
const CLAIMED: usize = 64;

/**
 * A barrier: a line of these fields and of two counters, then a line a worker with the phases that it has
 * finished.
 */
// @ts-ignore: decorator
@unmanaged
export class Barrier {
  workers: i32;
  sleeping: i32;
}

/** The barrier wait: returns when every worker has called it. What they wrote before is seen by all after. */
export function waitForAll(b: Barrier, worker: i32): void {
  const workers = b.workers;
  if (workers == 1) return;
  const at = changetype<usize>(b), own = at + BARRIER_LINE_BYTES * (1 + worker);
  const phase = atomic.load<i32>(own) + 1;
  if (worker == 0) atomic.store<i32>(claimed(at, phase), 0); // last used two phases ago, by nobody now
  atomic.store<i32>(own, phase);
  if (atomic.load<i32>(at, offsetof<Barrier>("sleeping"))) atomic.notify(own, -1);
  for (let other = 0; other < workers; other++) {
    const slot = at + BARRIER_LINE_BYTES * (1 + other);
    let spin = 0;
    while (atomic.load<i32>(slot) - phase < 0) {
      if (++spin < SPINS) continue;
      atomic.add<i32>(at, 1, offsetof<Barrier>("sleeping"));
      const seen = atomic.load<i32>(slot);
      if (seen - phase < 0) atomic.wait<i32>(slot, seen, -1);
      atomic.sub<i32>(at, 1, offsetof<Barrier>("sleeping"));
    }
  }
}

// @inline
function claimed(barrier: usize, phase: i32): usize {
  return barrier + CLAIMED + ((phase & 1) << 2);
}

/**
 * The next share of this phase that no worker has claimed, from 0; `previous` is what this one had, −1 at
 * first. A worker whose core is slowed down claims fewer. For one loop between two barrier waits.
 */
export function claimShare(b: Barrier, worker: i32, previous: i32): i32 {
  if (b.workers == 1) return previous + 1;
  const at = changetype<usize>(b), phase = atomic.load<i32>(at + BARRIER_LINE_BYTES * (1 + worker));
  return atomic.add<i32>(claimed(at, phase), 1);
}

/** Where the share of a worker begins, of `count` things; the next worker's begins where it ends. */
// @inline
export function shareStart(count: i32, worker: i32, workers: i32): i32 {
  return count * worker / workers;
}
