/**
 * What differs between Deno, Node, Bun, workerd and browsers, in one place: files, Node's own modules, the
 * environment, processors, and whether a thread may wait for others.
 * @module
 */

/** The part of Node's `process` that is read here; Deno and Bun have it too. */
interface Process {
  versions?: { node?: string; v8?: string };
  env?: Record<string, string | undefined>;
  /** Since Node 20.16. */
  getBuiltinModule?(name: "node:os"): { availableParallelism(): number } | undefined;
}

interface Platform {
  Deno?: unknown;
  process?: Process;
  navigator?: { hardwareConcurrency?: number; userAgent?: string };
  location?: { href: string };
}

const platform = globalThis as unknown as Platform;

/** Whether this is Deno. */
export function isDeno(): boolean {
  return platform.Deno !== undefined;
}

/** Whether there are files and Node's own modules: in Deno, Node and Bun, not in workerd and browsers. */
export function hasFiles(): boolean {
  if (isDeno()) return true;
  return platform.process?.versions?.node !== undefined &&
    platform.navigator?.userAgent !== "Cloudflare-Workers"; // which says that it has all of Node
}

/**
 * One of Node's own modules. Its name is no literal where it is imported, so that bundles for platforms
 * without it can be made.
 * @throws {Error} naming it where there is none.
 */
export async function importBuiltin<T>(name: `node:${string}`): Promise<T> {
  if (!hasFiles()) {
    throw new Error(
      `Cannot load ${name}: this platform has no files; hand in bytes, or a URL of http or https`,
    );
  }
  return await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
}

/**
 * The URL of a path, from the working directory or from the page.
 * @throws {RangeError} where there is neither.
 */
export async function pathUrl(path: string): Promise<URL> {
  if (hasFiles()) {
    return (await importBuiltin<typeof import("node:url")>("node:url")).pathToFileURL(path);
  }
  const base = platform.location?.href;
  if (base !== undefined && URL.canParse(path, base)) return new URL(path, base);
  throw new RangeError(
    `Cannot find ${path}: this platform has no files; it must be a URL of http or https`,
  );
}

/** A variable of the environment, undefined where there is none. */
export function readVariable(name: string): string | undefined {
  return isDeno() ? Deno.env.get(name) : platform.process?.env?.[name];
}

/** How many threads run at once; 1 where the platform does not say. */
export function processorCount(): number {
  return platform.navigator?.hardwareConcurrency ??
    platform.process?.getBuiltinModule?.("node:os")?.availableParallelism() ?? 1;
}

/** Why no threads may share memory here; undefined where they may. */
export function threadsRefused(): string | undefined {
  if (typeof SharedArrayBuffer === "undefined") return "SharedArrayBuffer is missing";
  if (!mayWait()) return "a page's own thread may not wait for others";
  const { versions } = isDeno() ? {} : platform.process ?? {};
  // Its baseline compiler (V8 11.3, `--liftoff-only`) loses wake-ups; with `--no-liftoff` its threads go on.
  const isOldNode = versions?.v8 !== undefined && Number.parseInt(versions.node ?? "", 10) < 22;
  return isOldNode
    ? `the threads of Node ${versions.node} wait for ever; those of 22 do not`
    : undefined;
}

/** Whether this thread may wait for others. */
function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0); // it is 0, so it does not wait
    return true;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return false;
  }
}
