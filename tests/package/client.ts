/** The installed package's client: how large it is in a browser, and what it does under Node. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { gzipSync } from "node:zlib";
import { build, stop } from "npm:esbuild@0.28.2";
import { createClient } from "../../src/client/client.ts";
import { closedAddress, eventually, running, serveApp } from "../client/running_app.ts";
import type { Installation } from "./installed.ts";

/** Checks that a bundle of `createClient` is small, and free of what pushes and serves. */
export async function checkClientSize({ directory }: Installation): Promise<void> {
  const { outputFiles: [{ text, contents }] } = await build({
    stdin: {
      contents: 'export { createClient, ServiceError } from "@dbn-edge/dbn-edge/client";',
      resolveDir: directory,
    },
    ...{ bundle: true, minify: true, format: "esm", platform: "browser", write: false },
  });
  await stop();
  const bytes = gzipSync(contents).length;
  assert(bytes <= 6000, `${bytes} bytes gzipped, ${contents.length} minified`);
  assertEquals(text.match(/\bimport\b|Cannot (push|promote|roll back)|safetensors/g), null);
}

const program = `
import { createClient, ServiceError } from "@dbn-edge/dbn-edge/client";
const client = createClient(process.argv[2], { token: "dbn_x" });
const options = { label: 3, n: 2, steps: 20, seed: 1 };
const { images, labels } = await client.generate(options);
const { png } = await client.generate({ ...options, format: "png" });
const read = await client.classify(images);
const picture = await client.classify(new Blob([png]));
const steps = [];
for await (const { step } of client.stream({ n: 5, steps: 9000, thin: 1, scale: 1 })) {
  steps.push(step);
  if (step === 3) break;
}
const refused = await client.generate({ label: 12 }).catch((error) => error);
const gone = await createClient(process.argv[3]).ready().catch((error) => error);
const late = await client.ready({ signal: AbortSignal.abort() }).catch((error) => error);
console.log(JSON.stringify({
  labels, png: png.length, read: read.images, picture: picture.labels, steps,
  refused: [refused instanceof ServiceError, refused.status, refused.problem.max],
  gone: [gone instanceof ServiceError, gone.kind], late: late.name,
}));
`;

/** Checks that a program under Node gets what Deno gets, and that the stream it leaves ends. */
export async function checkClientInNode({ directory, run }: Installation): Promise<void> {
  await using server = serveApp();
  await Deno.writeTextFile(join(directory, "client.js"), program);
  const { code, stdout, stderr } = await run("node", "client.js", server.url, closedAddress());
  assertEquals(code, 0, stderr);
  await eventually(async () => await running(server.url) === 0);
  const client = createClient(server.url), options = { label: 3, n: 2, steps: 20, seed: 1 };
  const { images, labels } = await client.generate(options);
  const { png } = await client.generate({ ...options, format: "png" });
  assertEquals(JSON.parse(stdout), {
    labels,
    png: png.length,
    read: (await client.classify(images)).images,
    picture: (await client.classify(png)).labels,
    steps: [1, 2, 3],
    refused: [true, 400, 9],
    gone: [true, "connection"],
    late: "AbortError",
  });
}
