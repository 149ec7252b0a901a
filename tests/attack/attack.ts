/**
 * `deno task attack`: a seeded attack on everything that reads what others wrote. A server in a process
 * of its own gets malformed requests and pictures; the readers of model directories, checkpoints and
 * versions get mutated files. It fails on a 500, a crash, a hang, an unclear error, a message above 1 KB, a stack in
 * an answer or the log, and memory that grows.
 * @module
 */
import { type Command, exitCodes, runCommand, runProgram } from "../../src/cli/command.ts";
import { FlagError, type FlagValues } from "../../src/cli/flags.ts";
import { saveModel } from "../../src/repository/model_directory.ts";
import { tinyModel } from "../model/tiny_model.ts";
import { type RunningServer, startServer } from "../serving/running_server.ts";
import { attackCheckpoints } from "./checkpoints.ts";
import { attackServer, type Cases, checkLog } from "./http.ts";
import { attackModels } from "./models.ts";
import { type Part, Report } from "./report.ts";
import { attackVersions } from "./versions.ts";

/** Cases of each part unless flags say otherwise. */
const DEFAULT_COUNTS: Record<Part, number> = {
  http: 100_000,
  pictures: 20_000,
  models: 10_000,
  checkpoints: 2_000,
  versions: 5_000,
};
const parts = Object.keys(DEFAULT_COUNTS) as Part[];
const MAX_CASES = 100_000_000;

const count = (what: string, part: Part) => ({
  kind: "integer" as const,
  help: what,
  default: String(DEFAULT_COUNTS[part]),
  range: [0, MAX_CASES] as const,
});

/** `deno task attack`. */
export const command: Command = {
  usage: "deno task attack [flags]",
  about: `Sends malformed requests, pictures, model directories, checkpoints and
versions to what reads them.
Exit code 1 on a 500, a crash, a hang, an unclear error, a stack, or memory that grows; each
failure is shown with the command that repeats it. Ctrl-C ends early, with the summary so far.`,
  flags: {
    seed: { kind: "integer", help: "of all cases", default: "1", range: [0, 2 ** 53 - 1] },
    requests: count("malformed HTTP requests", "http"),
    pictures: count("broken PNGs sent to the server", "pictures"),
    models: count("mutated model directories", "models"),
    checkpoints: count("mutated checkpoints", "checkpoints"),
    versions: count("mutated versions and aliases of a repository", "versions"),
    only: { kind: "string", help: "one part", choices: parts },
    case: { kind: "integer", help: "one case, with --only", range: [0, MAX_CASES] },
  },
  run,
};

/** What to attack with. */
export interface Attack {
  seed: number;
  counts: Record<Part, number>;
  /** The number of the first case. @default 0 */
  first?: number;
  /** Ends the attack early. */
  signal?: AbortSignal;
  /** Hears of each server that is attacked, by its process id. */
  onServer?: (part: Part, pid: number) => void;
}

/** Runs all parts and returns what they found. */
export async function attack(
  { seed, counts, first = 0, signal, onServer }: Attack,
): Promise<Report> {
  const report = new Report(seed);
  const casesOf = (part: Part): Cases => ({
    first,
    count: counts[part],
    signal: signal ?? new AbortController().signal,
  });
  for (const part of ["http", "pictures"] as const) {
    if (counts[part] > 0) {
      await withServer(report, { part, cases: casesOf(part), onServer });
    }
  }
  if (counts.models > 0) await attackModels(report, casesOf("models"));
  if (counts.checkpoints > 0) await attackCheckpoints(report, casesOf("checkpoints"));
  if (counts.versions > 0) await attackVersions(report, casesOf("versions"));
  return report;
}

/** How long a server may take to stop before it is killed, in ms: beyond its grace. */
const STOP_MS = 10_000;

/** Attacks a server of a tiny model, whose computing takes little of the time. */
async function withServer(
  report: Report,
  { part, cases, onServer }: { part: "http" | "pictures"; cases: Cases } & Pick<Attack, "onServer">,
): Promise<void> {
  const { first, signal } = cases, directory = await Deno.makeTempDir({ prefix: "attack-server-" });
  try {
    await saveModel(directory, tinyModel());
    if (signal.aborted) return;
    const server = await startServer("--model", directory, "--grace-seconds", "1");
    onServer?.(part, server.pid);
    try {
      await attackServer(report, part, server, cases);
    } finally {
      const fault = await stop(server);
      if (fault && !signal.aborted) report.fail(part, first, fault);
      if (!signal.aborted) checkLog(report, part, server.log());
    }
  } catch (error) {
    if (!signal.aborted) throw error; // Ctrl-C in a terminal ends a server that starts
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Stops a server that runs; says so where it does not stop, or not with code 0. */
async function stop(server: RunningServer): Promise<string | undefined> {
  if (server.exit()) return undefined; // it ended by itself, which is reported already
  const timer = setTimeout(() => server.signal("SIGKILL"), STOP_MS);
  const { code, ms } = await server.stop();
  clearTimeout(timer);
  return code === 0 ? undefined : `the server stopped with code ${code} after ${ms.toFixed(0)} ms`;
}

async function run(flags: FlagValues): Promise<number> {
  const { seed = 1, only, case: single } = flags as { seed?: number; only?: Part; case?: number };
  if (single !== undefined && only === undefined) throw new FlagError("--case needs --only");
  const wanted = (part: Part): number => {
    if (only !== undefined && part !== only) return 0;
    if (single !== undefined) return 1;
    return (flags[part === "http" ? "requests" : part] ?? DEFAULT_COUNTS[part]) as number;
  };
  const counts = Object.fromEntries(parts.map((part) => [part, wanted(part)]));
  const interrupt = new AbortController();
  // A second one changes nothing: a terminal and `deno task` both send it, and the end is near.
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => interrupt.abort());
  }
  const { signal } = interrupt;
  const report = await attack({
    seed,
    counts: counts as Record<Part, number>,
    first: single,
    signal,
    onServer: (part, pid) => console.error(`${part}: attacks the server of process ${pid}`),
  });
  console.log(report.summary());
  if (report.failures.length > 0) return exitCodes.failed;
  return signal.aborted ? exitCodes.interrupted : exitCodes.done;
}

if (import.meta.main) await runProgram(() => runCommand(command, Deno.args));
