/** Types of what we use of `@std/cli/parse-args`, whose republication on npm has none. @module */

/** How arguments are read; see the documentation of std. */
export interface ParseOptions {
  boolean?: boolean | string | readonly string[];
  string?: string | readonly string[];
  collect?: string | readonly string[];
  negatable?: string | readonly string[];
  alias?: Record<string, string | readonly string[]>;
  default?: Record<string, unknown>;
  stopEarly?: boolean;
  "--"?: boolean;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
/** Arguments by name; those without a name are in `_`. */
export function parseArgs(
  args: string[],
  options?: ParseOptions,
): { _: (string | number)[]; [name: string]: unknown };
