/**
 * The published package, built and installed by npm into an empty folder.
 * @module
 */
import { join } from "@std/path";
import { buildPackage, type BuiltPackage } from "../../tools/package/build.ts";

/** Root of the repository. */
export const root = new URL("../../", import.meta.url).pathname;

/** A finished program: exit code, and both streams as texts. */
export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** A folder that the package is installed in. */
export interface Installation {
  built: BuiltPackage;
  directory: string;
  /** Runs a program there. */
  run(program: string, ...args: string[]): Promise<Finished>;
}

/** Whether a program is there, asked by its version. */
export async function isThere(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"] }).output()).success;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

/** Builds the package and installs it; `packages` are installed beside it. */
export async function install(packages: readonly string[] = []): Promise<Installation> {
  const built = await buildPackage(root), directory = await Deno.makeTempDir();
  await Deno.writeFile(join(directory, built.name), built.archive);
  await Deno.writeTextFile(
    join(directory, "package.json"),
    '{ "private": true, "type": "module" }',
  );
  const run = (program: string, ...args: string[]) => runIn(directory, program, args);
  const { code, stderr } = await run(
    "npm",
    "install",
    "--no-audit",
    `./${built.name}`,
    ...packages,
  );
  if (code !== 0) throw new Error(`npm install: ${stderr}`);
  return { built, directory, run };
}

async function runIn(cwd: string, program: string, args: readonly string[]): Promise<Finished> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
