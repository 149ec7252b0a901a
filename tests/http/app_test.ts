import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { createSimdEngine } from "../../src/engine/simd/simd.ts";
import { tinyModel } from "../model/tiny_model.ts";
import { digit, jsonBody, testApp, tinyEngine, tinyStored } from "./harness.ts";

const { app, log } = testApp();

Deno.test("the model's config and card can be read", async () => {
  await Deno.writeTextFile(new URL("README.md", tinyStored.url), "# tiny card");
  const { app } = testApp();
  const response = await app.request("/model");
  const body = await response.json();
  assertEquals(body.config.architecture.layers, [784, 16, 12]);
  assertEquals([body.engine, body.card], ["reference", "# tiny card"]);
  const card = await app.request("/model", { headers: { accept: "text/markdown" } });
  assertEquals([await card.text(), card.headers.get("content-type")], [
    "# tiny card",
    "text/markdown; charset=utf-8",
  ]);
  const etag = response.headers.get("etag")!;
  const cached = await app.request("/model", { headers: { "if-none-match": etag } });
  assertEquals([cached.status, cached.headers.get("model-version")], [304, "1"]);
});

Deno.test("the model's page says how many threads compute, and why no more", async () => {
  const alone = await (await app.request("/model")).json();
  assertEquals(alone.threads, { wanted: 1, running: 1 });
  const threads = { wanted: 4, running: 1, reason: "a worker did not start: no threads here" };
  const { app: limited } = testApp({ engine: { ...tinyEngine, threads: () => threads } });
  assertEquals((await (await limited.request("/model")).json()).threads, threads);
});

Deno.test("an engine reports a missing worker to who opens it, and computes without", async () => {
  const model = tinyModel(), image = new Float32Array(2 * 784).fill(0.3);
  const expected = await tinyEngine.classifierProbabilities(image);
  const { Memory } = WebAssembly;
  const problems: string[] = [];
  // A platform without shared memory.
  Object.assign(WebAssembly, {
    Memory: class extends Memory {
      constructor(options: WebAssembly.MemoryDescriptor) {
        if (options.shared) throw new TypeError("shared memory is not allowed here");
        super(options);
      }
    },
  });
  try {
    const engine = createSimdEngine(model, {
      onProblem: ({ reason }) => problems.push(reason ?? ""),
    });
    const got = await engine.classifierProbabilities(image);
    got.forEach((p, i) => assertAlmostEquals(p, expected[i], 1e-5));
    assert(engine.threads!().reason?.includes("shared memory is not allowed here"));
    assert(problems.length === 1 && problems[0].includes("shared memory is not allowed here"));
    engine.dispose();
  } finally {
    Object.assign(WebAssembly, { Memory });
  }
});

Deno.test("a model without a card is no error", async () => {
  const { app } = testApp({ model: { ...tinyStored, url: new URL("nowhere/", tinyStored.url) } });
  assertEquals((await (await app.request("/model")).json()).card, null);
});

Deno.test("the index shows how to call the service, with pictures its policy allows", async () => {
  const response = await app.request("http://example.org/");
  const page = await response.text();
  assert(page.includes("http://example.org/generate?label=3"), page);
  assert(page.includes('<img src="/generate?label=9'));
  assertMatch(response.headers.get("content-security-policy")!, /img-src 'self'/);
});

Deno.test("every answer has secure headers and a request id", async () => {
  for (const path of ["/", "/health/live", "/nowhere", "/generate?n=x"]) {
    const response = await app.request(path);
    await response.body?.cancel();
    assertEquals(response.headers.get("x-content-type-options"), "nosniff", path);
    assert(response.headers.get("strict-transport-security"), path);
    assertMatch(response.headers.get("x-request-id")!, /^[\w-]{36}$/, path);
  }
});

Deno.test("a sane request id is kept, any other replaced", async () => {
  const id = async (given: string) => {
    const response = await app.request("/health/live", { headers: { "x-request-id": given } });
    return response.headers.get("x-request-id")!;
  };
  assertEquals(await id("abc-123_X"), "abc-123_X");
  assert(await id("a".repeat(129)) !== "a".repeat(129));
  assert(!(await id("a{b}<c>")).includes("<"));
});

Deno.test("other origins may call, unless that is switched off", async () => {
  const headers = { origin: "https://school.example", "access-control-request-method": "POST" };
  const preflight = await app.request("/classify", { method: "OPTIONS", headers });
  assertEquals([preflight.status, preflight.headers.get("access-control-allow-origin")], [
    204,
    "*",
  ]);
  const closed = testApp({ cors: false }).app;
  const refused = await closed.request("/classify", { method: "OPTIONS", headers });
  assertEquals([refused.status, refused.headers.get("access-control-allow-origin")], [405, null]);
});

Deno.test("the log has a line a request", async () => {
  log.length = 0;
  await app.request("/classify", {
    ...jsonBody({ pixels: digit }),
    headers: { "content-type": "application/json", "x-request-id": "r1" },
  });
  const [{ durationMs, ...line }] = log;
  assertEquals(line, {
    level: "info",
    requestId: "r1",
    method: "POST",
    path: "/classify",
    status: 200,
  });
  assert(typeof durationMs === "number" && durationMs >= 0);
});

Deno.test("the log and messages hold nothing that a terminal obeys, and no path whole", async () => {
  const { app, log } = testApp();
  const marks = "\u0085\u009b\u202e\u2066\u2028\ufeff";
  const answer = await (await app.request(`/a${encodeURIComponent(marks)}b`)).json();
  await app.request(`/${"a".repeat(60_000)}`);
  await app.request("/", { method: "M".repeat(1000) });
  const kept = "/a\\u{85}\\u{9b}\\u{202e}\\u{2066}\\u{2028}\\u{feff}b";
  assertEquals(log[0].path, kept);
  assertEquals(answer.detail, `There is no ${kept}; GET / lists what there is`);
  assertEquals(String(log[1].path).length, 201);
  assertEquals(String(log[2].method).length, 201);
});

Deno.test("an unexpected error is a 500 without its cause, which the log has", async () => {
  const engine = {
    ...tinyEngine,
    jointPosterior: () => Promise.reject(new Error("secret path /x")),
  };
  const { app, log } = testApp({ engine });
  const response = await app.request("/classify", jsonBody({ pixels: digit }));
  const problem = await response.json();
  assertEquals([response.status, problem.status, problem.title], [
    500,
    500,
    "Internal Server Error",
  ]);
  assert(!JSON.stringify(problem).includes("secret"));
  assertEquals(problem.instance, `urn:request:${response.headers.get("x-request-id")}`);
  assert(log.some(({ error }) => String(error).includes("secret path")));
});

Deno.test("answers name their version; a request may ask for it, and for no other", async () => {
  const { app } = testApp();
  const post = (query: string, headers = {}) =>
    app.request(`/classify${query}`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream", ...headers },
      body: Uint8Array.from(digit),
    });
  for (const response of [await post(""), await post("?version=1"), await app.request("/model")]) {
    assertEquals([response.status, response.headers.get("model-version")], [200, "1"]);
    await response.bytes();
  }
  const pinned = await app.request("/generate?steps=1&seed=1", {
    headers: { "model-version": "1" },
  });
  assertEquals(pinned.headers.get("cache-control"), "public, max-age=31536000, immutable");
  const moving = await app.request("/generate?steps=1&seed=1");
  assertEquals(moving.headers.get("etag"), pinned.headers.get("etag"));
  assertEquals(await moving.bytes(), await pinned.bytes());
  const other = await post("", { "model-version": "7" });
  assertEquals([other.status, (await other.json()).served], [404, [1]]);
  for (const bad of ["0", "1.5", "x", "99999999999"]) {
    assertEquals((await post(`?version=${bad}`)).status, 400);
  }
  assertEquals((await post("?version=1", { "model-version": "2" })).status, 400);
});

Deno.test("metrics count requests by version, in Prometheus' text format", async () => {
  const { app } = testApp();
  const read = async () => {
    const response = await app.request("/metrics");
    assertMatch(response.headers.get("content-type")!, /^text\/plain; version=/);
    const lines = (await response.text()).split("\n");
    assert(lines.includes("# HELP dbn_requests_total Requests by version"));
    return lines.find((line) => line.startsWith("dbn_requests_total{"));
  };
  await (await app.request("/generate?steps=1")).bytes();
  await (await app.request("/generate?steps=1")).bytes();
  assertEquals(await read(), 'dbn_requests_total{model="tiny",version="1"} 2');
  assertEquals((await app.request("/metrics", { method: "POST" })).status, 405);
});
