/** The client as a bundler packs it for browsers. */
import { fromFileUrl, join } from "@std/path";
import { build, type Plugin, stop } from "npm:esbuild@0.28.2";

const root = fromFileUrl(new URL("../../", import.meta.url));
const { imports } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));

/**
 * Finds what deno.json names, and tells the bundler what the published package's package.json tells: that
 * what is not used may be left out.
 */
const sources: Plugin = {
  name: "sources",
  setup({ onResolve }) {
    onResolve({ filter: /./ }, ({ path, resolveDir, kind }) => {
      if (kind === "entry-point") return undefined;
      const sideEffects = false, target: string = imports[path] ?? path;
      if (path.startsWith(".")) return { path: join(resolveDir, path), sideEffects };
      if (target.startsWith("./")) return { path: join(root, target), sideEffects };
      return { path: fromFileUrl(import.meta.resolve(target)), sideEffects };
    });
  },
};

/** A module minified for browsers: its text, and the files that it is made of. */
export async function bundle(code: string): Promise<{ text: string; inputs: string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: root, loader: "ts" },
    ...{ bundle: true, minify: true, write: false, metafile: true, absWorkingDir: root },
    ...{ format: "esm", platform: "browser", target: "es2022", plugins: [sources] },
  });
  await stop();
  const [{ inputs }] = Object.values(metafile.outputs);
  const used = Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { text: outputFiles[0].text, inputs: used.map(([path]) => path) };
}

/** What most users take of the client. */
export const entry = `export { createClient, ServiceError } from "./src/client/client.ts";`;
