/**
 * How the program is run in each runtime.
 * @module
 */
import { runChromium } from "./chromium.ts";
import type { Measured } from "./measured.ts";
import { runProcess } from "./processes.ts";
import { findChromium, install, type NpmProgramName, runTool, versionOf } from "./runtimes.ts";
import { runWorkerd } from "./workerd.ts";

/** Folders where the package is installed, and the images that the program classifies. */
export interface Projects {
  npm: string;
  bun(): Promise<string>;
  digits: Uint8Array; // (10, 784)
}

/** A runtime, and what the program takes in it: a row of the table or more. */
export interface Runtime {
  name: string;
  run(projects: Projects): Promise<Record<string, Measured>>;
}

/** How Deno runs a program of a project that npm installed. */
export const denoArgs = ["run", "--allow-all", "--no-lock", "--node-modules-dir=manual"];

/** Names of the versions of Node. */
export const nodes = ["node20", "node22", "node24"] as const satisfies NpmProgramName[];

/** Runs of which the median is shown, but for browsers. */
const REPEATS = 3;

/** The runtimes of the table. */
export const runtimes: Runtime[] = [
  {
    name: "deno",
    run: async ({ npm }) => ({
      [`Deno ${Deno.version.deno}`]: await medianRun(() =>
        runProcess(Deno.execPath(), denoArgs, npm)
      ),
    }),
  },
  ...nodes.map((name): Runtime => ({
    name,
    run: async ({ npm }) => {
      const program = await install(name);
      return {
        [`Node ${versionOf(name)}`]: await medianRun(() => runProcess(program, [], npm)),
      };
    },
  })),
  {
    name: "bun",
    run: async ({ bun }) => {
      const program = await install("bun"), project = await bun();
      return {
        [`Bun ${versionOf("bun")}`]: await medianRun(() => runProcess(program, ["run"], project)),
      };
    },
  },
  {
    name: "workerd",
    run: async ({ npm, digits }) => ({
      [`workerd ${versionOf("workerd")}`]: await medianRun(() => runWorkerd(npm, digits)),
    }),
  },
  {
    name: "chromium",
    run: async ({ npm: project }) => {
      const chromium = await findChromium();
      const version = /\d+/.exec(await runTool(chromium, ["--version"]))?.[0];
      const plain = await runChromium(chromium, { project, isIsolated: false });
      const isolated = await runChromium(chromium, { project, isIsolated: true });
      return {
        [`Chromium ${version}, page`]: plain.page,
        [`Chromium ${version}, worker`]: plain.worker,
        [`Chromium ${version}, isolated page`]: isolated.page,
        [`Chromium ${version}, isolated worker`]: isolated.worker,
      };
    },
  },
];

/** The median of each figure over some runs. @throws {Error} if they gave different bytes */
async function medianRun(run: () => Promise<Measured>): Promise<Measured> {
  const runs: Measured[] = [];
  for (let i = 0; i < REPEATS; i++) runs.push(await run());
  if (new Set(runs.map(({ sha256 }) => sha256)).size > 1) {
    throw new Error(`runs must give the same bytes, got ${runs.map(({ sha256 }) => sha256)}`);
  }
  const median = (of: (run: Measured) => number) =>
    runs.map(of).sort((a, b) => a - b)[Math.floor(REPEATS / 2)];
  return {
    ...runs[0],
    openedMs: median(({ openedMs }) => openedMs),
    classifiedMs: median(({ classifiedMs }) => classifiedMs),
    stepsPerSecond: median(({ stepsPerSecond }) => stepsPerSecond),
    memoryBytes: median(({ memoryBytes }) => memoryBytes),
  };
}
