/**
 * Where this code runs from.
 * @module
 */

/**
 * Whether this is the package as it is installed from npm: it finds other packages by their names, where a
 * checkout names their versions too. `deno task package` puts `true` here.
 */
export const isInstalled: boolean = false;
