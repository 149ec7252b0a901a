/**
 * Attacks a real server: requests by the grammar, and pictures.
 * @module
 */
import type { RunningServer } from "../serving/running_server.ts";
import { pictureOf } from "./pictures.ts";
import { CaseRandom } from "./random.ts";
import { residentBytes } from "../resident.ts";
import { hasStack, MAX_MESSAGE_BYTES, type Part, type Report } from "./report.ts";
import { pictureRequest, requestOf } from "./requests.ts";
import { type Answer, Hang, Wire } from "./wire.ts";

/** Which cases, and how. */
export interface Cases {
  first: number;
  count: number;
  signal: AbortSignal;
}

const DEADLINE_MS = 30_000;
/** Connections that send at the same time. */
const CONNECTIONS = 16;
/** The part of the cases that are the warm-up of the server's memory. */
const WARM_UP = 0.25;

/** Sends all cases of a part to a server. */
export async function attackServer(
  report: Report,
  part: "http" | "pictures",
  server: RunningServer,
  { first, count, signal }: Cases,
): Promise<void> {
  let next = first, warm: number | undefined, last = first;
  const end = first + count, warmAt = first + Math.floor(count * WARM_UP);
  const sendAll = async () => {
    const wire = new Wire(server.port, DEADLINE_MS);
    while (next < end && !signal.aborted) {
      const index = last = next++;
      if (index === warmAt) warm = await residentBytes(server.pid);
      if (!await sendCase(report, part, wire, index)) next = end; // the server is gone
    }
    wire.close();
  };
  await Promise.all(Array.from({ length: Math.min(CONNECTIONS, count) }, sendAll));
  if (signal.aborted) return; // Ctrl-C in a terminal stops the server too
  const resident = await residentBytes(server.pid);
  if (resident === undefined) {
    report.fail(part, last, "the server has ended, at or a little before this case");
  } else if (warm !== undefined) report.memory(part, { warm, end: resident, last });
}

/** Sends a case; false where nobody listens any more. */
async function sendCase(
  report: Report,
  part: "http" | "pictures",
  wire: Wire,
  index: number,
): Promise<boolean> {
  const random = new CaseRandom(report.seed, part, index);
  const request = part === "http"
    ? requestOf(random, index)
    : pictureRequest(pictureOf(random), index);
  const started = performance.now(), elapsed = () => performance.now() - started;
  try {
    const answer = await wire.send(request);
    report.count(part, `${answer.status ?? "closed without an answer"}`, elapsed());
    const fault = request.whole && answer.status === undefined
      ? "closed without an answer to a whole request"
      : faultOf(answer);
    if (fault) report.fail(part, index, fault);
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    if (!(error instanceof Hang)) throw error;
    report.count(part, "hang", elapsed());
    report.fail(part, index, error.message);
  }
  return true;
}

/** What an answer must not be. */
export function faultOf({ status, body }: Answer): string | undefined {
  if (status === undefined) return undefined;
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
