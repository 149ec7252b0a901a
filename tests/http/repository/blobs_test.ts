/** Blobs: whole, in parts, broken off, silent, and bodies that lie. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { manifestBounds } from "../../../src/format/manifest.ts";
import { defaultBounds } from "../../../src/http/bounds.ts";
import { delay, readAll } from "../../serving/running_server.ts";
import { bearer, repositoryApp, sendBlob, tokens } from "./harness.ts";
import { digestOf } from "./memory_repository.ts";
import { repositories } from "./repositories.ts";

/** Bytes that differ from place to place. */
function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * i + i) % 251);
}

const bytes = bytesOf(10_000), sha256 = await digestOf(bytes), size = bytes.length;
const path = `/v2/repository/blobs/${sha256}`;

/** Sends bytes from `first` on. */
function part(first: number, body: Uint8Array<ArrayBuffer>, total = size): RequestInit {
  const range = `bytes ${first}-${first + body.length - 1}/${total}`;
  return { method: "PUT", headers: { ...bearer("push"), "content-range": range }, body };
}

type Caller = (path: string, init?: RequestInit) => Response | Promise<Response>;

async function statusOf(call: Caller, init: RequestInit): Promise<number> {
  const response = await call(path, init);
  await response.body?.cancel();
  return response.status;
}

/** What HEAD tells of the blob. */
async function head(call: Caller) {
  const { status, headers } = await call(`${path}?size=${size}`, {
    method: "HEAD",
    headers: bearer("push"),
  });
  return [status, headers.get("upload-offset"), headers.get("upload-complete")];
}

for (const [name, open] of Object.entries(repositories)) {
  Deno.test(`${name}: a blob comes in parts, and HEAD tells how much is there`, async () => {
    const { app } = repositoryApp({ repository: await open() });
    const call: Caller = (path, init) => app.request(path, init);
    assertEquals(await head(call), [404, "0", "?0"]);
    assertEquals(await statusOf(call, part(0, bytes.slice(0, 4000))), 202);
    assertEquals(await head(call), [404, "4000", "?0"]);
    for (const wrong of [0, 3999, 4001, 6000]) {
      const response = await app.request(path, part(wrong, bytes.slice(wrong)));
      assertEquals([response.status, response.headers.get("upload-offset")], [409, "4000"]);
      assertEquals((await response.json()).received, 4000);
    }
    assertEquals(await statusOf(call, part(4000, bytes.slice(4000))), 201);
    assertEquals(await head(call), [200, "10000", "?1"]);
    assertEquals(await statusOf(call, part(0, bytes)), 200);
  });

  Deno.test(`${name}: bytes of another SHA-256 are refused and not kept`, async () => {
    const { app } = repositoryApp({ repository: await open() });
    const call: Caller = (path, init) => app.request(path, init);
    const other = bytes.slice();
    other[9_999] ^= 1;
    assertEquals((await sendBlob(app, sha256, other)).status, 422);
    assertEquals(await head(call), [404, "0", "?0"]);
    assertEquals(await statusOf(call, part(0, other.slice(0, 5000))), 202);
    assertEquals(await statusOf(call, part(5000, other.slice(5000))), 422);
    assertEquals(await head(call), [404, "0", "?0"]);
    assertEquals((await sendBlob(app, sha256, bytes)).status, 201);
  });

  Deno.test(`${name}: a body with more bytes than it says completes no blob`, async () => {
    const { app } = repositoryApp({ repository: await open() });
    const call: Caller = (path, init) => app.request(path, init);
    const body = new ReadableStream({
      start(controller) {
        for (const chunk of [bytes.slice(0, 4000), bytes.slice(4000), new Uint8Array(1)]) {
          controller.enqueue(chunk);
        }
        controller.close();
      },
    });
    const long = await app.request(path, {
      ...{ ...part(0, bytes), body, duplex: "half" } as RequestInit,
    });
    assertEquals(long.status, 400);
    assertMatch(
      (await long.json()).detail,
      /must have 10000 bytes as Content-Range says, got more/,
    );
    assertEquals((await head(call))[0], 404);
    const short = await app.request(path, {
      ...part(4000, bytes.slice(4000)),
      body: bytes.slice(4000, 9000),
    });
    assertEquals(short.status, 400);
    assertEquals(await head(call), [404, "9000", "?0"]);
    assertEquals(await statusOf(call, part(9000, bytes.slice(9000))), 201);
  });

  Deno.test(`${name}: after a broken connection sending goes on from what is there`, async () => {
    const { app } = repositoryApp({ repository: await open() });
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, app.fetch);
    const { port } = server.addr, large = bytesOf(700_000), digest = await digestOf(large);
    const at = `/v2/repository/blobs/${digest}`, origin = `http://127.0.0.1:${port}`;
    const offset = async () => {
      const init = { method: "HEAD", headers: bearer("push") };
      const { headers } = await fetch(`${origin}${at}?size=${large.length}`, init);
      return Number(headers.get("upload-offset"));
    };
    let there = 0;
    for (let end = 200_000; end < large.length; end += 200_000) {
      const connection = await Deno.connect({ port });
      const range = `bytes ${there}-${large.length - 1}/${large.length}`;
      await sendAll(
        connection,
        new TextEncoder().encode(
          `PUT ${at} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.push.token}\r\n` +
            `Content-Length: ${large.length - there}\r\nContent-Range: ${range}\r\n\r\n`,
        ),
      );
      await sendAll(connection, large.slice(there, end));
      await delay(50);
      connection.close();
      const before = there; // a store keeps what fills its pieces
      await until(async () => (there = await offset()) > before);
      assert(there <= end, `${there}`);
    }
    const rest = await fetch(`${origin}${at}`, part(there, large.slice(there), large.length));
    assertEquals(rest.status, 201);
    assertEquals(await offset(), large.length);
    await server.shutdown();
  });
}

async function sendAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Waits until something is so. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100 && !await isSo(); i++) await delay(20);
  assert(await isSo());
}

Deno.test("a body that falls silent is given up; one that trickles is not", async () => {
  const bounds = { ...defaultBounds, bodyTimeoutMs: 150 };
  const { app } = repositoryApp({ bounds });
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, app.fetch);
  const { port } = server.addr;
  const send = async (parts: number, every: number) => {
    const connection = await Deno.connect({ port });
    const text =
      `PUT ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.push.token}\r\n` +
      `Connection: close\r\nContent-Length: ${size}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(text));
    for (let i = 0; i < parts; i++) {
      await connection.write(bytes.slice(i * 1000, (i + 1) * 1000));
      await delay(every);
    }
    return (await readAll(connection)).split("\r\n")[0];
  };
  assertEquals(await send(10, 60), "HTTP/1.1 201 Created");
  const { app: empty } = repositoryApp({ bounds });
  const other = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, empty.fetch);
  const connection = await Deno.connect({ port: other.addr.port });
  await connection.write(new TextEncoder().encode(
    `PUT ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.push.token}\r\n` +
      `Content-Length: ${size}\r\n\r\nabc`,
  ));
  const answer = await readAll(connection, 1000);
  assertMatch(answer, /^HTTP\/1.1 408 Request Timeout[^]*sent nothing for 150 ms after 3 bytes/);
  await Promise.all([server.shutdown(), other.shutdown()]);
});

Deno.test("so many uploads run at once, the others wait and are refused at their deadline", async () => {
  const bounds = { ...defaultBounds, maxUploads: 2, maxWaiting: 1, maxWaitMs: 500 };
  const { app } = repositoryApp({ bounds });
  const slow = () => {
    let end = () => {};
    const body = new ReadableStream({
      start: (controller) => void (end = () => controller.close()),
    });
    const init = { method: "PUT", headers: part(0, bytes).headers, body, duplex: "half" };
    return { answer: app.request(path, init as RequestInit), end: () => end() };
  };
  const running = [slow(), slow()];
  await delay(50);
  const waiting = app.request(path, part(0, bytes));
  await delay(50);
  const full = await app.request(path, part(0, bytes));
  assertEquals([full.status, (await full.json()).reason], [503, "full"]);
  const late = await waiting;
  assertEquals([late.status, (await late.json()).reason], [503, "deadline"]);
  for (const { end } of running) end();
  for (const { answer } of running) assertEquals((await answer).status, 400);
  assertEquals((await app.request(path, part(0, bytes))).status, 201);
});

Deno.test("an upload ends when the server stops, and what came stays", async () => {
  const stopping = new AbortController();
  const { app, repository } = repositoryApp({ shutdown: stopping.signal });
  const body = new ReadableStream({ start: (c) => c.enqueue(bytes.slice(0, 500)) });
  const init = { method: "PUT", headers: part(0, bytes).headers, body, duplex: "half" };
  const answer = app.request(path, init as RequestInit);
  await delay(10);
  stopping.abort();
  assertEquals((await answer).status, 503);
  assertEquals(await repository.blobOffset({ sha256, size }), 500);
  assertEquals((await app.request(path, part(500, bytes.slice(500)))).status, 503);
});

Deno.test("ranges, sizes, digests and encodings that cannot be are refused", async () => {
  const { app, repository } = repositoryApp();
  const send = async (headers: Record<string, string>, at = path) => {
    const init = { method: "PUT", headers: { ...bearer("push"), ...headers }, body: "x" };
    const response = await app.request(at, init);
    return response.status;
  };
  const ranges = [
    ...["bytes 0-0/0", "bytes 5-4/10", "bytes 0-10/10", "bytes 0-9/*", "bytes */10", "0-9/10"],
    ...[
      "items 0-9/10",
      "bytes -1-9/10",
      "bytes 0-9/10, 3-4/10",
      `bytes 0-1/${"9".repeat(20)}`,
      "x",
    ],
  ];
  for (const range of ranges) assertEquals(await send({ "content-range": range }), 400, range);
  const huge = manifestBounds.maxFileBytes + 1;
  assertEquals(await send({ "content-range": `bytes 0-0/${huge}` }), 413);
  assertEquals(await send({ "content-length": String(huge) }), 413);
  assertEquals(await send({ "content-range": "bytes 0-4/10", "content-length": "6" }), 400);
  assertEquals(await send({ "content-length": "x" }), 400);
  assertEquals(await send({ "content-length": "1", "content-encoding": "gzip" }), 415);
  assertEquals(await send({}), 411);
  const names = [
    "..",
    "%2e%2e",
    "%2e%2e%2fx",
    sha256.slice(1),
    sha256.toUpperCase(),
    `${sha256}0`,
    "x",
  ];
  for (const digest of names) {
    const status = await send({ "content-length": "1" }, `/v2/repository/blobs/${digest}`);
    assert([400, 404].includes(status), digest);
  }
  for (const query of ["", "?size=x", "?size=-1", `?size=${huge}`, "?size=1&size=1", "?length=1"]) {
    const init = { method: "HEAD", headers: bearer("push") };
    assertEquals((await app.request(`${path}${query}`, init)).status, 400, query);
  }
  assertEquals(await repository.blobOffset({ sha256, size }), 0);
});
