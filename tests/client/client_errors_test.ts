/** What the typed client throws: problems of the service, broken connections, aborts and late answers. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Client, createClient, ServiceError } from "../../src/client/client.ts";
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { saveModel } from "../../src/repository/model_directory.ts";
import { digit, tinyEngine } from "../http/harness.ts";
import { tinyModel } from "../model/tiny_model.ts";
import {
  closedAddress,
  eventually,
  running,
  serveApp,
  serveBy,
  serveBytes,
} from "./running_app.ts";

const bytes = Uint8Array.from(digit);
const jsonHeaders = { "content-type": "application/problem+json" };
const problem = (status: number, detail: string, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ status, title: "A title", detail }), {
    status,
    headers: { ...jsonHeaders, ...headers },
  });
const sse = (body: string) =>
  new Response(body, { headers: { "content-type": "text/event-stream" } });
/** The first bytes of a PNG, and its last. */
const png = "iVBORw0KGgpJRU5ErkJggg==";
const frame = (step: number) =>
  `event: frame\ndata: {"step":${step},"steps":3,"labels":[1],"png":"${png}"}\n\n`;

/** Steps of a stream's frames until it fails, and how. */
async function watch(client: Client, options = {}): Promise<[steps: number[], error: unknown]> {
  const steps: number[] = [];
  try {
    for await (const { step } of client.stream(options)) steps.push(step);
    return [steps, undefined];
  } catch (error) {
    return [steps, error];
  }
}

async function failure(call: Promise<unknown>): Promise<ServiceError> {
  return await assertRejects(() => call, ServiceError);
}

Deno.test("a problem of the service is an error with its status, detail, bound and value", async () => {
  await using server = serveApp();
  const client = createClient(server.url);
  const error = await failure(client.generate({ label: 12 }));
  assertEquals([error.status, error.kind, error.retryAfterMs], [400, "status", undefined]);
  const { title, detail, parameter, min, max, value, instance } = error.problem;
  assertEquals([title, parameter, min, max, value], ["Bad Request", "label", 0, 9, "12"]);
  assertEquals(detail, 'label must be an integer in [0, 9], got "12"');
  assert(instance!.startsWith("urn:request:"));
  assert(
    error.message.startsWith(`GET ${server.url}/generate?label=12&format=json: HTTP status 400: `),
  );
});

Deno.test("each status of the service is told", async () => {
  const small = await saveModel(await Deno.makeTempDir(), tinyModel({ height: 20, width: 20 }));
  await using other = serveApp({ model: small, engine: createReferenceEngine(small) });
  await using server = serveApp({ bounds: { maxImages: 2, maxBodyBytes: 4000 } });
  const client = createClient(server.url);
  const cases: [status: number, call: () => Promise<unknown>, detail: string][] = [
    [400, () => client.generate({ steps: 0 }), "steps must be an integer"],
    [400, () => client.generate({ temperature: 1e-7 }), 'got "1e-7"'],
    [400, () => client.generate({ start: "label" }), "needs a label"],
    [400, () => client.generate({ format: "png", n: 100, scale: 8 }), "pixels"],
    [404, () => client.model({ version: 7 }), "Version 7 is not loaded"],
    [413, () => client.classify([bytes, bytes, bytes]), "at most 2 images"],
    [413, () => client.classify(new Uint8Array(5000)), "at most 4000 bytes"],
    [415, () => createClient(other.url).classify(new Blob(["x"])), "20 × 20"],
    [422, () => client.classify(new Blob(["no PNG"])), "PNG"],
    [422, () => client.classify(new Uint8Array(784)), "blank"],
    [422, () => client.classify(Float32Array.from(digit)), "in [0, 1]"],
    [422, () => client.classify(new Uint8Array(783).fill(3)), "784 bytes"],
    [422, () => client.classify([]), "784"],
    [
      404,
      () => createClient(`${server.url}/elsewhere`).ready(),
      "There is no /elsewhere/health/ready",
    ],
  ];
  for (const [status, call, detail] of cases) {
    const error = await failure(call());
    assertEquals([error.status, error.kind], [status, "status"], error.message);
    assert(error.message.includes(detail), error.message);
  }
});

Deno.test("a token that is refused is told without it", async () => {
  await using server = serveBy(({ headers }) =>
    headers.has("authorization") ? problem(403, "No scope") : problem(401, "A token is needed")
  );
  const none = await failure(createClient(server.url).model());
  assertEquals([none.status, none.problem.title], [401, "A title"]);
  const refused = await failure(createClient(server.url, { token: "dbn_secret" }).model());
  assertEquals(refused.status, 403);
  assert(!`${refused.stack} ${JSON.stringify(refused)}`.includes("dbn_secret"));
});

Deno.test("a service without a place is asked again as it says, so often and so long at most", async () => {
  let refusals = 2, retryAfter: string | undefined = "0";
  await using server = serveBy(() =>
    refusals-- > 0
      ? problem(503, "Full", retryAfter === undefined ? {} : { "retry-after": retryAfter })
      : Response.json({ status: "ready", model: "tiny", version: 1 })
  );
  const client = createClient(server.url);
  assertEquals((await client.ready()).status, "ready");
  assertEquals(server.seen.splice(0).length, 3);
  const refused = async (maxRetries?: number) => {
    refusals = 5;
    const error = await failure(client.ready({ maxRetries }));
    return [error.status, error.retryAfterMs, server.seen.splice(0).length];
  };
  assertEquals(await refused(), [503, 0, 3]);
  assertEquals(await refused(0), [503, 0, 1]);
  assertEquals(await refused(4), [503, 0, 5]);
  retryAfter = "3600";
  assertEquals(await refused(), [503, 3_600_000, 1]);
  retryAfter = undefined;
  assertEquals(await refused(), [503, undefined, 1]);
});

Deno.test("the wait for another try ends when it is aborted", async () => {
  await using server = serveBy(() => problem(503, "Full", { "retry-after": "9" }));
  const controller = new AbortController(),
    reason = new Error("enough"),
    started = performance.now();
  const call = createClient(server.url).ready({ signal: controller.signal });
  await eventually(() => server.seen.length === 1);
  controller.abort(reason);
  assertEquals(await call.catch((error) => error), reason);
  assert(performance.now() - started < 5000);
});

Deno.test("a gate that is full answers 503, and a later try finds a place", async () => {
  await using server = serveApp({ bounds: { maxRunning: 1, maxWaiting: 0 } });
  const client = createClient(server.url);
  const stream = client.stream({ n: 5, steps: 9000, thin: 1, scale: 1 });
  await stream.next();
  const full = await failure(client.generate({ steps: 2, maxRetries: 0 }));
  assertEquals([full.status, full.problem.reason, full.retryAfterMs], [503, "full", 1000]);
  const waiting = client.generate({ steps: 2 });
  await stream.return({ steps: 0, seed: 0 });
  assertEquals((await waiting).labels.length, 1);
});

Deno.test("where nobody listens there was no connection", async () => {
  const closed = closedAddress(), error = await failure(createClient(closed).ready());
  assertEquals([error.status, error.kind], [0, "connection"]);
  assert(error.cause instanceof Error);
  assert(error.message.includes(`GET ${closed}/health/ready: `), error.message);
});

Deno.test("an aborted call throws the signal's reason, before and while it is sent", async () => {
  await using server = serveBy(() => new Promise<Response>(() => {}));
  const client = createClient(server.url), reason = new Error("changed my mind");
  const before = await client.ready({ signal: AbortSignal.abort(reason) }).catch((e) => e);
  assertEquals(before, reason);
  assertEquals(server.seen.length, 0);
  const controller = new AbortController();
  const call = client.classify(bytes, { signal: controller.signal }).catch((error) => error);
  await eventually(() => server.seen.length === 1);
  controller.abort(reason);
  assertEquals(await call, reason);
  const all = createClient(server.url, { signal: AbortSignal.abort() });
  assertEquals((await all.ready().catch((error) => error)).name, "AbortError");
});

Deno.test("an answer that does not come in time is told, and so is the rest of one", async () => {
  let cancelled = 0;
  const silent = () =>
    new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(frame(1))),
      cancel: () => void cancelled++,
    });
  await using server = serveBy(({ url }) =>
    url.endsWith("/health/ready")
      ? new Promise<Response>(() => {})
      : new Response(silent(), { headers: { "content-type": "text/event-stream" } })
  );
  const client = createClient(server.url, { timeoutMs: 100 });
  const late = await failure(client.ready());
  assertEquals([late.kind, late.status], ["timeout", 0]);
  assert(late.message.endsWith("no answer in 100 ms"), late.message);
  const [steps, error] = await watch(client);
  assertEquals([steps, (error as ServiceError).kind], [[1], "timeout"]);
  await eventually(() => cancelled === 1);
});

Deno.test("time that a loop takes for a frame does not count as silence", async () => {
  await using server = serveApp();
  const steps: number[] = [];
  for await (const { step } of createClient(server.url).stream({ steps: 4, timeoutMs: 200 })) {
    steps.push(step);
    if (step === 1) await new Promise((resolve) => setTimeout(resolve, 400));
  }
  assertEquals(steps, [1, 2, 3, 4]);
});

Deno.test("what is no answer of a service is told", async () => {
  const cases: [answer: () => Response, says: string][] = [
    [() => new Response("<html>"), "must be JSON"],
    [() => Response.json(null), "must have"],
    [() => Response.json([1, 2]), "must have"],
    [
      () => Response.json({ images: [{ label: "3" }], labels: [1], pixels: [[1], [2]] }),
      "must have",
    ],
    [() => new Response(new Uint8Array(17 * 1024 * 1024)), "at most 16777216 bytes"],
  ];
  let answer = cases[0][0];
  await using server = serveBy(() => answer());
  const client = createClient(server.url);
  for (const [make, says] of cases) {
    answer = make;
    const calls = [
      ...[() => client.classify(bytes), () => client.generate(), () => client.model()],
      ...[() => client.ready(), () => client.stream().next()],
    ];
    for (const [i, call] of calls.entries()) {
      const error = await failure(call());
      assertEquals([error.kind, error.status], ["malformed", 200]);
      const isStream = i === 4;
      assert(error.message.includes(isStream ? "text/event-stream" : says), error.message);
    }
  }
});

Deno.test("an error of a proxy, which is no problem, keeps its status", async () => {
  await using server = serveBy(() => new Response("<h1>Bad Gateway</h1>", { status: 502 }));
  const error = await failure(createClient(server.url).ready());
  assertEquals([error.status, error.kind, error.problem], [502, "status", {}]);
  assert(error.message.endsWith("HTTP status 502: it said no more"), error.message);
});

Deno.test("a stream of anything else than frames is told, after the frames before it", async () => {
  const cases: [text: string, steps: number[], says: string][] = [
    ["event: frame\ndata: {no JSON}\n\n", [1], "must be JSON"],
    ['event: frame\ndata: {"step":2}\n\n', [1], "a step, labels and a png"],
    ["event: frame\ndata: null\n\n", [1], "a step, labels and a png"],
    [
      'event: frame\ndata: {"step":2,"steps":3,"labels":[],"png":"*"}\n\n',
      ...[[1], "base64"] as [number[], string],
    ],
    [
      `event: other\ndata: 1\n\n: comment\n\n${frame(2)}event: frame\ndata: 1\n\n`,
      [1, 2],
      "a step",
    ],
  ];
  for (const [text, expected, says] of cases) {
    await using server = serveBy(() => sse(frame(1) + text));
    const [steps, error] = await watch(createClient(server.url));
    assertEquals(steps, expected);
    assert(error instanceof ServiceError && error.kind === "malformed", `${error}`);
    assert(error.message.includes(says), error.message);
  }
});

Deno.test("an event without an end is bounded", async () => {
  const part = new TextEncoder().encode("data: ".padEnd(1024 * 1024, "x"));
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sent += part.length;
      controller.enqueue(part);
    },
  });
  await using server = serveBy(() =>
    new Response(endless, { headers: { "content-type": "text/event-stream" } })
  );
  const [, error] = await watch(createClient(server.url));
  assert(error instanceof ServiceError && error.kind === "malformed", `${error}`);
  assert(sent < 32 * 1024 * 1024, `${sent}`);
});

Deno.test("a server that is gone in the middle of an answer or a stream is told", async () => {
  const head = (type: string, more: string) =>
    `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\n${more}\r\n\r\n`;
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  const chunked = head("text/event-stream", "transfer-encoding: chunked");
  {
    await using server = serveBytes(`${head("application/json", "content-length: 500")}{"model":`);
    const error = await failure(createClient(server.url).generate());
    assertEquals([error.kind, error.status], ["connection", 200]);
  }
  for (const end of ["", "0\r\n\r\n"]) { // cut off, and ended without the event `done`
    await using server = serveBytes(chunked + chunk(frame(1)) + chunk(frame(2)) + end);
    const [steps, error] = await watch(createClient(server.url));
    assertEquals(steps, [1, 2]);
    assert(error instanceof ServiceError && error.kind === "connection", `${error}`);
    if (end !== "") assert(error.message.endsWith("broke off after step 2"), error.message);
  }
});

Deno.test("a stream that the service ends early says why", async () => {
  const shutdown = new AbortController();
  await using server = serveApp({ shutdown: shutdown.signal });
  const client = createClient(server.url), steps: number[] = [];
  const error = await failure((async () => {
    for await (const { step } of client.stream({ n: 5, steps: 9000, thin: 1, scale: 1 })) {
      steps.push(step);
      shutdown.abort();
    }
  })());
  assert(steps.length > 0);
  assertEquals([error.kind, error.problem.reason], ["ended", "stopping"]);
  const stopping = await failure(client.ready());
  assertEquals([stopping.status, stopping.retryAfterMs], [503, undefined]);

  const engine = { ...tinyEngine, downPass: () => Promise.reject(new Error("out of memory")) };
  await using failing = serveApp({ engine });
  const [, failed] = await watch(createClient(failing.url));
  assert(failed instanceof ServiceError && failed.kind === "ended", `${failed}`);
  assertEquals(failed.problem.detail, "The chain failed");
});

const long = { n: 5, steps: 9000, thin: 1, scale: 1 };

Deno.test("leaving the loop, throwing in it and aborting free the service's place", async (t) => {
  await using server = serveApp();
  const client = createClient(server.url), isIdle = async () => await running(server.url) === 0;
  const isBusy = async () => await running(server.url) === 1;
  await t.step("leaving", async () => {
    for await (const _ of client.stream(long)) {
      await eventually(isBusy);
      break;
    }
    await eventually(isIdle);
  });
  await t.step("throwing", async () => {
    const error = new Error("in the loop");
    const thrown = await (async () => {
      for await (const _ of client.stream(long)) throw error;
    })().catch((error) => error);
    assertEquals(thrown, error);
    await eventually(isIdle);
  });
  await t.step("aborting", async () => {
    const controller = new AbortController(), reason = new Error("enough");
    const [steps, error] = await (async () => {
      const steps: number[] = [];
      try {
        for await (const { step } of client.stream({ ...long, signal: controller.signal })) {
          steps.push(step);
          if (step === 3) controller.abort(reason);
        }
        return [steps, undefined];
      } catch (error) {
        return [steps, error];
      }
    })();
    assertEquals([steps, error], [[1, 2, 3], reason]);
    await eventually(isIdle);
  });
  await t.step("aborting an answer that is computed", async () => {
    const controller = new AbortController();
    const call = client.generate({ n: 10, steps: 9999, signal: controller.signal });
    const ended = call.catch((error) => error);
    await eventually(isBusy);
    controller.abort();
    assertEquals((await ended).name, "AbortError");
    await eventually(isIdle);
  });
});

Deno.test("a call leaves no listener at a signal that outlives it", async () => {
  await using server = serveApp();
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => {
    listeners++;
    return Reflect.apply(addEventListener, signal, args);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    listeners--;
    return Reflect.apply(removeEventListener, signal, args);
  };
  const client = createClient(server.url, { signal });
  await client.ready();
  await client.generate({ steps: 2 });
  await failure(client.generate({ label: 12 }));
  for await (const _ of client.stream({ steps: 4, thin: 1 })) break;
  assertEquals(listeners, 0);
});
