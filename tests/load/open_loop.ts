/**
 * Requests at a fixed rate, whether answers come or not. A latency counts from when a request was due and
 * not from when it could be sent, so that a stalled server is not asked less often and does not look well
 * (coordinated omission: Tene, "How NOT to Measure Latency", 2013).
 * @module
 */
import { delay } from "../serving/running_server.ts";
import type { Latencies } from "./latencies.ts";

/**
 * Sends requests for some time; resolves when all have ended.
 * @param send sends the `i`-th request; resolves to its outcome when its last byte is there
 * @param latencies hears of each
 */
export async function openLoop(
  send: (i: number) => Promise<string>,
  latencies: Latencies,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<void> {
  const started = performance.now(), count = Math.floor(perSecond * seconds);
  const pending = new Set<Promise<void>>();
  for (let i = 0; i < count; i++) {
    const due = started + 1000 * i / perSecond, wait = due - performance.now();
    if (wait > 0) await delay(wait);
    const one: Promise<void> = send(i).then((outcome) => {
      latencies.record(outcome, performance.now() - due);
      pending.delete(one);
    });
    pending.add(one);
  }
  await Promise.all(pending);
}

/** Asks for something again and again, with one request at a time, until `signal` aborts. */
export async function closedLoop(
  send: (i: number, signal: AbortSignal) => Promise<{ outcome: string; waitMs: number }>,
  latencies: Latencies,
  signal: AbortSignal,
): Promise<void> {
  for (let i = 0; !signal.aborted; i++) {
    const sent = performance.now(), { outcome, waitMs } = await send(i, signal);
    if (signal.aborted) return; // it was broken off
    latencies.record(outcome, performance.now() - sent);
    if (waitMs > 0) await delay(waitMs);
  }
}
