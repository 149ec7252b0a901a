/**
 * The published package's package.json: what it exports to whom, and what it needs.
 * @module
 */
import { type OptionalPackage, optionalPackages } from "../../src/outside/packages.ts";
import { releasedModel } from "../../src/repository/model_directory.ts";
import { entries, PROGRAM } from "./bundle.ts";
import { declarationPath, moduleTypes } from "./declarations.ts";
import { modulePath } from "./rewrite.ts";

/** Path in the package of the kernels that serve. */
export const KERNELS = "kernels.wasm";

/** What deno.json says of the package. */
export interface Metadata {
  name: string;
  version: string;
  license: string;
}

/** package.json as a text. @throws {RangeError} if a module imports another version than the table names */
export function packageJson(
  { name, version, license }: Metadata,
  packages: ReadonlyMap<string, string>,
): string {
  const exported = Object.entries(entries).map(([path, source]) => [path, {
    types: `./${declarationPath(source)}`,
    default: `./${modulePath(source)}`,
  }]);
  const needed = [...packages].filter(([name]) => !isOptional(name))
    .map(([name, version]) => [name, `^${version}`]);
  for (const [name, version] of packages) {
    if (isOptional(name) && version !== optionalPackages[name]) {
      throw new RangeError(
        `Cannot write package.json: ${name} must be ${
          optionalPackages[name]
        } (src/outside/packages.ts), got ${version}`,
      );
    }
  }
  const peers = Object.entries(optionalPackages).map(([name, version]) => [name, `^${version}`]);
  return `${
    JSON.stringify(
      {
        name,
        version,
        description:
          "Deep Belief Networks at the edge: classify digits, generate digits, serve both",
        license,
        type: "module",
        sideEffects: false,
        engines: { node: ">=20" },
        bin: { dbn: `./${modulePath(PROGRAM)}` },
        exports: {
          ...Object.fromEntries(exported),
          [`./${KERNELS}`]: { types: `./${moduleTypes.kernels}`, default: `./${KERNELS}` },
          "./model/*.safetensors": weights(`./${releasedModel}/*.safetensors`),
          "./model/*": `./${releasedModel}/*`,
          "./models/*.safetensors": weights("./models/*.safetensors"),
          "./models/*": "./models/*",
          "./kernels-runtime-worker.js": "./kernels-runtime-worker.js",
          "./package.json": "./package.json",
        },
        dependencies: Object.fromEntries(needed.sort(([a], [b]) => a < b ? -1 : 1)),
        peerDependencies: Object.fromEntries(peers),
        peerDependenciesMeta: Object.fromEntries(peers.map(([name]) => [name, { optional: true }])),
      },
      null,
      2,
    )
  }\n`;
}

function weights(path: string): { types: string; default: string } {
  return { types: `./${moduleTypes.weights}`, default: path };
}

function isOptional(name: string): name is OptionalPackage {
  return Object.hasOwn(optionalPackages, name);
}
