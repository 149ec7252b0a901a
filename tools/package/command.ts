/**
 * `deno task package`: writes the package that is installed from npm.
 * @module
 */
import { gzipSync } from "node:zlib";
import { fromFileUrl, join } from "@std/path";
import { type Command, runCommand, runProgram } from "../../src/cli/command.ts";
import type { FlagValues } from "../../src/cli/flags.ts";
import { buildPackage } from "./build.ts";

const DEFAULT_OUT = "dist";

const command: Command = {
  usage: "deno task package [flags]",
  about: "Builds the package that is installed from npm, with the released model, as one .tgz.",
  flags: {
    out: { kind: "path", help: "directory to write", default: DEFAULT_OUT },
    "no-types": { kind: "boolean", help: "leave out declarations, which take most of the time" },
  },
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const out = (flags.out ?? DEFAULT_OUT) as string;
  const root = fromFileUrl(new URL("../../", import.meta.url));
  const { name, archive, files } = await buildPackage(root, { hasTypes: !flags["no-types"] });
  const path = join(out, name);
  await writeArchive(out, path, archive);
  const kinds: [RegExp, string][] = [[/^types\//, "types"], [/^models\//, "model"], [
    /\.map$/,
    "maps",
  ], [/\.js$/, "modules"]];
  const parts = Map.groupBy(
    files,
    ({ path }) => kinds.find(([kind]) => kind.test(path))?.[1] ?? "other",
  );
  for (const [part, members] of [...parts].sort()) {
    const bytes = members.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const packed = members.reduce(
      (sum, { bytes }) => sum + gzipSync(bytes, { level: 9 }).length,
      0,
    );
    console.log(
      `${part.padEnd(8)} ${`${members.length}`.padStart(4)} files ${kilobytes(bytes)}, packed ${
        kilobytes(packed)
      }`,
    );
  }
  console.log(`${path}: ${kilobytes(archive.length)}`);
}

/** Writes a file whole, beside others that do the same. @throws {Error} naming it; nothing is left */
async function writeArchive(out: string, path: string, archive: Uint8Array): Promise<void> {
  let partial: string | undefined;
  try {
    await Deno.mkdir(out, { recursive: true });
    partial = await Deno.makeTempFile({ dir: out, prefix: ".package-" });
    await Deno.writeFile(partial, archive);
    await Deno.chmod(partial, 0o644);
    await Deno.rename(partial, path);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    if (partial) await Promise.allSettled([Deno.remove(partial)]); // the first error is the one to tell
    throw new Error(`Cannot write ${path} (${archive.length} bytes): ${cause.message}`, { cause });
  }
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} kB`;
}

if (import.meta.main) await runProgram(() => runCommand(command, Deno.args));
