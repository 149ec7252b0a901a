/** Files of versions that clients read, slowly or not at all. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { defaultBounds } from "../../../src/http/bounds.ts";
import { digestOf } from "./memory_repository.ts";
import { MODEL, pushVersion, repositoryApp } from "./harness.ts";

const bytes = Uint8Array.from({ length: 700_000 }, (_, i) => i * i % 251);
const url = `/v2/repository/models/${MODEL}/versions/1/files/weights.bin`;

/** An app with a version of one file, and room for one reader. */
async function startApp(maxWaitMs: number) {
  const bounds = { ...defaultBounds, maxDownloads: 1, maxWaitMs, readTimeoutMs: 200 };
  const { app } = repositoryApp({ bounds });
  await pushVersion(app, 1, { "weights.bin": bytes });
  return app;
}

Deno.test("a reader that takes nothing keeps its place, and is given up", async () => {
  const app = await startApp(20), stalled = await app.request(url);
  assertEquals(stalled.status, 200);
  const refused = await app.request(url);
  assertEquals([refused.status, (await refused.json()).reason], [503, "deadline"]);
  assertEquals((await app.request(`/v2/repository/models/${MODEL}/aliases`)).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 250));
  await assertRejects(() => stalled.arrayBuffer(), DOMException, "took nothing");
  const whole = new Uint8Array(await (await app.request(url)).arrayBuffer());
  assertEquals(await digestOf(whole), await digestOf(bytes));
});

Deno.test("a reader that leaves, and one that has all, give their places back", async () => {
  const app = await startApp(1000);
  for (let i = 0; i < 3; i++) {
    await (await app.request(url)).body!.cancel();
    const reader = (await app.request(url)).body!.getReader();
    assert((await reader.read()).value!.length < bytes.length, "it comes in parts");
    await reader.cancel();
    assertEquals((await (await app.request(url)).arrayBuffer()).byteLength, bytes.length);
  }
});

Deno.test("a file at a port has its length, and is not sent again to who has it", async () => {
  const app = await startApp(1000);
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => app.fetch(request),
  );
  const at = `http://127.0.0.1:${server.addr.port}${url}`, response = await fetch(at);
  assertEquals(response.headers.get("content-length"), String(bytes.length));
  assertEquals((await response.arrayBuffer()).byteLength, bytes.length);
  const etag = response.headers.get("etag")!;
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    const again = await fetch(at, { headers: { "if-none-match": known } });
    assertEquals([again.status, await again.text()], [304, ""]);
  }
});
