/**
 * What the program said and took in one runtime.
 * @module
 */
import * as dbn from "../../mod.ts";
import { residentBytes } from "../resident.ts";
import { run } from "./program/program.js";

/** The steps of the program, by what they say; see program/program.js. */
export interface Steps {
  opened: unknown;
  classified: { labels: number[]; joint: number[] };
  generated: { sha256: string };
  streamed: { frames: number; sha256: string };
  timed: { stepsPerSecond: number };
  done: { threads: { wanted: number; running: number; reason?: string } };
}

/** A step, and when it was heard of. */
export type Report = { step: keyof Steps | "failed"; error?: string } & Record<string, unknown>;

/** A row of the table. */
export interface Measured {
  labels: number[];
  /** Of ten generations, and of a stream's frames. */
  sha256: string;
  streamSha256: string;
  /** From the start of the process, or of the page, to the opened engine. */
  openedMs: number;
  /** From the same to the first ten labels. */
  classifiedMs: number;
  stepsPerSecond: number;
  threads: Steps["done"]["threads"];
  memoryBytes: number;
}

/** Puts together what was reported. @throws {Error} naming the step that is missing. */
export function assemble(
  reports: readonly { report: Report; atMs: number }[],
  memoryBytes: number,
): Measured {
  const failed = reports.find(({ report }) => report.step === "failed" || report.error);
  if (failed) throw new Error(String(failed.report.error));
  const find = <Name extends keyof Steps>(name: Name) => {
    const found = reports.find(({ report }) => report.step === name);
    if (!found) throw new Error(`it ended before the step ${name}`);
    return { atMs: found.atMs, ...found.report as unknown as Steps[Name] & object };
  };
  return {
    labels: find("classified").labels,
    sha256: find("generated").sha256,
    streamSha256: find("streamed").sha256,
    openedMs: find("opened").atMs,
    classifiedMs: find("classified").atMs,
    stepsPerSecond: find("timed").stepsPerSecond,
    threads: find("done").threads,
    memoryBytes,
  };
}

/** The most memory that a process has had, in bytes; what it has now where the system does not say. */
export async function peakBytes(pid: number): Promise<number> {
  if (Deno.build.os !== "linux") return await residentBytes(pid) ?? 0;
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
}

/** The program on this checkout, in this process: what every runtime must give. */
export async function runHere(digits: Uint8Array): Promise<Measured> {
  const startedAt = performance.now(), reports: { report: Report; atMs: number }[] = [];
  let engine: dbn.Engine | undefined;
  await run(dbn, {
    open: async () => engine = await dbn.openEngine(await dbn.loadModel()),
    digits,
    report: (step: Record<string, unknown>) =>
      void reports.push({ report: step as Report, atMs: performance.now() - startedAt }),
  });
  engine?.dispose();
  return assemble(reports, await peakBytes(Deno.pid));
}
