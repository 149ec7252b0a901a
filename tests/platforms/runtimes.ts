/**
 * The runtimes that the package is tried in, each got by a package manager, in a version of its own: they and
 * the tools of the harness lie beside the temporary files.
 * @module
 */

/** Where runtimes and tools are installed. */
export const home = `${Deno.env.get("TMPDIR") ?? "/tmp"}/dbn-edge-platforms`;

/** What npm installs: the package and its version, and the program in its folder. */
interface NpmProgram {
  spec: string;
  program: string;
}

const npmPrograms = {
  node20: { spec: "node@20.20.2", program: "node_modules/node/bin/node" },
  node22: { spec: "node@22.23.3", program: "node_modules/node/bin/node" },
  node24: { spec: "node@24.21.0", program: "node_modules/node/bin/node" },
  bun: { spec: "bun@1.4.5", program: "node_modules/bun/bin/bun.exe" },
  workerd: { spec: "workerd@1.20261117.1", program: "node_modules/workerd/bin/workerd" },
  esbuild: { spec: "esbuild@0.28.2", program: "node_modules/esbuild/bin/esbuild" },
} as const satisfies Record<string, NpmProgram>;

/** Name of a program that npm installs. */
export type NpmProgramName = keyof typeof npmPrograms;

/** What serves the example of Node. */
export const honoNodeServer = "@hono/node-server@2.1.9";

const chromiumNames = ["chromium", "chromium-browser", "google-chrome"];

/** A runtime cannot be had on this machine. */
export class MissingError extends Error {
  override name = "MissingError";
}

/** Runs a command to its end. @throws {Error} with the end of what it said, if it failed. */
export async function runTool(
  program: string,
  args: readonly string[],
  cwd?: string,
): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (success) return out;
  const said = (error || out).trim().slice(-MAX_SAID);
  throw new Error(`${program} ${args.join(" ")} ended with code ${code}: ${said}`);
}

const MAX_SAID = 2000;

/** The path of a program, installed if it is not there. @throws {MissingError} if it cannot be. */
export async function install(name: NpmProgramName): Promise<string> {
  const { spec, program } = npmPrograms[name], folder = `${home}/${spec.replace("@", "-")}`;
  const path = `${folder}/${program}`;
  if (await exists(path)) return path;
  await Deno.mkdir(folder, { recursive: true });
  try {
    await runTool("npm", ["install", "--no-audit", "--no-fund", "--prefix", folder, spec]);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new MissingError(`npm cannot install ${spec}: ${cause.message}`, { cause });
  }
  return path;
}

/** The version of a program that npm installs. */
export function versionOf(name: NpmProgramName): string {
  return npmPrograms[name].spec.split("@")[1];
}

/** The browser of this machine. @throws {MissingError} saying how to install one. */
export async function findChromium(): Promise<string> {
  for (const name of chromiumNames) {
    for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
      if (await exists(`${folder}/${name}`)) return `${folder}/${name}`;
    }
  }
  throw new MissingError("there is no chromium; on Debian apt-get install chromium installs it");
}

/** Whether there is such a file. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}
