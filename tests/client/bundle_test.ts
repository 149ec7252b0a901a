/** What a bundler makes of the client for a browser: how large it is, and that it runs there. */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { build, type Plugin, stop } from "npm:esbuild@0.28.2";
import { serveApp } from "./running_app.ts";

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
async function bundle(code: string): Promise<{ text: string; inputs: string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: root, loader: "ts" },
    ...{ bundle: true, minify: true, write: false, metafile: true, absWorkingDir: root },
    ...{ format: "esm", platform: "browser", target: "es2022", plugins: [sources] },
  });
  const [{ inputs }] = Object.values(metafile.outputs);
  const used = Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { text: outputFiles[0].text, inputs: used.map(([path]) => path) };
}

async function gzipped(text: string): Promise<number> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).bytes()).length;
}

const entry = `export { createClient, ServiceError } from "./src/client/client.ts";`;

Deno.test("the client is small, and nothing of pushing or of the server is in it", async (t) => {
  const { text, inputs } = await bundle(entry);
  await t.step("at most 6 KB, minified and gzipped", async () => {
    const sizes = `${text.length} bytes minified, ${await gzipped(text)} gzipped`;
    assert(await gzipped(text) <= 6000 && text.length <= 14_000, `${sizes}: ${inputs.join(" ")}`);
  });
  await t.step("imports nothing", () => assertEquals(text.match(/\bimport\b|\brequire\(/g), null));
  await t.step("made of the client's own files", () => {
    const foreign = inputs.filter((path) =>
      !/^src\/(client|outside|packages)\/|eventsource-parser|^<stdin>$/.test(path)
    );
    assertEquals(foreign, []);
    assertEquals(inputs.filter((path) => /push|repository|connection/.test(path)), []);
  });
  await t.step("the calls of the repository would make it larger", async () => {
    const all = await bundle(`${entry} export { rollBack } from "./src/client/client.ts";`);
    assert(all.text.length > text.length + 1000 && all.text.includes("Cannot roll back"));
  });
  await stop();
});

Deno.test("the bundle classifies, generates and streams", async () => {
  const { text } = await bundle(entry);
  await stop();
  const module = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  const { createClient, ServiceError }: typeof import("../../src/client/client.ts") = module;
  await using server = serveApp();
  const client = createClient(server.url);
  const { images } = await client.generate({ label: 3, n: 2, steps: 10, seed: 1 });
  assertEquals((await client.classify(images)).labels.length, 2);
  let frames = 0;
  for await (const { png } of client.stream({ steps: 4, thin: 2 })) {
    frames += Number(png[0] === 0x89);
  }
  assertEquals(frames, 2);
  const error = await client.generate({ label: 12 }).catch((error) => error);
  assert(error instanceof ServiceError && error.status === 400);
});
