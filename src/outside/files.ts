/**
 * What lies in a file system, asked of Deno where it is there: Node's modules take it 40 ms to start.
 * @module
 */
import { importBuiltin, isDeno } from "./platform.ts";

/** What lies in a directory. Neither is true of links and named pipes. */
export interface Entry {
  name: string;
  isFile: boolean;
  isDirectory: boolean;
}

/** Whether there is a file or a directory. */
export async function isThere(url: URL): Promise<boolean> {
  try {
    await (isDeno() ? Deno.stat(url) : statByNode(url));
    return true;
  } catch (error) {
    if (!(error instanceof Error && (error as { code?: string }).code === "ENOENT")) throw error;
    return false;
  }
}

/** Whether a regular file lies at a path, links followed; undefined where nothing does, or a link to nothing. */
export async function isRegularFile(path: string): Promise<boolean | undefined> {
  try {
    if (isDeno()) return (await Deno.stat(path)).isFile;
    const { stat } = await fileSystem();
    return (await stat(path)).isFile();
  } catch (error) {
    if (!(error instanceof Error && (error as { code?: string }).code === "ENOENT")) throw error;
    return undefined;
  }
}

/** What lies in a directory, one by one. @throws {Error} if it cannot be read */
export async function* readDirectory(url: URL): AsyncGenerator<Entry, void, void> {
  if (isDeno()) return yield* Deno.readDir(url);
  const { opendir } = await fileSystem();
  for await (const entry of await opendir(url)) {
    yield { name: entry.name, isFile: entry.isFile(), isDirectory: entry.isDirectory() };
  }
}

/** Makes a directory, and those above it. */
export async function makeDirectory(url: URL): Promise<void> {
  const { mkdir } = await fileSystem();
  await mkdir(url, { recursive: true });
}

async function statByNode(url: URL): Promise<unknown> {
  const { stat } = await fileSystem();
  return await stat(url);
}

function fileSystem() {
  return importBuiltin<typeof import("node:fs/promises")>("node:fs/promises");
}
