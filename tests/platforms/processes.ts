/**
 * Runs the program in Deno, Node and Bun, each as a process.
 * @module
 */
import { assemble, type Measured, peakBytes, type Report } from "./measured.ts";

/** The longest that a runtime may take. */
const MAX_MS = 120_000;

/** Runs the program of a project. @throws {Error} with what it said, if it did not come to its end. */
export async function runProcess(
  program: string,
  args: readonly string[],
  project: string,
): Promise<Measured> {
  const startedAt = performance.now();
  const child = new Deno.Command(program, {
    args: [...args, "process.js"],
    cwd: project,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), MAX_MS);
  const stderr = new Response(child.stderr).text();
  const reports: { report: Report; atMs: number }[] = [];
  let memoryBytes = 0, rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const atMs = performance.now() - startedAt, lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const report = JSON.parse(line) as Report;
      reports.push({ report, atMs });
      if (report.step !== "done") continue;
      memoryBytes = await peakBytes(child.pid);
      child.kill("SIGKILL");
    }
  }
  clearTimeout(timer);
  await child.status;
  try {
    return assemble(reports, memoryBytes);
  } catch (cause) {
    throw new Error(`${program} failed: ${(await stderr).trim().slice(0, 2000)}`, { cause });
  }
}
