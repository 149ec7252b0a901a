/**
 * What a running server does for clients that classify and generate: throughput over HTTP, and memory
 * after it.
 * @module
 */
import { type RunningServer, startBy, startCommand } from "../serving/running_server.ts";
import { residentBytes } from "../resident.ts";

/** Clients that each send one image after the other. */
const CLIENTS = 32;
/** Time for a server to settle before it is measured, and to measure. */
const SETTLE_MS = 1500, MEASURE_MS = 3000;

/**
 * Milliseconds a classification, 32 at a time, the server otherwise idle; and its resident memory in MiB
 * after that and one generation of 100 chains.
 * @param root the checkout that serves
 */
export async function served(root: string): Promise<{ ms: number; mib: number }> {
  const server = await startBy(await startCommand(root), [], { directory: root });
  await (await fetch(`${server.origin}/generate?n=100&steps=500&seed=1`)).bytes();
  await classifyFor(server, SETTLE_MS);
  const count = await classifyFor(server, MEASURE_MS);
  const mib = (await residentBytes(server.pid) ?? NaN) / 2 ** 20;
  await server.stop();
  return { ms: MEASURE_MS / count, mib };
}

/** How many images were classified in that time. */
async function classifyFor({ origin }: RunningServer, ms: number): Promise<number> {
  const end = performance.now() + ms, body = new Uint8Array(784).map((_, i) => (i * 37) % 256);
  const headers = { "content-type": "application/octet-stream" };
  let count = 0;
  const client = async () => {
    while (performance.now() < end) {
      const response = await fetch(`${origin}/classify`, { method: "POST", headers, body });
      await response.bytes();
      if (!response.ok) {
        throw new Error(`Cannot measure: a classification ended ${response.status}`);
      }
      count++;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return count;
}
