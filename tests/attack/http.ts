/**
 * Attacks a real server: requests by the grammar, and pictures.
 * @module
 */
import { delay, type RunningServer } from "../serving/running_server.ts";
import { validRequest } from "./framing.ts";
import { MemoryWatch } from "./memory.ts";
import { pictureOf } from "./pictures.ts";
import { CaseRandom } from "./random.ts";
import { hasStack, MAX_MESSAGE_BYTES, type Part, type Report } from "./report.ts";
import { pictureRequest, requestOf } from "./requests.ts";
import { type Answer, Hang, type RawRequest, Wire } from "./wire.ts";

/** Which cases, and how. */
export interface Cases {
  first: number;
  count: number;
  signal: AbortSignal;
}

const DEADLINE_MS = 30_000;
/** Connections that send at the same time. */
const CONNECTIONS = 16;
/** How long a connection may be refused before the server counts as gone, in ms. */
const REFUSED_MS = 2_000;
/** How long after the last connection's end the exit of a server is known, in ms. */
const EXIT_MS = 50;
/** Lines and characters of the log that are shown of a server that ended. */
const SHOWN_LINES = 8, SHOWN_LINE = 300;

/** Sends all cases of a part to a server. */
export async function attackServer(
  report: Report,
  part: "http" | "pictures",
  server: RunningServer,
  { first, count, signal }: Cases,
): Promise<void> {
  const end = first + count, memory = new MemoryWatch(server.pid, count);
  /** Cases without an end; those at the end of the server keep none. */
  const running = new Set<number>();
  let next = first, done = 0;
  const sendAll = async () => {
    const wire = new Wire(server.port, DEADLINE_MS, signal);
    while (next < end && !signal.aborted && !server.exit()) {
      const index = next++;
      running.add(index);
      await sendCase(new CaseOf(report, part, index), wire, server);
      if (!server.exit()) running.delete(index);
      await memory.caseDone(++done);
    }
    wire.close();
  };
  await Promise.all(Array.from({ length: Math.min(CONNECTIONS, count) }, sendAll));
  if (signal.aborted) return; // Ctrl-C in a terminal stops the server too
  const exit = server.exit();
  if (exit) {
    const open = `while cases ${[...running].join()} ran, or a little before`;
    report.fail(part, next - 1, `${open}, ${endOf(exit, server.log())}`);
  } else report.memory(part, memory.growth(), next - 1);
}

/** How a server ended: code or signal, and the last lines of its log. */
export function endOf({ code, signal }: Deno.CommandStatus, log: string): string {
  const lines = log.trimEnd().split("\n").slice(-SHOWN_LINES);
  const shown = lines.map((line) => `\n      ${line.slice(0, SHOWN_LINE)}`).join("");
  const how = signal ? `by ${signal}` : `with code ${code}`;
  return `the server ended ${how}; its last lines:${shown}`;
}

/** Where the findings of one case go. */
class CaseOf {
  readonly #report: Report;
  readonly #part: "http" | "pictures";
  readonly #started = performance.now();

  constructor(report: Report, part: "http" | "pictures", readonly index: number) {
    this.#report = report;
    this.#part = part;
  }

  random(purpose = ""): CaseRandom {
    return new CaseRandom(this.#report.seed, this.#part + purpose, this.index);
  }

  request(): RawRequest {
    return this.#part === "http"
      ? requestOf(this.random(), this.index)
      : pictureRequest(pictureOf(this.random()), this.index);
  }

  count(outcome: string | number): void {
    this.#report.count(this.#part, `${outcome}`, performance.now() - this.#started);
  }

  fail(reason: string | undefined): void {
    if (reason) this.#report.fail(this.#part, this.index, reason);
  }
}

/** Sends a case, and a valid request after one that is not whole. */
async function sendCase(found: CaseOf, wire: Wire, server: RunningServer): Promise<void> {
  const request = found.request();
  const answers = await answersOf(found, wire, { request, server });
  if (!answers || wire.signal.aborted || await hasEnded(server, answers)) return;
  found.count(answers[0]?.status ?? (request.openMs ? "left open" : "closed without an answer"));
  const { whole, minAnswers = whole ? 1 : 0 } = request;
  if (answers.length < minAnswers) {
    found.fail(`${answers.length} answers to ${minAnswers} whole requests`);
  }
  for (const answer of answers) found.fail(faultOf(answer));
  if (request.isAmbiguous && answers[0]?.status < 400) {
    found.fail(`an ambiguous request was accepted: status ${answers[0].status}`);
  }
  if (whole) return;
  const valid = validRequest(found.random(" after"), found.index);
  const fresh = new Wire(wire.port, wire.deadlineMs, wire.signal);
  const after = await answersOf(found, fresh, { request: valid, server });
  fresh.close();
  if (!after || wire.signal.aborted || after[0]?.status === 200) return;
  if (await hasEnded(server, after)) return;
  found.fail(`a valid request after it got ${after[0]?.status ?? "no answer"}`);
}

/** Whether there is no answer because the server has ended, which is reported once. */
async function hasEnded(server: RunningServer, answers: readonly Answer[]): Promise<boolean> {
  if (answers.length === 0) await delay(EXIT_MS);
  return server.exit() !== undefined;
}

/** The answers to a request; undefined where the server hangs or is gone. */
async function answersOf(
  found: CaseOf,
  wire: Wire,
  { request, server }: { request: RawRequest; server: RunningServer },
): Promise<Answer[] | undefined> {
  for (const started = performance.now();;) {
    try {
      return await wire.send(request);
    } catch (error) {
      if (error instanceof Hang) {
        found.count("hang");
        return void found.fail(error.message);
      }
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      if (server.exit() || wire.signal.aborted) return undefined; // reported when all have ended
      if (performance.now() - started > REFUSED_MS) {
        return void found.fail(`connections were refused for ${REFUSED_MS} ms`);
      }
      await delay(100);
    }
  }
}

/** What an answer must not be. */
export function faultOf({ status, body }: Answer): string | undefined {
  if (status === 500 || Number.isNaN(status)) return `status ${status}: ${body.slice(0, 300)}`;
  if (status < 400) return undefined;
  if (body.length > MAX_MESSAGE_BYTES) {
    return `a message of ${body.length} bytes (at most ${MAX_MESSAGE_BYTES}): ${
      body.slice(0, 200)
    }`;
  }
  return hasStack(body) ? `a stack in the answer: ${body.slice(0, 300)}` : undefined;
}

/** Reads the log of the server for stacks and errors; each is a failure of the case that its id names. */
export function checkLog(report: Report, part: Part, log: string): void {
  const cases = new Map<string, number>();
  for (const line of log.split("\n")) {
    const id = /"requestId":"(case-(\d+)|[^"]*)"/.exec(line);
    if (id?.[2]) cases.set(id[1], Number(id[2]));
    const index = cases.get(id?.[1] ?? "") ?? -1;
    if (hasStack(`\n${line}`)) {
      report.fail(part, index, `a stack in the log: ${line.slice(0, 400)}`);
    } else if (/"status":500|^error: |panicked/.test(line)) {
      report.fail(part, index, `an error in the log: ${line.slice(0, 400)}`);
    } else if (line.length > MAX_MESSAGE_BYTES) {
      const of = `${line.length} characters (at most ${MAX_MESSAGE_BYTES})`;
      report.fail(part, index, `a line of the log of ${of}: ${line.slice(0, 200)}`);
    }
  }
}
