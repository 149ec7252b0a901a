/**
 * `deno task switch-drill`: versions are pushed to a server under load, promoted and taken back. Ends with
 * code 1 where a request failed, a version answered that may not, or a switch slowed answers or took long.
 * @module
 */
import { type Command, exitCodes, runCommand, runProgram } from "../../src/cli/command.ts";
import type { FlagValues } from "../../src/cli/flags.ts";
import { markdownTable, median } from "../bench/measure.ts";
import { copyCheckout, makeTemporary, writeScaledVersions } from "../serving/checkout.ts";
import type { Latencies } from "./latencies.ts";
import { type SwitchReport, switchUnderLoad } from "./switch_drill.ts";

/** What a switch may do to the p99 of answers, and how long going back may take in the median. */
const MAX_SLOWDOWN = 3, MAX_ROLLBACK_MS = 50;
/** Versions after which as many are loaded as stay so, and how much memory may grow from there. */
const SETTLED_VERSIONS = 3, MAX_GROWTH = 1.15;

const command: Command = {
  usage: "deno task switch-drill [flags]",
  about: "Pushes versions to a server under load, promotes them and takes them back.",
  flags: {
    rounds: { kind: "integer", range: [1, 100], help: "versions that are pushed (5)" },
    classifications: { kind: "integer", range: [1, 1000], help: "clients that classify (28)" },
    generations: { kind: "integer", range: [0, 1000], help: "clients that generate (4)" },
    "quiet-seconds": { kind: "number", range: [0.1, 3600], help: "between moves (2)" },
  },
  run,
};

async function run(flags: FlagValues): Promise<number> {
  const { rounds = 5, classifications = 28, generations = 4 } = flags as Record<string, number>;
  await using checkout = await copyCheckout();
  await using versions = await makeTemporary();
  const report = await switchUnderLoad({
    checkout: checkout.path,
    versions: await writeScaledVersions(versions.path, rounds),
    clients: { classify: classifications, generate: generations },
    quietSeconds: (flags["quiet-seconds"] ?? 2) as number,
  });
  console.log(table(report));
  const faults = [...report.faults, ...outOfBounds(report)];
  for (const fault of faults) console.error(`fault: ${fault}`);
  return faults.length === 0 ? exitCodes.done : exitCodes.failed;
}

function outOfBounds(report: SwitchReport): string[] {
  const { before, during, rollbacks, firstAnswers, memory } = report;
  const slowdown = during.percentile(99) / before.percentile(99);
  const back = median(rollbacks), first = median(firstAnswers);
  const growth = memory.length > SETTLED_VERSIONS
    ? memory.at(-1)! / memory[SETTLED_VERSIONS - 1]
    : 1;
  const bounds: [what: string, got: number, bound: number][] = [
    ["p99 during a switch, in times that before", slowdown, MAX_SLOWDOWN],
    ["ms of going back", back, MAX_ROLLBACK_MS],
    ["ms until the old version answers", first, MAX_ROLLBACK_MS],
    ["memory, in times that after three versions", growth, MAX_GROWTH],
  ];
  return bounds.filter(([, got, bound]) => !(got < bound))
    .map(([what, got, bound]) => `${what}: ${got.toFixed(1)}, not less than ${bound}`);
}

function table(report: SwitchReport): string {
  const { answers, before, during, memory } = report;
  const row = (latencies: Latencies) => [
    `classifications ${latencies.kind}, ms`,
    String(latencies.count),
    ...[50, 99, 100].map((percent) => latencies.percentile(percent).toFixed(1)),
  ];
  const times = (name: string, values: number[]) => [
    name,
    String(values.length),
    ...[median(values), NaN, Math.max(...values)].map((ms) => isNaN(ms) ? "" : ms.toFixed(1)),
  ];
  const rows = [
    ["", "count", "p50", "p99", "longest"],
    ...[row(before), row(during)],
    times("push, ms", report.pushes),
    times("rollback, ms", report.rollbacks),
    times("until its first answer, ms", report.firstAnswers),
  ];
  const shown = memory.map((mib) => mib.toFixed(0)).join(", ");
  return `${markdownTable(rows)}\n\n${answers} answers; memory after each version: ${shown} MiB`;
}

if (import.meta.main) await runProgram(() => runCommand(command, Deno.args));
