import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Engine } from "../../src/engine/engine.ts";
import { decodePng } from "../../src/image/png.ts";
import { generateFrame } from "../../src/sampling/gibbs.ts";
import { jsonBody, testApp, tinyEngine } from "./harness.ts";

const { app } = testApp();

async function get(query: string, headers: Record<string, string> = {}) {
  const response = await app.request(`/generate${query}`, { headers });
  assertEquals(response.status, 200, await response.clone().text());
  return response;
}

/** An engine that counts the steps of its chains. */
function countingEngine(): Engine & { steps: number } {
  const counting = {
    ...tinyEngine,
    steps: 0,
    async hiddenGivenVisible(...args: Parameters<Engine["hiddenGivenVisible"]>) {
      counting.steps++;
      await new Promise((resolve) => setTimeout(resolve, 1));
      return await tinyEngine.hiddenGivenVisible(...args);
    },
  };
  return counting;
}

/** Events of a stream: name and parsed data. */
async function events(response: Response) {
  const text = await response.text();
  return text.trim().split("\n\n").map((block) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
    return { event: field("event"), id: field("id"), data: JSON.parse(field("data")!) };
  });
}

Deno.test("a PNG grid of n digits comes back, the same bytes for the same seed", async () => {
  const response = await get("?label=3&n=16&steps=20&seed=1&scale=1");
  assertEquals(response.headers.get("content-type"), "image/png");
  const bytes = await response.bytes();
  const { width, height } = await decodePng(bytes);
  assertEquals([width, height], [4 * 30 + 2, 4 * 30 + 2]);
  const again = await (await get("?n=16&label=3&seed=1&scale=1&steps=20")).bytes();
  assertEquals(again, bytes);
  assertNotEquals(await (await get("?label=3&n=16&steps=20&seed=2&scale=1")).bytes(), bytes);
});

Deno.test("JSON holds the library's digits as bytes, which classify takes", async () => {
  const body = await (await get("?label=3&n=2&steps=20&seed=1&format=json")).json();
  const { images } = await generateFrame(tinyEngine, { label: 3, n: 2, steps: 20, seed: 1 });
  assertEquals(body.pixels.flat(), [...images].map((p) => Math.round(255 * p)));
  assertEquals([body.labels, body.seed, body.step], [[3, 3], 1, 20]);
  const classified = await app.request("/classify", jsonBody({ pixels: body.pixels }));
  assertEquals((await classified.json()).images.length, 2);
});

Deno.test("fewer chains give the first of more", async () => {
  const two = await (await get("?n=2&steps=9&seed=5&format=json")).json();
  const five = await (await get("?n=5&steps=9&seed=5&format=json")).json();
  assertEquals(five.pixels.slice(0, 2), two.pixels);
});

Deno.test("the format comes from the query, else from the Accept header, else PNG", async () => {
  const type = async (query: string, accept?: string) =>
    (await get(query, accept ? { accept } : {})).headers.get("content-type");
  assertEquals(await type("?steps=1"), "image/png");
  assertEquals(await type("?steps=1", "*/*"), "image/png");
  assertEquals(await type("?steps=1", "application/json"), "application/json");
  assertEquals(await type("?steps=1", "text/event-stream"), "text/event-stream");
  assertEquals(await type("?steps=1&format=png", "application/json"), "image/png");
});

Deno.test("a stream has a frame for every kept step, then done", async () => {
  const all = await events(await get("?steps=10&thin=3&burnIn=2&seed=4&n=2&label=1&format=sse"));
  assertEquals(all.map(({ event }) => event), ["frame", "frame", "frame", "done"]);
  assertEquals(all.map(({ id }) => id), ["5", "8", "10", undefined]);
  assertEquals([all[0].data.step, all[0].data.steps, all[0].data.labels], [5, 10, [1, 1]]);
  const png = Uint8Array.from(atob(all[2].data.png), (c) => c.charCodeAt(0));
  const direct = await (await get("?steps=10&burnIn=0&seed=4&n=2&label=1")).bytes();
  assertEquals(png, direct);
  assertEquals(all[3].data, { steps: 10, seed: 4 });
});

Deno.test("a seeded answer can be cached, an unseeded one says its seed", async () => {
  const seeded = await get("?steps=2&seed=7");
  await seeded.body?.cancel();
  assertEquals(seeded.headers.get("cache-control"), "public, no-cache");
  assertEquals(seeded.headers.get("vary"), "Accept, Model-Version");
  const free = await get("?steps=2");
  assertEquals(free.headers.get("cache-control"), "no-store");
  assertEquals(free.headers.get("etag"), null);
  const seed = free.headers.get("x-seed")!;
  assertEquals(await (await get(`?steps=2&seed=${seed}`)).bytes(), await free.bytes());
});

Deno.test("If-None-Match is answered 304 without running a chain", async () => {
  const engine = countingEngine();
  const { app } = testApp({ engine });
  const first = await app.request("/generate?steps=3&seed=7");
  await first.bytes();
  assertEquals(engine.steps, 3);
  const etag = first.headers.get("etag")!;
  for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
    const response = await app.request("/generate?steps=3&seed=7", {
      headers: { "if-none-match": tag },
    });
    assertEquals(response.status, 304);
    assertEquals(await response.text(), "");
  }
  assertEquals(engine.steps, 3);
  for (const query of ["?steps=3&seed=8", "?steps=4&seed=7", "?steps=3&seed=7&format=json"]) {
    const response = await app.request(`/generate${query}`, { headers: { "if-none-match": etag } });
    assertEquals(response.status, 200);
    await response.bytes();
  }
});

Deno.test("HEAD has the headers and runs no chain", async () => {
  const engine = countingEngine();
  const { app } = testApp({ engine });
  const response = await app.request("/generate?steps=50&seed=7", { method: "HEAD" });
  assertEquals(response.status, 200);
  assert(response.headers.get("etag"));
  assertEquals(await response.text(), "");
  assertEquals(engine.steps, 0);
});

for (const format of ["png", "json", "sse"]) {
  Deno.test(`a chain stops when the client of a ${format} leaves`, async () => {
    const engine = countingEngine();
    const { app } = testApp({ engine });
    const server = Deno.serve({ port: 0, onListen: () => {} }, (request) => app.fetch(request));
    const client = new AbortController();
    const url = `http://localhost:${server.addr.port}/generate?steps=10000&format=${format}`;
    const reading = fetch(url, { signal: client.signal }).then((response) => response.text());
    while (engine.steps < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    client.abort();
    await reading.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 100));
    const steps = engine.steps;
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertEquals(engine.steps, steps);
    assert(steps < 9000);
    await server.shutdown();
  });
}

Deno.test("more requests than may run at once are told to try again", async () => {
  const { app } = testApp({ engine: countingEngine(), bounds: { maxRunning: 1, maxWaiting: 0 } });
  const running = await app.request("/generate?steps=200&format=sse");
  const reader = running.body!.getReader();
  await reader.read();
  const refused = await app.request("/generate?steps=1");
  assertEquals(refused.status, 503);
  assertEquals(refused.headers.get("retry-after"), "1");
  await refused.body?.cancel();
  await reader.cancel();
  await new Promise((resolve) => setTimeout(resolve, 30));
  await (await app.request("/generate?steps=1")).bytes();
});

Deno.test("streams end and readiness turns off when the server stops", async () => {
  const shutdown = new AbortController();
  const { app } = testApp({ engine: countingEngine(), shutdown: shutdown.signal });
  const response = await app.request("/generate?steps=10000&format=sse");
  setTimeout(() => shutdown.abort(), 50);
  assert(!(await response.text()).includes("event: done"));
  assertEquals((await app.request("/health/ready")).status, 503);
  assertEquals((await app.request("/health/live")).status, 200);
});

Deno.test("an engine that fails ends the stream with an error event, and the log knows why", async () => {
  const engine = { ...tinyEngine, downPass: () => Promise.reject(new Error("out of memory")) };
  const { app, log } = testApp({ engine });
  const all = await events(await app.request("/generate?steps=3&format=sse"));
  assertEquals(all.map(({ event }) => event), ["error"]);
  assert(!JSON.stringify(all).includes("memory"));
  assert(
    log.some(({ level, error }) => level === "error" && String(error).includes("out of memory")),
  );
});
