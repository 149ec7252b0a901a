/**
 * The modules of the published package: bundled by esbuild, with what they share in chunks of their own, for
 * every runtime from Node 20 on.
 * @module
 */
import { dirname, fromFileUrl, join, relative } from "@std/path";
import type { OutputFile, Plugin } from "npm:esbuild@0.28.2";
import { COMMANDS, trainingCommands } from "./late_imports.ts";
import { modulePath, rewriteSource, unbundled } from "./rewrite.ts";
import { rewriteStd, STD } from "./std.ts";

/** Entry points by their path in the package's `exports`; `bin` is the program. */
export const entries = {
  ".": "mod.ts",
  "./server": "src/server.ts",
  "./client": "src/client/client.ts",
  "./train": "train/mod.ts",
} as const;

/** Source of the program `dbn`. */
export const PROGRAM = "train/bin.ts";

/** Modules apart, so that bundles of users hold them without the rest of the entry that exports them. */
const apart = ["src/client/create_client.ts"];

/** Programs of workers, which their owners start by a URL. */
const workers = ["src/kernels/runtime/worker.ts", "src/compute/compute_worker.ts"];

/** What is bundled. */
export interface Bundle {
  /** Modules and source maps by their path in the package. */
  files: Map<string, Uint8Array>;
  /** The version of every package that the modules import, by its name. */
  packages: Map<string, string>;
}

/** Bundles the package. @throws {Error} if esbuild finds an error in it */
export async function bundle(root: string): Promise<Bundle> {
  const esbuild = await import("npm:esbuild@0.28.2");
  const packages = new Map<string, string>();
  const sources = [...Object.values(entries), PROGRAM, ...apart, ...workers, ...unbundled];
  try {
    const { outputFiles } = await esbuild.build({
      absWorkingDir: root,
      entryPoints: sources.map((source) => ({
        in: source,
        out: modulePath(source).replace(/\.js$/, ""),
      })),
      outdir: root,
      chunkNames: "chunk-[hash]",
      ...{ bundle: true, splitting: true, format: "esm", platform: "neutral", write: false },
      ...{ target: ["es2022"], charset: "utf8", sourcemap: "linked", logLevel: "silent" },
      supported: { "import-attributes": true },
      define: { "import.meta.main": "false" },
      plugins: [packageSources(root, await readImportMap(root), packages)],
    });
    const files = outputFiles.map(({ path, contents }: OutputFile) =>
      [relative(root, path), contents] as const
    );
    return { files: new Map(files), packages };
  } finally {
    await esbuild.stop();
  }
}

/** A file of std: the directory of the package, and the path in it. */
const stdFile = /^(.*\/deno-std\/[^/]+)\/(.*)$/;

async function readImportMap(root: string): Promise<Record<string, string>> {
  return JSON.parse(await Deno.readTextFile(join(root, "deno.json"))).imports;
}

/** Resolves names by deno.json, leaves packages outside, and rewrites sources. */
function packageSources(
  root: string,
  imports: Record<string, string>,
  packages: Map<string, string>,
): Plugin {
  return {
    name: "package-sources",
    setup(build) {
      const namespace = "commands";
      let stdDirectory = "";
      build.onResolve({ filter: /^commands:/ }, ({ path }) => ({ path, namespace }));
      build.onLoad({ filter: /./, namespace }, async () => ({
        contents: trainingCommands(await Deno.readTextFile(join(root, COMMANDS))),
        resolveDir: join(root, dirname(COMMANDS)),
      }));
      build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        if (kind === "entry-point") return undefined;
        if (path.startsWith("node:")) return { path, external: true };
        const target = imports[path] ?? path;
        if (target.startsWith("./")) return { path: join(root, target) };
        const [, name, version, file = ""] =
          /^npm:((?:@[^/]+\/)?[^@/]+)@([^/]+)(\/.*)?$/.exec(target) ?? [];
        if (name === undefined) {
          return { errors: [{ text: `${path} must be a name of deno.json, or npm:NAME@VERSION` }] };
        }
        if (name === STD) {
          const [, directory, path] = stdFile.exec(fromFileUrl(import.meta.resolve(target)))!;
          stdDirectory = directory;
          return { path, namespace: STD };
        }
        packages.set(name, version);
        return { path: `${name}${file}`, external: true, sideEffects: false };
      });
      // Files of std have names of their own, or the bundle would name directories of this machine.
      build.onResolve({ filter: /^\./, namespace: STD }, ({ path, importer }) => ({
        path: join(dirname(importer), path),
        namespace: STD,
      }));
      build.onLoad({ filter: /./, namespace: STD }, async ({ path }) => ({
        contents: rewriteStd(await Deno.readTextFile(join(stdDirectory, path))),
      }));
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const source = relative(root, path);
        const text = await Deno.readTextFile(path);
        if (source === "src/outside/installed.ts") {
          return { contents: "export const isInstalled = true;", loader: "ts" };
        }
        const start = source === PROGRAM ? "#!/usr/bin/env node\n" : "";
        return { contents: start + rewriteSource(source, text), loader: "ts" };
      });
    },
  };
}
