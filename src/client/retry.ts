/**
 * Tries again what failed for now: a broken connection, a service that is busy, stopping or out of reach.
 * @module
 */

/** A failure that another try may not have. */
export class PassingFailure extends Error {
  /** Always the same. */
  override name = "PassingFailure";

  /** A failure and its message. */
  constructor(
    message: string,
    /** What the service asked to wait, in milliseconds. */
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** How often and how soon it is tried again. */
export interface RetryOptions {
  /**
   * Tries in a row that may come to nothing before the failure is told.
   * @default 8
   */
  tries?: number;
  /**
   * Milliseconds before the second try; each next wait is twice as long, at most 10 s, less a random part so
   * that clients do not come all at once.
   * @default 200
   */
  firstWaitMs?: number;
  /** Hears of each failure that is tried again. */
  onRetry?(failure: PassingFailure, waitMs: number): void;
}

const DEFAULT_TRIES = 8, DEFAULT_FIRST_WAIT_MS = 200, LONGEST_WAIT_MS = 10_000;
/** The longest wait that a service may ask for. */
const LONGEST_ASKED_MS = 60_000;

/**
 * What `attempt` returns, tried again while it throws a {@linkcode PassingFailure}. `progressed` in it begins
 * the count of failures anew.
 * @throws {PassingFailure} the last one
 */
export async function withRetries<T>(
  attempt: (progressed: () => void) => Promise<T>,
  { tries = DEFAULT_TRIES, firstWaitMs = DEFAULT_FIRST_WAIT_MS, onRetry, signal }:
    & RetryOptions
    & { signal?: AbortSignal },
): Promise<T> {
  for (let failures = 0;;) {
    signal?.throwIfAborted();
    try {
      return await attempt(() => failures = 0);
    } catch (error) {
      if (!(error instanceof PassingFailure)) throw error;
      failures++;
      if (failures >= tries) throw error;
      const doubled = Math.min(LONGEST_WAIT_MS, firstWaitMs * 2 ** (failures - 1));
      const asked = Math.min(LONGEST_ASKED_MS, error.retryAfterMs ?? 0);
      const waitMs = Math.max(asked, doubled * (0.5 + Math.random() / 2));
      onRetry?.(error, waitMs);
      await wait(waitMs, signal);
    }
  }
}

/** The wait that an answer asks for in `Retry-After`, in milliseconds; undefined where it asks for none. */
export function retryAfterMs(headers: Headers): number | undefined {
  const seconds = Number(headers.get("retry-after") ?? NaN);
  return seconds >= 0 ? 1000 * seconds : undefined;
}

/** Resolves after some milliseconds. @throws the signal's reason when it is aborted before or meanwhile */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
