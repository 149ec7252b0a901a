/**
 * Writes a file whole or not at all. Node's modules are imported where they are needed: see model_directory.ts.
 * @module
 */
import { importBuiltin } from "../outside/platform.ts";

/**
 * Writes a file beside its target, flushes it to the disk and renames it, so that a crash leaves the old one
 * whole.
 * @throws {Error} naming the file and its size, with the file system's error as its cause; nothing is left.
 */
export async function writeWhole(target: URL | string, content: Uint8Array | string) {
  const { rename, rm, writeFile } = await importBuiltin<typeof import("node:fs/promises")>(
    "node:fs/promises",
  );
  const { fileURLToPath } = await importBuiltin<typeof import("node:url")>("node:url");
  const path = target instanceof URL ? fileURLToPath(target) : target, partial = `${path}.partial`;
  try {
    await writeFile(partial, content, { flush: true });
    await rename(partial, path);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    await Promise.allSettled([rm(partial, { force: true })]); // the first error is the one to tell
    throw new Error(`Cannot write ${path} (${content.length} bytes): ${cause.message}`, { cause });
  }
}
