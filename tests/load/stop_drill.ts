/**
 * A server that is told to stop under full load, with connections open that read nothing or have sent
 * half a request: what becomes of every request, and when the process ends.
 * @module
 */
import { connect, delay, type RunningServer } from "../serving/running_server.ts";

/** What a request came to. */
export type Outcome =
  /** The whole answer came. */
  | "answered"
  /** A stream ended before its last frame, and said so. */
  | "ended"
  /** 503: it was not admitted. */
  | "refused"
  /** Its answer had begun, and the connection was broken off. */
  | "broken off"
  /** The connection was closed before an answer. */
  | "unanswered";

/** What a drill puts on a server. */
export interface DrillOptions {
  /** Query strings of generations; clients take them in turn. */
  generations: readonly string[];
  /** Clients that generate, and clients that classify, each with one request at a time. */
  clients: { generate: number; classify: number };
  /** Connections that read nothing, and connections that have sent half a request. */
  open: { stalled: number; halfSent: number };
  /** Seconds of load before the stop. */
  seconds: number;
  /** Seconds that the server was given for its stop. */
  graceSeconds: number;
  /** Seconds that its end may come after the grace. @default 1 */
  lateSeconds?: number;
}

/** How many requests came to what. */
export type Counts = ReadonlyMap<Outcome, number>;

/** What a drill saw. */
export interface DrillReport {
  /** What became of the requests that were under way at the stop. */
  generate: Counts;
  classify: Counts;
  /** Seconds from the signal to the end of the process. */
  seconds: number;
  code: number;
  faults: string[];
}

/** Seconds that open connections are there before the stop. */
const OPEN_SECONDS = 1;
/** Of connections that stall, one in so many holds a place; so do those that have sent half a body. */
const HOLDS_PLACE = 5;
const PIPELINED = 500;
/** A connection may be broken off this much before the grace is over: clocks start apart. */
const CLOCK_MS = 100;
const digit = Uint8Array.from({ length: 784 }, (_, i) => (i * 37) % 256);
const head = "HTTP/1.1\r\nHost: localhost\r\n";
const halfBody = `POST /classify ${head}Content-Type: application/octet-stream\r\n` +
  "Content-Length: 784\r\n\r\nabc";

/** Runs a drill; the server has ended after it. */
export async function stopUnderLoad(
  server: RunningServer,
  { generations, clients, open, seconds, graceSeconds, lateSeconds = 1 }: DrillOptions,
): Promise<DrillReport> {
  const generate = new Map<Outcome, number>(), classify = new Map<Outcome, number>();
  const faults: string[] = [];
  let stoppedAt = Infinity;
  /** One client: asks again and again until the stop, and tells what the last request came to. */
  const client = async (send: (i: number) => Promise<Outcome>, outcomes: Map<Outcome, number>) => {
    for (let i = 0;; i++) {
      const outcome = await send(i);
      const sinceStopMs = performance.now() - stoppedAt;
      const isEarly = sinceStopMs < 1000 * graceSeconds - CLOCK_MS;
      if (outcome === "broken off" && isEarly) faults.push("an answer was broken off in the grace");
      if (stoppedAt === Infinity) {
        if (["ended", "unanswered"].includes(outcome)) faults.push(`${outcome} before the stop`);
        continue;
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      return;
    }
  };
  const request = async (path: string, init: RequestInit = {}) => {
    const { outcome, fault } = await ask(server.origin + path, init);
    if (fault) faults.push(fault);
    return outcome;
  };
  const octets = { "content-type": "application/octet-stream" };
  const running = [
    ...Array.from({ length: clients.generate }, (_, c) =>
      client(
        (i) => request(`/generate?${generations[(c + i) % generations.length]}`),
        generate,
      )),
    ...Array.from({ length: clients.classify }, () =>
      client(
        () => request("/classify", { method: "POST", headers: octets, body: digit }),
        classify,
      )),
  ];
  await delay(1000 * (seconds - OPEN_SECONDS));
  const idle = await Promise.all([
    ...Array.from({ length: open.stalled }, (_, i) =>
      connect(
        server.port,
        i % HOLDS_PLACE === 0
          ? `GET /generate?format=sse&n=10&steps=1000&thin=1&scale=1 ${head}\r\n`
          : `GET /model ${head}\r\n`.repeat(PIPELINED),
      )),
    ...Array.from(
      { length: open.halfSent },
      (_, i) => connect(server.port, i % HOLDS_PLACE === 0 ? halfBody : `GET /gener`),
    ),
  ]);
  await delay(1000 * OPEN_SECONDS);
  stoppedAt = performance.now();
  const { code, ms } = await server.stop();
  await Promise.all(running);
  for (const connection of idle) connection.close();
  if (ms > 1000 * (graceSeconds + lateSeconds)) {
    faults.push(`it took ${(ms / 1000).toFixed(1)} s to end, with a grace of ${graceSeconds} s`);
  }
  if (!/^stopped/m.test(server.log())) faults.push("its log does not tell that it has stopped");
  if (/"error":/.test(server.log())) faults.push("its log has an unexpected error");
  return { generate, classify, seconds: ms / 1000, code, faults };
}

/** One request to its end, and what is wrong with it. */
async function ask(
  url: string,
  init: RequestInit,
): Promise<{ outcome: Outcome; fault?: string }> {
  let response: Response | undefined;
  try {
    response = await fetch(url, init);
    const body = await response.bytes();
    if (response.status === 503) return { outcome: "refused" };
    if (response.status === 200) return outcomeOf(response.headers.get("content-type") ?? "", body);
    return { outcome: "answered", fault: `${url} was answered with ${response.status}` };
  } catch (error) { // fetch tells neither by a class of its own
    if (!(error instanceof TypeError || error instanceof Error && error.name === "Http")) {
      throw error;
    }
    return { outcome: response ? "broken off" : "unanswered" };
  }
}

/** Whether an answer that looks whole to HTTP is whole. */
function outcomeOf(type: string, body: Uint8Array): { outcome: Outcome; fault?: string } {
  const text = new TextDecoder("latin1").decode(body); // what is looked for is ASCII
  const isWhole = {
    "image/png": () => text.slice(-8, -4) === "IEND",
    "text/event-stream": () => /\n\n$/.test(text) && text.includes("\nevent: done\n"),
    "application/json": () => text.endsWith("}"),
  }[type.split(";")[0]];
  if (isWhole?.()) return { outcome: "answered" };
  if (/(^|\n)event: error\n[^\n]*"reason":"stopping"[^\n]*\n/.test(text)) {
    return { outcome: "ended" };
  }
  return {
    outcome: "answered",
    fault: `an answer of ${type} was cut to ${body.length} bytes and looked whole`,
  };
}
