/**
 * A real server under load, with clients that stall, leave, or break off: health lives, places come free,
 * and stopping ends.
 */
import { assert, assertEquals } from "@std/assert";
import {
  connect,
  delay,
  readAll,
  type RunningServer,
  startBy,
  startServer,
} from "./running_server.ts";

const digit = Uint8Array.from({ length: 784 }, (_, i) => (i * 37) % 256);
const quick = ["sse", "png"].map((format) => `/generate?steps=1&format=${format}`);

/** Milliseconds of `count` requests, one after the other, sorted. */
async function latencies(url: string, count: number, init?: RequestInit): Promise<number[]> {
  const ms: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now(), response = await fetch(url, init);
    await response.bytes();
    assertEquals(response.status, 200);
    ms.push(performance.now() - started);
    await delay(5);
  }
  return ms.sort((a, b) => a - b);
}

/** Resolves when generations have been admitted: their heads are sent, and logged. */
async function untilAdmitted(server: RunningServer, count = 1): Promise<void> {
  while (server.log().split('"path":"/generate","status":200').length <= count) await delay(10);
}

Deno.test("health and classification answer while every place generates", async () => {
  const server = await startServer();
  const leaving = new AbortController(), { signal } = leaving;
  const busy = Array.from(
    { length: 20 },
    (_, i) =>
      fetch(`${server.origin}/generate?n=100&steps=1000&seed=${i}`, { signal }).then(
        (response) => response.bytes(),
      ),
  );
  await delay(200);
  const health = await latencies(`${server.origin}/health/live`, 100);
  const body = {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: digit,
  };
  const classify = await latencies(`${server.origin}/classify`, 50, body);
  // Far above what an idle machine shows, and far below the seconds that a starved server took.
  assert(health[90] < 150, `health took ${health[90].toFixed(0)} ms`);
  assert(classify[45] < 400, `classification took ${classify[45].toFixed(0)} ms`);
  leaving.abort();
  await Promise.allSettled(busy);
  // Whoever left gives the place back at once: all of them are free for others.
  const started = performance.now();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      const response = await fetch(`${server.origin}/generate?steps=1`);
      assertEquals(response.status, 200);
      await response.bytes();
    }),
  );
  const ms = performance.now() - started;
  assert(ms < 1500, `places were free after ${ms.toFixed(0)} ms`);
  assertEquals((await server.stop()).code, 0);
});

Deno.test("HEAD takes no place, however often it asks for a stream, and tells no wrong length", async () => {
  const server = await startServer();
  for (const path of quick) {
    for (let i = 0; i < 40; i++) {
      const response = await fetch(server.origin + path, { method: "HEAD" });
      assertEquals([response.status, response.headers.get("content-length")], [200, null]);
    }
  }
  for (const path of ["/", "/model", "/model/card", "/health/live", "/nothing"]) {
    const body = await (await fetch(server.origin + path)).bytes();
    const { headers } = await fetch(server.origin + path, { method: "HEAD" });
    const length = headers.get("content-length");
    assert(length === null || Number(length) === body.length, `${path} is not ${length} bytes`);
  }
  const after = await fetch(`${server.origin}/generate?steps=1`);
  assertEquals(after.status, 200);
  await after.bytes();
  const unchanged = await fetch(`${server.origin}/generate?seed=1`, {
    method: "HEAD",
    headers: { "if-none-match": "*" },
  });
  assertEquals(unchanged.status, 304);
  await server.stop();
});

Deno.test("a stopping server ends within its grace, whatever stalled connections are open", async () => {
  const server = await startServer("--grace-seconds", "1");
  const head = "Host: localhost\r\nContent-Type: application/octet-stream\r\n";
  const open = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      connect(
        server.port,
        [
          `POST /classify HTTP/1.1\r\n${head}Content-Length: 784\r\n\r\nabc`,
          "GET /generate?format=sse&steps=10000&thin=1&scale=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "GET /gener",
          "GET /generate?n=50&scale=5&steps=1 HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200),
        ][i % 4],
      )),
  );
  await delay(300);
  const { code, ms } = await server.stop();
  assertEquals(code, 0);
  // Far below for ever, which it took, and above what a busy machine needs to end a process.
  assert(ms < 5000, `it took ${ms.toFixed(0)} ms`);
  for (const connection of open) connection.close();
});

Deno.test("what was admitted is answered before the server ends", async () => {
  const server = await startServer();
  const running = fetch(`${server.origin}/generate?n=50&steps=500&seed=1`);
  await untilAdmitted(server);
  const stopping = server.stop();
  assert((await (await running).bytes()).length > 1000);
  assertEquals((await stopping).code, 0);
});

Deno.test("a server started by deno task ends gently too", async () => {
  const server = await startBy([Deno.execPath(), "task", "start"]);
  const running = fetch(`${server.origin}/generate?n=50&steps=500&seed=1`);
  await untilAdmitted(server);
  const stopping = server.stop();
  assert((await (await running).bytes()).length > 1000);
  assertEquals((await stopping).code, 0);
});

Deno.test("a server behind a program that passes no signal on ends gently with their group", async () => {
  // As npx, and a shell: both end at once, and leave the server to itself.
  const run = `"${Deno.execPath()}" task start "$@"; exit $?`;
  const server = await startBy(["sh", "-c", run, "sh"], [], { group: true });
  const running = fetch(`${server.origin}/generate?n=50&steps=500&seed=1`);
  await untilAdmitted(server);
  const stopping = server.stop();
  assert((await (await running).bytes()).length > 1000);
  await stopping;
  assert(/^stopped$/m.test(server.log()), server.log());
});

Deno.test("an answer that the grace does not suffice for is broken off, and does not look whole", async () => {
  const server = await startServer("--grace-seconds", "0.3");
  const head = "HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const cut = await Promise.all(
    [0, 1, 2, 3].map((seed) =>
      connect(server.port, `GET /generate?n=100&steps=1000&seed=${seed} ${head}`)
    ),
  );
  await untilAdmitted(server, 4);
  const stopping = server.stop(), answers = await Promise.all(cut.map((one) => readAll(one)));
  for (const answer of answers) {
    assert(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
    assert(/transfer-encoding: chunked/i.test(answer) && !answer.endsWith("\r\n0\r\n\r\n"));
  }
  assertEquals((await stopping).code, 0);
  assert(/^stopped after 0.3 s, with connections open$/m.test(server.log()), server.log());
});

Deno.test("a stop refuses who waits, and ends a stream whole, with an event that says why", async () => {
  const server = await startServer();
  const streams = Array.from(
    { length: 40 },
    (_, i) => fetch(`${server.origin}/generate?format=sse&steps=10000&thin=100&seed=${i}`),
  );
  await untilAdmitted(server);
  await delay(300);
  const stopping = server.stop();
  const counts = { 200: 0, 503: 0 };
  for (const response of await Promise.all(streams)) {
    counts[response.status as 200 | 503]++;
    const text = await response.text();
    if (response.status === 503) assertEquals(JSON.parse(text).reason, "stopping");
    else assert(/event: error\ndata: [^\n]*"reason":"stopping"}\n\n$/.test(text), text.slice(-300));
  }
  assert(counts[200] > 0 && counts[503] > 0 && counts[200] + counts[503] === 40);
  const { code, ms } = await stopping;
  assertEquals(code, 0);
  assert(ms < 5000, `it took ${ms.toFixed(0)} ms`);
});

Deno.test("a stop that arrives twice is one, a later one ends at once", async () => {
  for (const [wait, n, code] of [[20, 10, 0], [400, 100, 130]]) {
    const server = await startServer();
    const running = fetch(`${server.origin}/generate?n=${n}&steps=1000&seed=1`);
    running.catch(() => {}); // the second server breaks it off
    await untilAdmitted(server);
    server.signal("SIGTERM");
    while (!server.log().includes("stopping;")) await delay(5); // a busy machine is slow to hear
    await delay(wait);
    const end = await server.stop();
    assertEquals(end.code, code);
    if (code === 0) await (await running).bytes();
  }
});

const broken: [what: string, request: string, status: number][] = [
  [
    "a chunked body that is not one",
    "POST /classify HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    400,
  ],
  ["a host that is none", "GET / HTTP/1.1\r\nHost: x:y\r\nConnection: close\r\n\r\n", 200],
];

for (const [what, request, status] of broken) {
  Deno.test(`no stack and no 500 comes of ${what}`, async () => {
    const server = await startServer();
    const connection = await connect(server.port, request);
    const answer = await readAll(connection, 1500);
    const got = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1];
    assert(got === undefined || Number(got) === status, answer.slice(0, 300));
    await server.stop();
    assert(!server.log().includes('"error"'), server.log());
  });
}
