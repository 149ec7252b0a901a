/**
 * `dbn pull`: brings a version from a service to this machine, whole and checked or not at all.
 * @module
 */
import { mkdir, rename, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "@std/path";
import { RepositoryClient } from "../../../src/client/repository_client.ts";
import type { Command } from "../../../src/cli/command.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../../src/cli/flags.ts";
import { isModelName, MANIFEST_FILE, type ManifestFile } from "../../../src/format/manifest.ts";
import { shown } from "../../../src/outside/shown.ts";
import { FileRefused, readRegularFile } from "../../../src/outside/regular_file.ts";
import { isNotFound } from "../../../src/outside/system_failure.ts";
import { ModelFileMissingError } from "../../../src/repository/bounded_read.ts";
import { describeVersion } from "../../../src/repository/describe_version.ts";
import type { VersionRef } from "../../../src/repository/repository.ts";
import { sha256 } from "../../../src/outside/sha256.ts";
import { writeWhole } from "../../../src/repository/write_file.ts";
import { checkDirectory } from "../outputs.ts";
import { formatBytes } from "./format.ts";
import { addressFlag, readService, tokenFlags } from "./service_flags.ts";
import { createTransferBar } from "../terminal/transfer_bar.ts";

const flagTable: FlagTable = {
  from: addressFlag("URL of the service"),
  out: { kind: "path", help: "directory to make", default: "models/NAME/VERSION" },
  ...tokenFlags,
};

/** `dbn pull`. */
export const command: Command = {
  usage: "deno task dbn pull [VERSION] [flags]",
  about:
    `Brings a version from a service's repository, checks every file, and makes a model directory of it.
The same again after a break goes on with the files that are missing.`,
  positionals: {
    version: {
      kind: "string",
      help: "VERSION, an alias, or NAME/VERSION; production if left out",
      isOptional: true,
    },
  },
  flags: flagTable,
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const client = new RepositoryClient(await readService(flags, "from"));
  const ref = await readRef(client, (flags.version ?? "production") as string);
  const out = (flags.out ?? join("models", ref.model, String(ref.version))) as string;
  const stored = await client.manifest(ref);
  if (!stored) {
    throw new Error(`Cannot pull: the service has no version ${ref.model}/${ref.version}`);
  }
  if ((await checkDirectory({ flag: "out", path: out })).length > 0) {
    if (await digestOf(out) === await sha256(stored.bytes)) {
      return console.log(`${out} is ${nameOf(ref)} already`);
    }
    throw new FlagError(
      `--out ${out}: the directory must be new, empty or ${nameOf(ref)}; it holds something else`,
    );
  }
  const { files } = stored.manifest, partial = `${resolve(out)}.partial`;
  await pullFiles(client, ref, files, partial);
  await checkWhole(partial, stored.bytes);
  await writeWhole(join(partial, MANIFEST_FILE), stored.bytes);
  await mkdir(dirname(resolve(out)), { recursive: true });
  await rmdir(out).catch(ignoreAbsent);
  await rename(partial, out);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  console.log(`pulled ${nameOf(ref)} to ${out}: ${files.length} files, ${formatBytes(bytes)}`);
}

/** The digest of the version in a directory; undefined where there is none. */
async function digestOf(directory: string): Promise<string | undefined> {
  try {
    return (await describeVersion(directory)).digest;
  } catch (error) {
    if (error instanceof ModelFileMissingError) return undefined;
    throw error;
  }
}

/** The version that a text names: by its number, by an alias, or with its model. */
async function readRef(client: RepositoryClient, text: string): Promise<VersionRef> {
  const [first, second, ...rest] = text.split("/");
  const name = second === undefined ? await client.servedModel() : first, what = second ?? first;
  if (rest.length > 0 || !isModelName(name) || what === "") {
    throw new FlagError(`VERSION must be a number, an alias or NAME/VERSION, got ${shown(text)}`);
  }
  if (/^[1-9]\d{0,9}$/.test(what)) return { model: name, version: Number(what) };
  const aliases = await client.aliases(name), alias = aliases.get(what);
  if (alias) return { model: name, version: alias.version };
  const known = [...aliases.keys()].join(", ") || "none";
  throw new FlagError(`VERSION: ${name} has no alias ${shown(what)}; there are ${known}`);
}

/** Brings the files that are not there yet. */
async function pullFiles(
  client: RepositoryClient,
  ref: VersionRef,
  files: readonly ManifestFile[],
  directory: string,
): Promise<void> {
  const total = files.reduce((sum, { size }) => sum + size, 0),
    bar = await createTransferBar("pulling");
  let done = 0;
  try {
    for (const file of files) {
      bar.update(done, total);
      const target = join(directory, file.path);
      if (!await isThere(target, file)) {
        const bytes = await client.file(ref, file);
        await mkdir(dirname(target), { recursive: true });
        await writeWhole(target, bytes);
      }
      bar.update(done += file.size, total);
    }
  } finally {
    bar.stop();
  }
}

/** @throws {Error} if there are other files too, of a pull of something else that broke off */
async function checkWhole(directory: string, manifest: Uint8Array): Promise<void> {
  const { digest } = await describeVersion(directory);
  if (digest === await sha256(manifest)) return;
  throw new Error(`Cannot pull: ${directory} holds files of another version; remove it`);
}

async function isThere(path: string, { size, sha256: digest }: ManifestFile): Promise<boolean> {
  try {
    return await sha256(await readRegularFile(path, { maxBytes: size })) === digest;
  } catch (error) {
    if (error instanceof FileRefused || isNotFound(error)) return false;
    throw error;
  }
}

function nameOf({ model, version }: VersionRef): string {
  return `${model}/${version}`;
}

function ignoreAbsent(error: unknown): void {
  if ((error as { code?: string }).code !== "ENOENT") throw error;
}
