/**
 * `deno task load`: a server of its own under generations at their bounds, while others classify and ask
 * for its health at a fixed rate. Ends with code 1 where latency, an outcome or memory is out of bounds.
 * @module
 */
import { type Command, exitCodes, runCommand, runProgram } from "../../src/cli/command.ts";
import type { FlagValues } from "../../src/cli/flags.ts";
import { markdownTable, median } from "../bench/measure.ts";
import { startServer } from "../serving/running_server.ts";
import { Latencies } from "./latencies.ts";
import { measureLeaving } from "./leaving.ts";
import { closedLoop, openLoop } from "./open_loop.ts";
import { residentBytes } from "../resident.ts";

/** Each generation at a bound of its own: images, steps, a stream. */
export const GENERATIONS = [
  "n=100&steps=1000",
  "n=10&steps=10000",
  "n=10&steps=1000&thin=20&format=sse",
];
/** What a busy server may answer: the answer, or that it is busy. */
const ALLOWED = ["200", "503"];
/** Memory at the end is compared with that from this many seconds on, or from a third of a shorter run on. */
const SETTLED_SECONDS = 180;
/**
 * How much of a run is looked at for either: memory is a saw-tooth of V8's collections, minutes long and an
 * eighth high, so that ten seconds tell the phase and not the level.
 */
const WINDOW = 1 / 6;
/** How many levels of memory a run tells. */
const TOLD = 10;
/** In a run shorter than this memory is still settling, and is told but not compared. */
const COMPARED_SECONDS = 2 * SETTLED_SECONDS;
const MAX_GROWTH = 1.1;
/** How often a client leaves, and how soon its place must be another's. */
const LEAVING_ROUNDS = 40, MAX_LEAVING_MS = 50;
/** How long a client waits for an answer: four generations at their bound, on half of a busy machine. */
const DEADLINE_MS = 120_000;
const digit = Uint8Array.from({ length: 784 }, (_, i) => (i * 37) % 256);

const command: Command = {
  usage: "deno task load [flags]",
  about: "Puts a server of its own under load and tells latencies, outcomes and memory.",
  flags: {
    seconds: { kind: "integer", range: [5, 86400], help: "how long (30)" },
    generations: { kind: "integer", range: [0, 1000], help: "clients that generate (64)" },
    classifications: { kind: "number", range: [0, 10000], help: "requests a second (100)" },
    "health-ms": { kind: "number", range: [0, 60000], help: "p99 of health at most (20)" },
    "classify-ms": {
      kind: "number",
      range: [0, 60000],
      help: "p99 of classification at most (60)",
    },
  },
  run,
};

async function run(flags: FlagValues): Promise<number> {
  const { seconds = 30, generations = 64, classifications = 100 } = flags as Record<string, number>;
  const server = await startServer();
  await ask(`${server.origin}/generate?steps=1`); // so that the worker has taken over
  const health = new Latencies("health"), classify = new Latencies("classify");
  const generate = new Latencies("generate"), leaving = new AbortController();
  const memory: number[] = [];
  const sampling = setInterval(async () => {
    const bytes = await residentBytes(server.pid);
    if (bytes !== undefined) memory.push(bytes / 2 ** 20);
  }, 1000);
  const generating = Array.from(
    { length: generations },
    (_, client) =>
      closedLoop(
        (i, signal) =>
          ask(`${server.origin}/generate?${GENERATIONS[(client + i) % GENERATIONS.length]}`, {
            signal,
          }),
        generate,
        leaving.signal,
      ),
  );
  const classification = {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: digit,
  };
  await Promise.all([
    openLoop(
      async () => (await ask(`${server.origin}/health/live`)).outcome,
      health,
      { perSecond: 20, seconds },
    ),
    openLoop(
      async () => (await ask(`${server.origin}/classify`, classification)).outcome,
      classify,
      { perSecond: classifications, seconds },
    ),
  ]);
  clearInterval(sampling);
  leaving.abort();
  await Promise.all(generating);
  const leave = new Latencies("place after leaving");
  await measureLeaving(server.origin, leave, LEAVING_ROUNDS);
  const { code } = await server.stop();

  const kinds = [health, classify, generate, leave];
  console.log(latencyTable(kinds));
  const window = Math.ceil(seconds * WINDOW);
  const settled = level(memory, Math.floor(Math.min(SETTLED_SECONDS, seconds / 3)), window);
  const last = level(memory, memory.length - window, window);
  console.log(
    `\nmemory: ${settled.toFixed(0)} MiB when settled, ${last.toFixed(0)} MiB at the end; ` +
      `${levels(memory).join(", ")} MiB in tenths of the run`,
  );
  const faults = [
    ...unexpected(kinds),
    ...tooSlow(health, (flags["health-ms"] ?? 20) as number),
    ...tooSlow(classify, (flags["classify-ms"] ?? 60) as number),
    ...tooSlow(leave, MAX_LEAVING_MS),
    ...(seconds >= COMPARED_SECONDS && last > MAX_GROWTH * settled
      ? [`memory grew by ${(100 * (last / settled - 1)).toFixed(0)} %, more than 10 %`]
      : []),
    ...(code === 0 ? [] : [`the server ended with code ${code}`]),
  ];
  for (const fault of faults) console.error(`fault: ${fault}`);
  return faults.length === 0 ? exitCodes.done : exitCodes.failed;
}

/** One request to its last byte: its status, or what came instead, and how long to wait before the next. */
async function ask(url: string, init: RequestInit = {}) {
  const signals = [AbortSignal.timeout(DEADLINE_MS), ...(init.signal ? [init.signal] : [])];
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.any(signals) });
    for await (const _ of response.body ?? []) { /* read, and kept by nobody */ }
    const waitMs = 1000 * Number(response.headers.get("retry-after") ?? 0);
    return { outcome: String(response.status), waitMs };
  } catch (error) {
    return { outcome: `${(error as Error).name}: ${(error as Error).message}`, waitMs: 1000 };
  }
}

/** The median of the samples, one a second, from a second on. */
function level(memory: readonly number[], from: number, seconds: number): number {
  return median(memory.slice(Math.max(0, from), Math.max(0, from) + seconds));
}

/** Levels of equal parts of a run, one after the other, in whole MiB. */
function levels(memory: readonly number[]): string[] {
  const length = Math.max(1, Math.ceil(memory.length / TOLD));
  const starts = Array.from({ length: Math.ceil(memory.length / length) }, (_, i) => i * length);
  return starts.map((from) => level(memory, from, length).toFixed(0));
}

function latencyTable(kinds: readonly Latencies[]): string {
  return markdownTable([
    ["ms", "requests", "outcomes", "p50", "p90", "p99", "p99.9", "longest"],
    ...kinds.map((latencies) => [
      latencies.kind,
      String(latencies.count),
      latencies.outcomes().map(([outcome, count]) => `${outcome}: ${count}`).join(", "),
      ...[50, 90, 99, 99.9, 100].map((percent) => latencies.percentile(percent).toFixed(1)),
    ]),
  ]);
}

function unexpected(kinds: readonly Latencies[]): string[] {
  return kinds.flatMap((latencies) =>
    latencies.outcomes()
      .filter(([outcome]) => !ALLOWED.includes(outcome))
      .map(([outcome, count]) => `${latencies.kind} ended ${count} times with ${outcome}`)
  );
}

function tooSlow(latencies: Latencies, bound: number): string[] {
  const p99 = latencies.percentile(99);
  if (!(p99 > bound)) return [];
  return [`${latencies.kind} has a p99 of ${p99.toFixed(1)} ms, more than ${bound}`];
}

if (import.meta.main) await runProgram(() => runCommand(command, Deno.args));
