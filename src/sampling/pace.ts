/**
 * Long work in pieces short enough that timers, sockets and aborts run between them.
 * @module
 */

/** Milliseconds between two turns of the event loop. */
const TURN_MS = 8;
/** A piece is at most this many times as long as the one before it. */
const MAX_GROWTH = 8;

/** Chooses how much to do at once from how long it took before. */
export class Pace {
  /** Units of work to do next. */
  size = 1;
  readonly #turn: () => Promise<void>;
  #yieldedAt = performance.now();

  /** @param turn lets others go on; a turn of the event loop if left out */
  constructor(turn: () => Promise<void> = eventLoopTurn) {
    this.#turn = turn;
  }

  /** Told that a piece of `size` units began at `startedAt`; takes a turn when one is due. */
  async done(size: number, startedAt: number): Promise<void> {
    const now = performance.now();
    const fit = size * TURN_MS / Math.max(now - startedAt, 1e-3);
    this.size = Math.max(1, Math.floor(Math.min(fit, MAX_GROWTH * size)));
    if (now - this.#yieldedAt < TURN_MS / 2) return;
    await this.#turn();
    this.#yieldedAt = performance.now();
  }
}

/**
 * Lets timers, sockets and aborts run. A timer, though it takes 2 ms: in Deno 2.9.6 neither setImmediate
 * nor a message to oneself lets sockets be polled, and a health check would wait for seconds.
 */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 0));
}
