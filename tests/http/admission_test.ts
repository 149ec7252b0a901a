/** The gate as requests meet it: nothing gets past it, nothing of a refusal is cached, no place is lost. */
import { assert, assertEquals } from "@std/assert";
import type { Compute } from "../../src/compute/compute.ts";
import { InlineCompute } from "../../src/compute/inline_compute.ts";
import { connect, delay } from "../serving/running_server.ts";
import { bytesBody, digit, jsonBody, testApp, tinyEngine, tinyStored } from "./harness.ts";

/** Compute that counts what runs at the same time. */
function counting(): Compute & { running: number; most: number } {
  const inner = new InlineCompute(tinyEngine, tinyStored.config.architecture);
  const counted = {
    engineName: inner.engineName,
    imageSize: inner.imageSize,
    labelSize: inner.labelSize,
    threads: () => inner.threads(),
    running: 0,
    most: 0,
    classify: (images: Float32Array) => inner.classify(images),
    async *frames(...args: Parameters<Compute["frames"]>) {
      counted.most = Math.max(counted.most, ++counted.running);
      try {
        yield* inner.frames(...args);
      } finally {
        counted.running--;
      }
    },
    readPicture: (...args: Parameters<Compute["readPicture"]>) => inner.readPicture(...args),
    dispose: () => inner.dispose(),
  };
  return counted;
}

Deno.test("of 64 requests at once no more than there are places run together, and all are answered", async () => {
  const compute = counting();
  const { app } = testApp({ compute, bounds: { maxRunning: 4 } });
  const answers = await Promise.all(
    Array.from({ length: 64 }, async (_, i) => {
      const response = await app.request(`/generate?steps=3&seed=${i}`);
      await response.bytes();
      return response.status;
    }),
  );
  assertEquals(answers, new Array(64).fill(200));
  assert(compute.most <= 4, `${compute.most} ran together`);
});

Deno.test("a refusal for want of a place is not cached, even of a seeded request", async () => {
  const { app } = testApp({ bounds: { maxRunning: 1, maxWaiting: 0 } });
  const running = await app.request("/generate?steps=5000&format=sse&thin=5000");
  const refused = await app.request("/generate?steps=1&seed=7");
  assertEquals(refused.status, 503);
  assertEquals(refused.headers.get("cache-control"), "no-store");
  assertEquals(refused.headers.get("etag"), null);
  assertEquals(refused.headers.get("retry-after"), "1");
  const problem = await refused.json();
  assertEquals([problem.status, problem.reason], [503, "full"]);
  await running.body?.cancel();
});

Deno.test("a wait for a place that takes too long is refused, and says when to come again", async () => {
  const { app } = testApp({ bounds: { maxRunning: 1, maxWaitMs: 30 } });
  const running = await app.request("/generate?steps=5000&format=sse&thin=5000");
  const refused = await app.request("/generate?steps=1");
  assertEquals([refused.status, (await refused.json()).reason], [503, "deadline"]);
  await running.body?.cancel();
});

Deno.test("HEAD of a stream takes no place", async () => {
  const { app } = testApp({ bounds: { maxRunning: 1, maxWaiting: 0 } });
  for (let i = 0; i < 20; i++) {
    const response = await app.request("/generate?format=sse&steps=9", { method: "HEAD" });
    assertEquals([response.status, response.headers.get("content-type")], [
      200,
      "text/event-stream",
    ]);
  }
  await (await app.request("/generate?steps=1")).bytes();
});

Deno.test("a reader that takes nothing loses its stream, and its place is free", async () => {
  const compute = counting();
  const { app } = testApp({
    compute,
    bounds: { maxRunning: 1, maxWaiting: 0, readTimeoutMs: 200 },
  });
  const server = Deno.serve({ port: 0, onListen: () => {} }, (request) => app.fetch(request));
  const { port } = server.addr;
  const stalled = await connect(
    port,
    "GET /generate?format=sse&steps=900&thin=1&n=9&scale=4 HTTP/1.1\r\nHost: localhost\r\n\r\n",
  );
  for (let i = 0; i < 1000 && compute.running === 0; i++) await delay(10);
  assertEquals(compute.running, 1);
  for (let i = 0; i < 400 && compute.running > 0; i++) await delay(50);
  assertEquals(compute.running, 0);
  const next = await fetch(`http://localhost:${port}/generate?steps=1`);
  assertEquals(next.status, 200);
  await next.bytes();
  stalled.close();
  await server.shutdown();
});

Deno.test("a body that does not arrive is given up with 408", async () => {
  const { app } = testApp({ bounds: { bodyTimeoutMs: 50 } });
  const body = new ReadableStream({ start: (controller) => controller.enqueue(Uint8Array.of(1)) });
  const headers = { "content-type": "application/octet-stream" };
  const response = await app.request("/classify", { method: "POST", headers, body });
  assertEquals(response.status, 408);
  assertEquals((await response.json()).bodyTimeoutMs, 50);
});

Deno.test("at most so many bodies are read at the same time", async () => {
  const { app } = testApp({ bounds: { maxClassifying: 2, maxWaiting: 0, bodyTimeoutMs: 100 } });
  const slow = () =>
    app.request("/classify", {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: new ReadableStream({ start: (controller) => controller.enqueue(Uint8Array.of(1)) }),
    });
  const statuses = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const response = await slow();
      await response.body?.cancel();
      return response.status;
    }),
  );
  assertEquals(statuses.toSorted(), [408, 408, 503, 503, 503]);
});

const blank = new Uint8Array(784);
for (
  const [type, init] of [
    ["octets", bytesBody("application/octet-stream", blank)],
    ["JSON", jsonBody({ pixels: [...blank] })],
  ] as const
) {
  Deno.test(`a blank image is refused as ${type}, as it is as a PNG`, async () => {
    const response = await testApp().app.request("/classify", init);
    assertEquals(response.status, 422);
    assert((await response.json()).detail.includes("Image 0 is blank"));
  });
}

Deno.test("octets obey the model's divisor, as JSON does", async () => {
  const config = { ...tinyStored.config, preprocessing: { divisor: 100 } };
  const { app } = testApp({ model: { ...tinyStored, config } });
  const bytes = Uint8Array.from(digit, (pixel) => pixel % 101);
  const octets = await app.request("/classify", bytesBody("application/octet-stream", bytes));
  const json = await app.request("/classify", jsonBody({ pixels: [...bytes] }));
  assertEquals(await octets.json(), await json.json());
  const above = await app.request(
    "/classify",
    bytesBody("application/octet-stream", bytes.with(3, 101)),
  );
  assertEquals(above.status, 422);
  assert((await above.json()).detail.includes("[0, 100], got 101 at pixel 3"));
});

Deno.test("a divisor near 1 takes pixels below it", async () => {
  const pixels = digit.map((pixel) => pixel / 255);
  const response = await testApp().app.request("/classify", jsonBody({ pixels, divisor: 1.5 }));
  assertEquals(response.status, 200);
});

Deno.test("no message repeats a megabyte of the request, and no nesting breaks it", async () => {
  const { app } = testApp(), long = "x".repeat(900_000);
  const deep = "[".repeat(5000) + "]".repeat(5000);
  const requests: [string, RequestInit | undefined, number][] = [
    ["/classify", jsonBody({ pixels: [...digit.slice(1), long] }), 422],
    ["/classify", jsonBody(`{"pixels":${deep}}`), 422],
    ["/classify", jsonBody(`{"pixels":[${deep}${",0".repeat(783)}]}`), 413],
    ["/classify", jsonBody({ [long]: 1 }), 422],
    [
      "/classify",
      { method: "POST", headers: { "content-type": long.slice(0, 9000) }, body: "a" },
      415,
    ],
    [`/generate?${"y".repeat(9000)}=1`, undefined, 400],
    [`/generate?label=${"y".repeat(9000)}`, undefined, 400],
    [`/${"y".repeat(60_000)}`, undefined, 404],
  ];
  for (const [path, init, status] of requests) {
    const response = await app.request(path, init), text = await response.text();
    assertEquals(response.status, status, text.slice(0, 300));
    assert(text.length <= 1024, `${text.length} characters for ${path.slice(0, 30)}`);
  }
});

Deno.test("classify refuses parameters, as generate does", async () => {
  const response = await testApp().app.request("/classify?divisor=1", jsonBody({ pixels: digit }));
  assertEquals(response.status, 400);
});

Deno.test("a picture sent to a model of another size is refused with what it takes", async () => {
  const architecture = { ...tinyStored.config.architecture, height: 56, width: 14 };
  const { app } = testApp({
    model: { ...tinyStored, config: { ...tinyStored.config, architecture } },
  });
  const response = await app.request("/classify", bytesBody("image/png", Uint8Array.of(1)));
  assertEquals(response.status, 415);
  assert((await response.json()).detail.includes("56 × 14"));
});
