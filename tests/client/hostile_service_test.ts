/** The typed client before a service that is broken or malicious: bounds of time, and what it takes for an answer. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createClient, RepositoryClient, ServiceError } from "../../src/client/client.ts";
import { encodeGrayPng } from "../../src/image/encode_png.ts";
import { serveBy } from "./running_app.ts";

const TOKEN = "dbn_secret_token";
const timeoutMs = 300;

async function failure(call: Promise<unknown>): Promise<ServiceError> {
  return await assertRejects(() => call, ServiceError);
}

/** A body that says the same again and again, and never ends. */
function dripping(text: string): ReadableStream<Uint8Array> {
  let timer: ReturnType<typeof setInterval>;
  return new ReadableStream({
    start: (controller) => {
      timer = setInterval(() => controller.enqueue(new TextEncoder().encode(text)), 20);
    },
    cancel: () => clearInterval(timer),
  });
}

Deno.test("an answer that never becomes whole ends in time, however often a part comes", async () => {
  const cases: [type: string, status: number, text: string][] = [
    ["application/json", 200, " "],
    ["application/problem+json", 400, " "],
    ["text/event-stream", 200, ": comment\n\n"],
    ["text/event-stream", 200, "event: other\ndata: 1\n\n"],
  ];
  for (const [type, status, text] of cases) {
    await using server = serveBy(() =>
      new Response(dripping(text), { status, headers: { "content-type": type } })
    );
    const client = createClient(server.url, { timeoutMs }), started = performance.now();
    const isStream = type === "text/event-stream";
    const error = await failure(isStream ? client.stream().next() : client.ready());
    assertEquals([error.kind, error.status], ["timeout", status]);
    assert(performance.now() - started < 3000, type);
  }
});

Deno.test("a timeout longer than timers know is none", async () => {
  await using server = serveBy(() => Response.json({ status: "ready" }));
  for (const timeoutMs of [2 ** 31, Infinity]) {
    assertEquals((await createClient(server.url, { timeoutMs }).ready()).status, "ready");
  }
});

Deno.test("a picture that is none, or cut short, is malformed", async () => {
  const png = new TextEncoder().encode("\x89PNG");
  for (const body of ["<html>", "", png]) {
    await using server = serveBy(() => new Response(body, { headers: { "x-seed": "1" } }));
    const error = await failure(createClient(server.url).generate({ format: "png" }));
    assertEquals(error.kind, "malformed");
    assert(error.message.includes("a whole PNG"), error.message);
  }
});

Deno.test("pixels that are no bytes, and text that is no UTF-8, are malformed", async () => {
  const answer = (pixels: unknown) =>
    JSON.stringify({ model: { name: "m", version: 1 }, engine: "simd", labels: [1], pixels });
  const bodies = [
    ...[[["a"]], [[256]], [[-1]], [[0.5]], [[null]]].map(answer),
    Uint8Array.of(...new TextEncoder().encode('{"x":"'), 0xff, 0x22, 0x7d),
  ];
  for (const body of bodies) {
    await using server = serveBy(() => new Response(body));
    assertEquals((await failure(createClient(server.url).generate())).kind, "malformed");
  }
});

Deno.test("a header that is no number is as good as none", async () => {
  const png = new Uint8Array(encodeGrayPng({ data: new Uint8Array(4), width: 2, height: 2 }));
  for (const value of ["abc", "-1", "1.5", "1e999", ""]) {
    const headers = { "x-seed": value, "model-version": value };
    await using server = serveBy(() => new Response(png, { headers }));
    const { seed, version } = await createClient(server.url).generate({ format: "png" });
    assertEquals([seed, version], [undefined, undefined], value);
  }
});

Deno.test("a token goes to the address given alone, whatever a service redirects to", async () => {
  await using other = serveBy(() => Response.json({ status: "ready" }));
  for (const status of [301, 302, 307, 308]) {
    const location = `${other.url}/health/ready`;
    await using server = serveBy(() => new Response(null, { status, headers: { location } }));
    const error = await failure(createClient(server.url, { token: TOKEN }).ready());
    assertEquals([error.kind, error.status, other.seen.length], ["status", status, 0]);
    assert(error.message.includes(`the service is at ${location}`), error.message);
    assertEquals((await createClient(server.url).ready()).status, "ready");
    assertEquals(other.seen.splice(0).length, 1);
  }
});

Deno.test("an error does not repeat the token where the service's answer does", async () => {
  await using server = serveBy(({ headers }) =>
    Response.json({ detail: `you sent ${headers.get("authorization")}` }, { status: 400 })
  );
  const error = await failure(createClient(server.url, { token: TOKEN }).ready());
  assert(error.message.includes("you sent Bearer …"), error.message);
  assert(!`${error.stack} ${JSON.stringify(error)}`.includes(TOKEN));
  const pusher = new RepositoryClient({ to: server.url, token: TOKEN });
  const refused = await failure(pusher.versions("tiny"));
  assert(refused.message.includes("you sent Bearer …"), refused.message);
});
