/**
 * Imports what the start of a program does not need.
 * @module
 */

/**
 * A module of this package, loaded now and not before. A specifier that stands in a call of `import` as text
 * makes Deno read the module's whole graph before the program begins, needed or not: 6 ms for 90 modules.
 * @param specifier relative to `base`, or a name of the import map
 * @param base `import.meta.url` of who asks
 */
export function importLater<T>(specifier: string, base: string): Promise<T> {
  return import(specifier.startsWith(".") ? new URL(specifier, base).href : specifier);
}
