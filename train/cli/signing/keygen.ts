/**
 * `dbn keygen`: a new pair of keys for `dbn sign` and `dbn verify`.
 * @module
 */
import { lstat, writeFile } from "node:fs/promises";
import type { Command } from "../../../src/cli/command.ts";
import { FlagError, type FlagValues } from "../../../src/cli/flags.ts";
import { generateKeys } from "../../../src/signing/keys.ts";

/** `dbn keygen`. */
export const command: Command = {
  usage: "deno task dbn keygen --out PREFIX",
  about:
    `Makes a pair of keys, ECDSA over P-256: PREFIX.private.pem signs versions, and only you may read it;
PREFIX.public.pem verifies them, and anybody may. Files that exist are never written over.`,
  flags: {
    out: { kind: "path", help: "path of both files, without .private.pem", isRequired: true },
  },
  run,
};

async function run({ out }: FlagValues): Promise<void> {
  const privateFile = `${out}.private.pem`, publicFile = `${out}.public.pem`;
  for (const path of [privateFile, publicFile]) await checkNew(path);
  const { privateKey, publicKey, fingerprint } = await generateKeys();
  await write(privateFile, privateKey, 0o600);
  await write(publicFile, publicKey, 0o644);
  console.log(`wrote ${privateFile} and ${publicFile}, key ${fingerprint}`);
}

async function checkNew(path: string): Promise<void> {
  try {
    await lstat(path);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return;
    throw error;
  }
  throw exists(path);
}

function exists(path: string): FlagError {
  return new FlagError(`--out: ${path} exists; a key is never written over, choose another name`);
}

async function write(path: string, pem: string, mode: number): Promise<void> {
  try {
    await writeFile(path, pem, { flag: "wx", mode, flush: true });
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string };
    if (code === undefined) throw cause;
    throw code === "EEXIST"
      ? exists(path)
      : new FlagError(`--out: cannot write ${path}: ${message}`);
  }
}
