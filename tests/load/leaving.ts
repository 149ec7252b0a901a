/**
 * How soon a client that leaves frees its place for the next one.
 * @module
 */
import { defaultBounds } from "../../src/http/bounds.ts";
import { delay } from "../serving/running_server.ts";
import type { Latencies } from "./latencies.ts";

/** A generation that runs for seconds, so that none ends by itself meanwhile. */
const LONG = "/generate?n=10&steps=10000";
/** Time for a request to reach the queue. */
const QUEUED_MS = 100;

/**
 * Fills all places; then, again and again, one more client waits, and one that has a place leaves.
 * @param latencies hears of the time from leaving to the first byte for who waited, in ms
 */
export async function measureLeaving(
  origin: string,
  latencies: Latencies,
  rounds: number,
): Promise<void> {
  const clients: Client[] = [];
  for (let i = 0; i < defaultBounds.maxRunning; i++) clients.push(await admitted(origin));
  for (let i = 0; i < rounds; i++) {
    const waiting = new Client(origin);
    await delay(QUEUED_MS);
    const left = performance.now();
    clients.shift()!.leave();
    latencies.record(await waiting.status, performance.now() - left);
    clients.push(waiting);
  }
  for (const client of clients) client.leave();
}

/** A client that has a place: it asks again while there is none. */
async function admitted(origin: string): Promise<Client> {
  for (;;) {
    const client = new Client(origin);
    if (await client.status === "200") return client;
    client.leave();
    await delay(QUEUED_MS);
  }
}

/** One generation, until its client leaves. */
class Client {
  /** The status of the answer, which comes with a place. */
  readonly status: Promise<string>;
  readonly #leaving = new AbortController();

  constructor(origin: string) {
    const { signal } = this.#leaving;
    this.status = fetch(origin + LONG, { signal }).then((response) => {
      response.bytes().catch(ignoreLeaving);
      return String(response.status);
    });
  }

  leave(): void {
    this.#leaving.abort();
  }
}

/** A body that its client has left is not wanted. */
function ignoreLeaving(error: unknown): void {
  if ((error as Error).name !== "AbortError") throw error;
}
