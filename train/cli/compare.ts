/**
 * `dbn compare`: finished runs side by side, with 95 % intervals and a plot of their held-out and
 * training errors.
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "@std/path";
import type { Command } from "../../src/cli/command.ts";
import { taskCommand } from "../../src/cli/shell.ts";
import { checkNewFile, forceFlag } from "./outputs.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../src/cli/flags.ts";
import { writeWhole } from "../../src/repository/write_file.ts";
import { compareErrors } from "../artifacts/curves.ts";
import { renderSvg } from "../artifacts/vega.ts";
import type { EpochRecord } from "../run/checkpoint.ts";
import type { ErrorRate, Evaluation } from "../measure/evaluation.ts";
import { formatSeconds } from "../run/epoch_line.ts";
import type { Result } from "../run/result.ts";

const flagTable: FlagTable = {
  runs: {
    kind: "path",
    help: "directories of runs, with commas between",
    default: "all of runs and models/results",
  },
  plot: {
    kind: "path",
    group: "Output",
    help: "SVG file of the classifiers' errors by epoch to write",
  },
  force: forceFlag,
};

/** `dbn compare`. */
export const command: Command = {
  usage: "deno task dbn compare [flags]",
  about:
    `Prints a Markdown table of finished runs: errors on the test images with 95 % Wilson intervals, and the
last held-out error where there was one.`,
  flags: flagTable,
  run,
};

/** A run on disk: its result, if it has one, and its log. */
interface Run {
  name: string;
  result?: Result;
  log: EpochRecord[];
}

async function run(flags: FlagValues): Promise<void> {
  const plotFile = flags.plot as string | undefined;
  if (plotFile !== undefined && !plotFile.endsWith(".svg")) {
    throw new FlagError(`--plot must end in .svg, got ${JSON.stringify(plotFile)}`);
  }
  if (plotFile !== undefined) {
    await checkNewFile({ flag: "plot", path: plotFile }, flags.force === true);
  }
  const named = (flags.runs as string | undefined)?.split(",");
  const directories = named ?? [...await children("runs"), ...await children("models/results")];
  const runs = (await Promise.all(directories.map(readRun))).filter((run) => run !== undefined);
  const missing = named?.filter((name) => !runs.some((run) => run.name === name)) ?? [];
  if (missing.length > 0) throw new FlagError(`--runs: there is no log in ${missing.join(", ")}`);
  if (runs.length === 0) {
    throw new FlagError(`there are no runs yet; make one: ${taskCommand("dbn", ["train"])}`);
  }
  console.log(table(runs));
  if (plotFile !== undefined) await writeWhole(plotFile, await plot(runs));
}

async function children(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort().map((name) => join(directory, name));
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return [];
    throw error;
  }
}

async function readRun(directory: string): Promise<Run | undefined> {
  const read = async (name: string) => {
    try {
      return await readFile(join(directory, name), "utf8");
    } catch (error) {
      if (/^(ENOENT|ENOTDIR)$/.test((error as { code?: string }).code ?? "")) return undefined;
      throw error;
    }
  };
  const log = await read("log.jsonl"), result = await read("result.json");
  if (log === undefined) return undefined;
  return {
    name: directory,
    log: log.split("\n").filter(Boolean).map((line) => JSON.parse(line)),
    result: result === undefined ? undefined : JSON.parse(result),
  };
}

function table(runs: readonly Run[]): string {
  const rows = runs.map(({ name, result, log }) => {
    const held = (stage: string) =>
      log.findLast((record) => record.stage === stage)?.metrics.val_error_percent;
    const seconds = log.reduce((sum, record) => sum + record.seconds, 0);
    const { classifier, joint, greedy }: Partial<Evaluation> = result?.test ?? {};
    return [
      name,
      percent(held("classifier")),
      percent(held("up-down") ?? held("top")),
      interval(classifier),
      interval(greedy ?? joint),
      greedy ? interval(joint) : "",
      formatSeconds(seconds),
    ];
  });
  const head = [
    ...["run", "held out: classifier", "joint"],
    ...["test: classifier", "joint, greedy", "joint, after up-down", "time"],
  ];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function percent(value: number | undefined): string {
  return value === undefined ? "" : `${value.toFixed(2)} %`;
}

function interval(rate: ErrorRate | undefined): string {
  if (!rate) return "";
  const [low, high] = rate.interval;
  return `${rate.percent.toFixed(2)} % (${low.toFixed(2)} – ${high.toFixed(2)})`;
}

/** The classifiers' errors by epoch as SVG. @throws {FlagError} if no run has trained one. */
function plot(runs: readonly Run[]): Promise<string> {
  const chart = compareErrors(
    "Classifier",
    "run",
    runs.map(({ name, log }) => {
      const metrics = log.filter(({ stage }) => stage === "classifier").map((r) => r.metrics);
      return {
        name,
        training: metrics.map(({ accuracy }) => 100 * (1 - accuracy)),
        heldOut: metrics.map(({ val_error_percent }) => val_error_percent),
      };
    }),
  );
  if (!chart) throw new FlagError("--plot: none of the runs has an epoch of a classifier");
  return renderSvg(chart);
}
