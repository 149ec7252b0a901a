/**
 * Imports what the start of a program does not need.
 * @module
 */
import { isDeno } from "./platform.ts";

/** A module that is loaded later, and is not there: a bundle holds none of them. */
export class NotInBundleError extends Error {
  override name = "NotInBundleError";
}

/**
 * A module of this package, loaded now and not before. A specifier that stands in a call of `import` as text
 * makes Deno read the module's whole graph before the program begins, needed or not: 6 ms for 90 modules. Nor
 * do bundlers see it: a bundle is without it.
 * @param specifier relative to `base`, or a name of the import map
 * @param base `import.meta.url` of who asks
 * @throws {NotInBundleError} naming it where it is not there.
 */
export async function importLater<T>(specifier: string, base: string): Promise<T> {
  try {
    const address = specifier.startsWith(".") ? urlOf(specifier, base) : specifier;
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ address);
  } catch (cause) {
    if (isDeno() || !(cause instanceof Error)) throw cause;
    throw new NotInBundleError(
      `Cannot load ${specifier}: ${cause.message}. A bundle is without it; run the package unbundled`,
      { cause },
    );
  }
}

/** Modules of the published package are JavaScript. */
function urlOf(specifier: string, base: string): string {
  return new URL(base.endsWith(".ts") ? specifier : specifier.replace(/\.ts$/, ".js"), base).href;
}
