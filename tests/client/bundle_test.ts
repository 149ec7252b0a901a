/** What a bundler makes of the client for a browser: how large it is, and that it runs there. */
import { assert, assertEquals } from "@std/assert";
import { bundle, entry } from "./bundle.ts";
import { serveApp } from "./running_app.ts";

async function gzipped(text: string): Promise<number> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).bytes()).length;
}

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
});

Deno.test("the bundle classifies, generates and streams", async () => {
  const { text } = await bundle(entry);
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
