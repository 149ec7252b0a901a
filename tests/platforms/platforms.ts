/**
 * `deno task platforms`: installs the package in every runtime as a user would, runs the same program in each,
 * and the examples with real requests. All must give the same bytes.
 * @module
 */
import { type Command, exitCodes, runCommand, runProgram } from "../../src/cli/command.ts";
import { FlagError, type FlagValues } from "../../src/cli/flags.ts";
import { kept } from "../../src/outside/kept.ts";
import { clients, serveClients } from "./clients.ts";
import { checkServer, examples, expectedAnswers, readBrowserExample } from "./examples.ts";
import { type Measured, runHere } from "./measured.ts";
import { makeProject, makeTarball, readDigits } from "./project.ts";
import { findChromium, MissingError } from "./runtimes.ts";
import { type Projects, runtimes } from "./run.ts";
import { packageSizes, tableOf, writeDocument } from "./table.ts";

const names = runtimes.map(({ name }) => name);

const command: Command = {
  usage: "deno task platforms [flags]",
  about: "Runs the same programs of the installed package in every runtime: some minutes.",
  flags: {
    only: { kind: "string", help: "this runtime alone", choices: names, isRepeatable: true },
    package: {
      kind: "path",
      help: "the tarball to install",
      default: "what deno task package makes",
    },
    strict: { kind: "boolean", help: "fail where a runtime is missing, instead of skipping it" },
    write: { kind: "boolean", help: "put the table into docs/platforms.md; without --only" },
  },
  run,
};

async function run(flags: FlagValues): Promise<number> {
  if (flags.write && flags.only) throw new FlagError("--write and --only exclude each other");
  const folders: string[] = [];
  const remembered = async (folder: Promise<string>) => {
    folders.push(await folder);
    return await folder;
  };
  try {
    const tarball = flags.package as string | undefined ??
      await makeTarball(await remembered(Deno.makeTempDir()));
    const npm = await remembered(makeProject("npm", tarball));
    const bun = kept(() => remembered(makeProject("bun", tarball)));
    return await runAll({ npm, bun, digits: await readDigits() }, tarball, flags);
  } finally {
    for (const folder of folders) await Deno.remove(folder, { recursive: true });
  }
}

async function runAll(projects: Projects, tarball: string, flags: FlagValues): Promise<number> {
  const only = flags.only as string[] | undefined, { digits, npm } = projects;
  const expected = await runHere(digits), answers = await expectedAnswers(digits);
  const rows: Record<string, Measured> = {}, failures: string[] = [];
  const attempt = async (runtime: string, name: string, work: () => Promise<string>) => {
    if (only && !only.includes(runtime)) return;
    try {
      console.log(`${name}: ${await work()}`);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const isSkipped = error instanceof MissingError && !flags.strict;
      console.log(`${name}: ${isSkipped ? "skipped" : "FAILED"}: ${describe(error)}`);
      if (!isSkipped) failures.push(name);
    }
  };
  for (const { name, run } of runtimes) {
    await attempt(name, name, async () => {
      const measured = await run(projects);
      const said = Object.entries(measured).map(([row, each]) => {
        rows[row] = each;
        return `${row} gives ${checkBytes(each, expected)}`;
      });
      return said.join("; ");
    });
  }
  for (const { runtime, name, streams, isBundle, start } of examples) {
    await attempt(runtime, name, async () => {
      await using server = await start(projects);
      await checkServer(server, digits, { expected: answers, streams, isBundle });
      return "answers as this checkout does";
    });
  }
  await using service = await serveClients();
  for (const { runtime, call } of clients) {
    await attempt(runtime, `client in ${runtime}`, async () => {
      await service.check(await call(projects, service.url));
      return "gets what this checkout gets, and ends what it leaves";
    });
  }
  await attempt("chromium", "browser.html", async () => {
    const said = await readBrowserExample(await findChromium(), npm);
    if (!/^read as:( \d){10}$/.test(said)) throw new Error(`it must read ten digits, got ${said}`);
    return said;
  });
  const table = tableOf(rows, { expected, sizes: await packageSizes(npm, tarball) });
  console.log(`\n${table}`);
  if (failures.length > 0) console.log(`\nfailed: ${failures.join(", ")}`);
  if (failures.length > 0) return exitCodes.failed;
  if (flags.write) await writeDocument(table);
  return exitCodes.done;
}

/** @throws {Error} if a runtime gave other bytes or labels. */
function checkBytes(measured: Measured, expected: Measured): string {
  const { sha256, streamSha256, labels } = measured;
  if (sha256 !== expected.sha256) {
    throw new Error(`ten generations must have SHA-256 ${expected.sha256}, got ${sha256}`);
  }
  if (streamSha256 !== expected.streamSha256) {
    throw new Error(`a stream must have SHA-256 ${expected.streamSha256}, got ${streamSha256}`);
  }
  if (labels.join() !== expected.labels.join()) {
    throw new Error(`ten digits must be ${expected.labels.join()}, got ${labels.join()}`);
  }
  return `the same bytes, ${measured.threads.running} of ${measured.threads.wanted} threads${
    measured.threads.reason ? ` (${measured.threads.reason})` : ""
  }`;
}

function describe(error: Error): string {
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.message}${cause}`;
}

if (import.meta.main) await runProgram(() => runCommand(command, Deno.args));
