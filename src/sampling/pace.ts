/**
 * Long work in pieces short enough that timers, sockets and aborts run between them.
 * @module
 */

/** Milliseconds between two turns of the event loop. */
const TURN_MS = 15;
/** A piece is at most this many times as long as the one before it. */
const MAX_GROWTH = 8;

/** Chooses how much to do at once from how long it took before. */
export class Pace {
  /** Units of work to do next. */
  size = 1;
  #yieldedAt = performance.now();

  /** Told that a piece of `size` units began at `startedAt`; takes a turn when one is due. */
  async done(size: number, startedAt: number): Promise<void> {
    const now = performance.now();
    const fit = size * TURN_MS / Math.max(now - startedAt, 1e-3);
    this.size = Math.max(1, Math.floor(Math.min(fit, MAX_GROWTH * size)));
    if (now - this.#yieldedAt < TURN_MS / 2) return;
    await eventLoopTurn();
    this.#yieldedAt = performance.now();
  }
}

/** Lets timers, sockets and aborts run. */
export function eventLoopTurn(): Promise<void> {
  // A timer of 0 ms takes two; setImmediate takes none, where the platform has it.
  const soon: (run: () => void) => unknown = globalThis.setImmediate ?? setTimeout;
  return new Promise((resolve) => void soon(() => resolve()));
}
