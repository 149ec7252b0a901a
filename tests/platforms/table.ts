/**
 * The table of the platforms.
 * @module
 */
import { cpus } from "node:os";
import type { Measured } from "./measured.ts";
import { sizesOf } from "./project.ts";
import { install, runTool } from "./runtimes.ts";
import { bundleWorker } from "./workerd.ts";

/** Sizes in bytes: of the tarball, and of bundles without weights, minified and gzipped. */
export interface PackageSizes {
  packed: number;
  browser: number;
  worker: number;
}

/** Measures what is installed in a project, and what bundles of it hold. */
export async function packageSizes(project: string, tarball: string): Promise<PackageSizes> {
  await runTool(await install("esbuild"), [
    ...["@dbn-edge/dbn-edge", "--bundle", "--minify", "--format=esm", "--log-level=error"],
    "--outfile=dbn-edge.js",
  ], project);
  const worker = await bundleWorker(project, "cloudflare_worker.js");
  return {
    packed: (await sizesOf(tarball)).bytes,
    browser: (await sizesOf(`${project}/dbn-edge.js`)).gzipped,
    worker: (await sizesOf(`${worker}/cloudflare_worker.js`)).gzipped,
  };
}

const MIB = 1024 * 1024;

/** Markdown: a row a runtime, and what holds for all. */
export function tableOf(
  rows: Readonly<Record<string, Measured>>,
  { expected, sizes }: { expected: Measured; sizes: PackageSizes },
): string {
  const kb = (bytes: number) => `${Math.round(bytes / 1000)} KB`;
  const packageOf = (name: string) =>
    name.startsWith("Chromium")
      ? kb(sizes.browser)
      : name.startsWith("workerd")
      ? kb(sizes.worker)
      : kb(sizes.packed);
  const lines = Object.entries(rows).map(([name, row]) => [
    name,
    packageOf(name),
    `${Math.round(row.openedMs)}, ${Math.round(row.classifiedMs)}`,
    row.stepsPerSecond,
    Math.round(row.memoryBytes / MIB),
  ]);
  const head = ["runtime", "package", "cold start, first answer (ms)", "steps/s", "MiB"];
  return [
    `_${
      cpus()[0].model.trim()
    }, ${cpus().length} cores. Medians of three runs, in browsers one run._`,
    "",
    ...[head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`),
    "",
    `SHA-256 of the ten generations in each: \`${expected.sha256}\``,
  ].join("\n");
}

const path = new URL("../../docs/platforms.md", import.meta.url);

/** Puts a table between the marks of docs/platforms.md. */
export async function writeDocument(table: string): Promise<void> {
  const text = await Deno.readTextFile(path),
    marked = /(<!-- platforms -->\n)[^]*(<!-- \/platforms -->)/;
  if (!marked.test(text)) {
    throw new Error(`Cannot write table: ${path.pathname} has no <!-- platforms -->`);
  }
  await Deno.writeTextFile(path, text.replace(marked, (_, a, b) => `${a}\n${table}\n\n${b}`));
  await runTool(Deno.execPath(), ["fmt", "--quiet", path.pathname]);
}
