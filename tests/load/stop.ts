/**
 * `deno task stop-drill`: SIGTERM to a server under full load, for three ways of starting it. Ends with
 * code 1 where an admitted request was not answered, an answer was cut and looked whole, or the process
 * did not end in time and with its code.
 * @module
 */
import { type Command, exitCodes, runCommand, runProgram } from "../../src/cli/command.ts";
import type { FlagValues } from "../../src/cli/flags.ts";
import { markdownTable } from "../bench/measure.ts";
import { startBy, startServer } from "../serving/running_server.ts";
import { GENERATIONS } from "./load.ts";
import { type Counts, type DrillReport, type Outcome, stopUnderLoad } from "./stop_drill.ts";

/** What npx itself ends with when it is signalled, at once; the server behind it goes on to its end. */
const NPX_CODE = 143;

/** How a server is started, and the code that tells of its end. */
const ways = [
  { name: "deno run", start: (...args: string[]) => startServer(...args), code: 0 },
  {
    name: "deno task",
    start: (...args: string[]) => startBy([Deno.execPath(), "task", "start"], args),
    code: 0,
  },
  {
    name: "npx",
    start: (...args: string[]) =>
      startBy(["npx", "-y", "deno@2.9.6", "task", "start"], args, { group: true }),
    code: NPX_CODE,
  },
];

const command: Command = {
  usage: "deno task stop-drill [flags]",
  about:
    "Stops a server under full load, once a way of starting it, and tells what became of requests.",
  flags: {
    seconds: { kind: "number", range: [2, 3600], help: "load before the stop (15)" },
    "grace-seconds": { kind: "number", range: [1, 3600], help: "the server's grace (10)" },
    generations: { kind: "integer", range: [0, 1000], help: "clients that generate (64)" },
    classifications: { kind: "integer", range: [0, 1000], help: "clients that classify (32)" },
    open: { kind: "integer", range: [0, 1000], help: "stalled, and half-sent connections (100)" },
    "broken-off": {
      kind: "integer",
      range: [0, 1000],
      help: "admitted requests that the grace may not suffice for (0)",
    },
    only: { kind: "string", choices: ways.map(({ name }) => name), help: "one way of starting" },
  },
  run,
};

async function run(flags: FlagValues): Promise<number> {
  const { seconds = 15, generations = 64, classifications = 32, open = 100 } = flags as Record<
    string,
    number
  >;
  const graceSeconds = (flags["grace-seconds"] ?? 10) as number;
  const brokenOff = (flags["broken-off"] ?? 0) as number;
  const faults: string[] = [], rows: string[][] = [];
  for (const { name, start, code } of ways) {
    if (flags.only !== undefined && flags.only !== name) continue;
    const server = await start("--grace-seconds", String(graceSeconds));
    const report = await stopUnderLoad(server, {
      generations: GENERATIONS,
      clients: { generate: generations, classify: classifications },
      open: { stalled: open, halfSent: open },
      seconds,
      graceSeconds,
    });
    rows.push([name, ...cells(report)]);
    const found = [
      ...report.faults,
      ...tooMany(report, "broken off", brokenOff),
      ...tooMany(report, "unanswered", 0),
      ...(report.code === code ? [] : [`it ended with code ${report.code}, not ${code}`]),
    ];
    faults.push(...found.map((fault) => `${name}: ${fault}`));
  }
  console.log(
    markdownTable([["started by", "generations", "classifications", "s", "code"], ...rows]),
  );
  for (const fault of faults) console.error(`fault: ${fault}`);
  return faults.length === 0 ? exitCodes.done : exitCodes.failed;
}

function tooMany({ generate, classify }: DrillReport, outcome: Outcome, allowed: number): string[] {
  const count = (generate.get(outcome) ?? 0) + (classify.get(outcome) ?? 0);
  return count > allowed ? [`${count} requests were ${outcome}, more than ${allowed}`] : [];
}

function cells({ generate, classify, seconds, code }: DrillReport): string[] {
  return [shown(generate), shown(classify), seconds.toFixed(1), String(code)];
}

function shown(counts: Counts): string {
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", ");
}

if (import.meta.main) await runProgram(() => runCommand(command, Deno.args));
