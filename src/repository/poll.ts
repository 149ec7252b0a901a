/**
 * Changes noticed by looking again and again, at times that differ between those who look.
 * @module
 */
import { CorruptFileError, RepositoryUnreachableError } from "./errors.ts";

/** How changes are noticed where nobody tells of them. */
export interface PollOptions {
  /**
   * Mean time between two looks, in milliseconds; each is 0.8 to 1.2 times that. A store that does not
   * answer is asked less and less often, down to a tenth.
   */
  intervalMs: number;
  signal: AbortSignal;
}

const MAX_BACKOFF = 10;

/**
 * Yields at once, and then whenever `look` gives another text than before, until the signal.
 * @param look says what is there now, in as few bytes as tell one state from another.
 */
export async function* pollChanges(
  look: () => Promise<string>,
  { intervalMs, signal }: PollOptions,
): AsyncGenerator<void> {
  let last: string | undefined, backoff = 1;
  while (!signal.aborted) {
    try {
      const now = await look();
      backoff = 1;
      if (signal.aborted) return;
      if (now !== last) yield;
      last = now;
    } catch (error) {
      const isPassing = error instanceof RepositoryUnreachableError ||
        error instanceof CorruptFileError;
      if (!isPassing) throw error;
      backoff = Math.min(2 * backoff, MAX_BACKOFF);
    }
    await pause(intervalMs * backoff * (0.8 + 0.4 * Math.random()), signal);
  }
}

/** Waits, no longer than until the signal; keeps no process alive. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}
