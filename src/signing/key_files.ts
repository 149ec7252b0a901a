/**
 * Reads files of keys: see {@linkcode readPrivateKey} and {@linkcode readTrustedKeys}.
 * @module
 */
import { FileRefused, readRegularFile } from "../outside/regular_file.ts";
import { visible } from "../outside/shown.ts";
import { KeyError } from "./errors.ts";
import { readPrivateKey, readTrustedKeys, type SigningKey, type TrustedKey } from "./keys.ts";
import { MAX_PEM_LENGTH } from "./pem.ts";

/** @throws {KeyError} naming the file and what is wrong with it. */
export async function readPrivateKeyFile(path: string): Promise<SigningKey> {
  return await readPrivateKey(await readText(path), visible(path));
}

/** The keys of all the files. @throws {KeyError} naming the file and what is wrong with it. */
export async function readTrustedKeyFiles(paths: readonly string[]): Promise<TrustedKey[]> {
  const read = async (path: string) => await readTrustedKeys(await readText(path), visible(path));
  return (await Promise.all(paths.map(read))).flat();
}

async function readText(path: string): Promise<string> {
  try {
    const bytes = await readRegularFile(path, { maxBytes: MAX_PEM_LENGTH });
    return new TextDecoder().decode(bytes);
  } catch (cause) {
    if (!(cause instanceof FileRefused || isOfFileSystem(cause))) throw cause;
    const isMissing = (cause as { code?: string }).code === "ENOENT";
    const reason = isMissing ? "it does not exist" : visible(cause.message);
    throw new KeyError(`Cannot read key ${visible(path)}: ${reason}`, { cause });
  }
}

function isOfFileSystem(error: unknown): error is Error {
  return error instanceof Error && "code" in error;
}
