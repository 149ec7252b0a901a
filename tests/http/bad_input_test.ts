import { assert, assertEquals } from "@std/assert";
import { encode } from "fast-png";
import fc from "fast-check";
import { encodeGrayPng } from "../../src/image/encode_png.ts";
import { bytesBody, digit, jsonBody, testApp } from "./harness.ts";

const { app } = testApp();

const classify = (pixels: unknown, more = {}) => jsonBody({ pixels, ...more });
const withPixel = (index: number, value: unknown) => digit.map((p, i) => i === index ? value : p);
const headers = (init: RequestInit, more: Record<string, string>): RequestInit => ({
  ...init,
  headers: { ...init.headers as Record<string, string>, ...more },
});
const png = (data: Uint8Array, width: number, height: number) =>
  bytesBody("image/png", encodeGrayPng({ data, width, height }));
const bytes = (length: number) => bytesBody("application/octet-stream", new Uint8Array(length));
const get = (): RequestInit => ({});
const method = (name: string): RequestInit => ({ method: name });

type Case = [what: string, path: string, init: RequestInit, status: number, detail: string];

const cases: Case[] = [
  // bodies as JSON
  ["JSON cut short", "/classify", jsonBody('{"pixels": ['), 400, "Malformed JSON"],
  ["JSON that is text", "/classify", jsonBody("seven"), 400, "Malformed JSON"],
  ["JSON with a NaN", "/classify", jsonBody('{"pixels": [NaN]}'), 400, "Malformed JSON"],
  ["an empty body", "/classify", bytes(0), 400, "The body is empty"],
  [
    "an empty PNG",
    "/classify",
    bytesBody("image/png", new Uint8Array(0)),
    400,
    "The body is empty",
  ],
  ["JSON null", "/classify", jsonBody("null"), 422, "a JSON object, got null"],
  ["a JSON array", "/classify", jsonBody(digit), 422, "a JSON object, got an array"],
  ["a JSON number", "/classify", jsonBody("7"), 422, "a JSON object, got a number"],
  [
    "no pixels",
    "/classify",
    jsonBody({}),
    422,
    "an array of 784 numbers, or of such arrays, got a undefined",
  ],
  [
    "an unknown member",
    "/classify",
    classify(digit, { label: 3 }),
    422,
    'pixels and divisor, got "label"',
  ],
  [
    "a thousand unknown members",
    "/classify",
    jsonBody(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`member ${i}`, 1]))),
    422,
    'pixels and divisor, got "member 0" and 999 more',
  ],
  ["pixels of text", "/classify", classify("AAAA"), 422, "got a string"],
  ["pixels null", "/classify", classify(null), 422, "got null"],
  ["no image", "/classify", classify([]), 422, "Image 0 must have 784 pixels, got 0"],
  [
    "783 pixels",
    "/classify",
    classify(digit.slice(1)),
    422,
    "Image 0 must have 784 pixels, got 783",
  ],
  ["785 pixels", "/classify", classify([...digit, 0]), 422, "784 pixels, got 785"],
  [
    "a short second image",
    "/classify",
    classify([digit, [1]]),
    422,
    "Image 1 must have 784 pixels, got 1",
  ],
  [
    "a number among images",
    "/classify",
    classify([digit, 5]),
    422,
    "Image 1 must have 784 pixels, got a number",
  ],
  [
    "28 rows of 28",
    "/classify",
    classify(Array.from({ length: 28 }, () => new Array(28).fill(9))),
    422,
    "784 pixels, got 28",
  ],
  [
    "a pixel of 256",
    "/classify",
    classify(withPixel(5, 256)),
    422,
    "[0, 255], got 256 at pixel 5 of image 0",
  ],
  [
    "a pixel of -1",
    "/classify",
    classify([digit, withPixel(783, -1)]),
    422,
    "got -1 at pixel 783 of image 1",
  ],
  ["a pixel of text", "/classify", classify(withPixel(3, "9")), 422, 'got "9" at pixel 3'],
  ["a pixel of null", "/classify", classify(withPixel(3, null)), 422, "got null at pixel 3"],
  ["a pixel of true", "/classify", classify(withPixel(3, true)), 422, "got true at pixel 3"],
  ["a pixel of an array", "/classify", classify(withPixel(3, [1])), 422, "got [1] at pixel 3"],
  [
    "a pixel of 1e999",
    "/classify",
    jsonBody(`{"pixels":[1e999${",0".repeat(783)}]}`),
    422,
    "at pixel 0",
  ],
  [
    "pixels scaled to [0, 1]",
    "/classify",
    classify(digit.map((p) => p / 255)),
    422,
    'send "divisor": 1',
  ],
  ["divisor 0", "/classify", classify(digit, { divisor: 0 }), 422, "a number > 0, got 0"],
  ["divisor -1", "/classify", classify(digit, { divisor: -1 }), 422, "got -1"],
  ["divisor of text", "/classify", classify(digit, { divisor: "255" }), 422, 'got "255"'],
  ["divisor null", "/classify", classify(digit, { divisor: null }), 422, "got null"],
  [
    "a pixel above its divisor",
    "/classify",
    classify(digit, { divisor: 1 }),
    422,
    "[0, 1], got 37",
  ],
  [
    "101 images",
    "/classify",
    classify(new Array(101).fill(digit)),
    413,
    "at most 100 images, got 101",
  ],
  // bodies as bytes and PNG
  ["783 bytes", "/classify", bytes(783), 422, "784 bytes an image, got 783 bytes"],
  ["785 bytes", "/classify", bytes(785), 422, "got 785 bytes"],
  ["101 images of bytes", "/classify", bytes(101 * 784), 413, "at most 100 images, got 101"],
  ["2 MiB", "/classify", bytes(2 * 1024 * 1024), 413, "at most 1048576 bytes"],
  [
    "a PNG that is text",
    "/classify",
    bytesBody("image/png", new TextEncoder().encode("no")),
    422,
    "no PNG signature",
  ],
  [
    "a PNG cut short",
    "/classify",
    bytesBody(
      "image/png",
      encodeGrayPng({ data: new Uint8Array(16), width: 4, height: 4 }).slice(0, 50),
    ),
    422,
    "truncated",
  ],
  [
    "a PNG of 5 million pixels",
    "/classify",
    png(new Uint8Array(5_000_000), 5000, 1000),
    422,
    "at most 4194304 pixels, got 5000 × 1000",
  ],
  [
    "a white PNG",
    "/classify",
    png(new Uint8Array(400).fill(255), 20, 20),
    422,
    "at least 16 of 255, got 0",
  ],
  [
    "a transparent PNG",
    "/classify",
    bytesBody("image/png", encode({ width: 5, height: 5, channels: 4, data: new Uint8Array(100) })),
    422,
    "Cannot find a digit",
  ],
  // headers
  [
    "no content type",
    "/classify",
    { method: "POST", body: Uint8Array.from(digit) },
    415,
    "got none",
  ],
  [
    "text/plain",
    "/classify",
    headers(jsonBody("x"), { "content-type": "text/plain" }),
    415,
    'got "text/plain"',
  ],
  ["a form", "/classify", { method: "POST", body: new FormData() }, 415, "multipart/form-data"],
  ["image/jpeg", "/classify", bytesBody("image/jpeg", new Uint8Array(9)), 415, 'got "image/jpeg"'],
  [
    "a broken content type",
    "/classify",
    headers(bytes(784), { "content-type": ";;" }),
    415,
    'got ";;"',
  ],
  [
    "gzip",
    "/classify",
    headers(bytes(784), { "content-encoding": "gzip" }),
    415,
    'identity, got "gzip"',
  ],
  // queries
  ["label 10", "/generate?label=10", get(), 400, 'label must be an integer in [0, 9], got "10"'],
  ["label -1", "/generate?label=-1", get(), 400, 'got "-1"'],
  ["label three", "/generate?label=three", get(), 400, 'got "three"'],
  ["an empty label", "/generate?label=", get(), 400, 'label must be an integer in [0, 9], got ""'],
  ["label 3.5", "/generate?label=3.5", get(), 400, 'got "3.5"'],
  ["label 1e0", "/generate?label=1e0", get(), 400, 'got "1e0"'],
  ["label 0x3", "/generate?label=0x3", get(), 400, 'got "0x3"'],
  ["label twice", "/generate?label=1&label=2", get(), 400, "label must be given once, got 2 times"],
  ["n 0", "/generate?n=0", get(), 400, 'n must be an integer in [1, 100], got "0"'],
  ["n 101", "/generate?n=101", get(), 400, 'got "101"'],
  ["steps 0", "/generate?steps=0", get(), 400, 'steps must be an integer in [1, 10000], got "0"'],
  ["steps 10001", "/generate?steps=10001", get(), 400, 'got "10001"'],
  ["steps of 30 digits", `/generate?steps=${"9".repeat(30)}`, get(), 400, "[1, 10000]"],
  [
    "too many chain-steps",
    "/generate?n=100&steps=1001",
    get(),
    400,
    "n × steps must be at most 100000, got 100 × 1001 = 100100",
  ],
  [
    "a stream that would compute for minutes",
    "/generate?format=sse&n=10&steps=10000&thin=1",
    get(),
    400,
    "at most 20000 ms of computing, got about",
  ],
  [
    "a grid of 5 million pixels",
    "/generate?n=100&scale=8",
    get(),
    400,
    "at most 2097152 pixels, got n × 28 × 28 × scale² = 5017600",
  ],
  ["seed -1", "/generate?seed=-1", get(), 400, "seed must be an integer in [0, 9007199254740991]"],
  ["seed 2^53", "/generate?seed=9007199254740992", get(), 400, 'got "9007199254740992"'],
  ["seed of text", "/generate?seed=abc", get(), 400, 'got "abc"'],
  [
    "burnIn past the end",
    "/generate?steps=5&burnIn=5",
    get(),
    400,
    "burnIn must be below steps, 5, got 5",
  ],
  [
    "thin past the end",
    "/generate?steps=5&thin=6",
    get(),
    400,
    "thin must be at most steps, 5, got 6",
  ],
  ["thin 0", "/generate?thin=0", get(), 400, 'thin must be an integer in [1, 10000], got "0"'],
  ["temperature 0", "/generate?temperature=0", get(), 400, 'a number in [0.05, 20], got "0"'],
  ["temperature Infinity", "/generate?temperature=Infinity", get(), 400, 'got "Infinity"'],
  ["scale 9", "/generate?scale=9", get(), 400, 'scale must be an integer in [1, 8], got "9"'],
  ["format gif", "/generate?format=gif", get(), 400, 'one of png, json, sse, got "gif"'],
  ["start data", "/generate?start=data", get(), 400, 'one of noise, mean, label, got "data"'],
  ["start label without a label", "/generate?start=label", get(), 400, "needs a label"],
  [
    "an unknown parameter",
    "/generate?digit=3",
    get(),
    400,
    'Unknown query parameter "digit"; there are label, n',
  ],
  ["__proto__", "/generate?__proto__=3", get(), 400, 'Unknown query parameter "__proto__"'],
  // paths and methods
  ["an unknown path", "/digits", get(), 404, "There is no /digits"],
  ["a path below a resource", "/classify/3", get(), 404, "There is no /classify/3"],
  ["a path out of the tree", "/%2e%2e/etc/passwd", get(), 404, "There is no"],
  ["GET /classify", "/classify", get(), 405, "/classify takes POST, got GET"],
  ["PUT /classify", "/classify", method("PUT"), 405, "got PUT"],
  ["POST /generate", "/generate", method("POST"), 405, "/generate takes GET, HEAD, got POST"],
  ["DELETE /model", "/model", method("DELETE"), 405, "/model takes GET, HEAD, got DELETE"],
  ["POST /health/ready", "/health/ready", method("POST"), 405, "got POST"],
  ["PATCH /", "/", method("PATCH"), 405, "/ takes GET, HEAD, got PATCH"],
];

for (const [what, path, init, status, detail] of cases) {
  Deno.test(`bad input is answered ${status}: ${what}`, async () => {
    const response = await app.request(path, init);
    const problem = await response.json();
    assertEquals([response.status, problem.status], [status, status], problem.detail);
    assertEquals(response.headers.get("content-type"), "application/problem+json");
    assert(problem.detail.includes(detail), `${problem.detail} lacks ${detail}`);
    assert(problem.detail.length < 1000, `${problem.detail.length} characters`);
    assert(problem.title && problem.type && problem.instance.startsWith("urn:request:"));
    if (status === 405) assertEquals(response.headers.get("allow"), problem.allowed.join(", "));
    if (status === 415) assert(response.headers.get("accept-post")?.includes("image/png"));
    const next = await app.request("/classify", classify(digit));
    assertEquals(next.status, 200, "the server still answers");
    await next.body?.cancel();
  });
}

Deno.test("a body of unknown length is cut off at its bound", async () => {
  const server = Deno.serve({ port: 0, onListen: () => {} }, (request) => app.fetch(request));
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      sent += 65536;
      if (sent > 64 * 1024 * 1024) controller.close();
      else controller.enqueue(new Uint8Array(65536));
    },
  });
  const response = await fetch(`http://localhost:${server.addr.port}/classify`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body,
  });
  assertEquals(response.status, 413);
  await response.body?.cancel();
  assert(sent < 32 * 1024 * 1024, `${sent} bytes were read`);
  await server.shutdown();
});

Deno.test("any JSON at all is answered below 500", async () => {
  await fc.assert(
    fc.asyncProperty(fc.json(), async (text) => {
      const response = await app.request("/classify", jsonBody(text));
      assert(response.status < 500, `${response.status} for ${text}`);
      await response.body?.cancel();
    }),
    { numRuns: 200 },
  );
});

Deno.test("any query at all is answered below 500", async () => {
  const names = fc.constantFrom("label", "n", "steps", "seed", "thin", "scale", "format", "x");
  const queries = fc.array(fc.tuple(names, fc.oneof(fc.string(), fc.integer().map(String))), {
    maxLength: 3,
  });
  await fc.assert(
    fc.asyncProperty(queries, async (pairs) => {
      const query = new URLSearchParams([["steps", "2"], ...pairs]);
      const response = await app.request(`/generate?${query}`, { method: "HEAD" });
      assert(response.status < 500, `${response.status} for ${query}`);
    }),
    { numRuns: 200 },
  );
});
