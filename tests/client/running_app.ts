/** Servers on the loopback that clients of the tests call: the app over a small model, or any handler. */
import type { AppOptions } from "../../src/http/service.ts";
import { testApp } from "../http/harness.ts";

/** A server that is stopped in the end. */
export function serveBy(handler: (request: Request) => Response | Promise<Response>) {
  const seen: Request[] = [];
  const closing = new AbortController(), { signal } = closing;
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {}, signal },
    (request) => {
      seen.push(request);
      return handler(request);
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    /** Requests that it got. */
    seen,
    /** Ends without waiting for what is under way. */
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      await server.finished;
    },
  };
}

/** The service over a small model. */
export function serveApp(options: Partial<AppOptions> = {}) {
  const { app, log } = testApp(options);
  return { ...serveBy((request) => app.fetch(request)), app, log };
}

/** How many chains and classifications the service computes. */
export async function running(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(/^dbn_running\{.*\} (\d+)$/gm)]
    .reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Resolves when a condition holds. @throws {Error} if it does not within 5 s */
export async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 250; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("It did not come true in 5 s");
}

/**
 * A server of raw bytes, which closes the connection behind them: what a server leaves that is killed.
 * @param answer the bytes, headers included
 */
export function serveBytes(answer: string) {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(65536));
      await connection.write(new TextEncoder().encode(answer));
      connection.close();
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await serving;
    },
  };
}

/** An address that nobody listens at. */
export function closedAddress(): string {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" }), { port } = listener.addr;
  listener.close();
  return `http://127.0.0.1:${port}`;
}
