/** The typed client against a running server: every call, and what it sends. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { createClient, type Frame } from "../../src/client/client.ts";
import { classify } from "../../src/engine/classify.ts";
import { encodeGrayPng } from "../../src/image/encode_png.ts";
import { digit, tinyEngine } from "../http/harness.ts";
import { serveApp, serveBy } from "./running_app.ts";

const bytes = Uint8Array.from(digit);
const scaled = Float32Array.from(digit, (pixel) => pixel / 255);
const png = encodeGrayPng({ data: bytes, width: 28, height: 28 });

Deno.test("an image is classified the same as bytes, floats, numbers and clamped bytes", async () => {
  await using server = serveApp();
  const client = createClient(server.url);
  const expected = await classify(tinyEngine, scaled);
  const forms = [bytes, scaled, Array.from(scaled), new Uint8ClampedArray(digit)];
  for (const form of forms) {
    const { model, engine, images, labels } = await client.classify(form);
    assertEquals([model, engine], [{ name: "tiny", version: 1 }, "reference"]);
    assertEquals(images, expected);
    assertEquals(labels, [expected[0].label]);
  }
  assertEquals((await client.classify(digit, { divisor: 255 })).images, expected);
  assertEquals((await client.classify(bytes, { divisor: 255 })).images, expected);
});

Deno.test("a batch of images is classified in order, whatever it is made of", async () => {
  await using server = serveApp();
  const client = createClient(server.url), blank = digit.map((pixel, i) => i < 400 ? 0 : pixel);
  const expected = [
    ...await classify(tinyEngine, scaled),
    ...await classify(tinyEngine, blank, { divisor: 255 }),
  ];
  const asFloats = (image: number[]) => Float32Array.from(image, (pixel) => pixel / 255);
  const batches = [
    [bytes, Uint8Array.from(blank)],
    [asFloats(digit), asFloats(blank)],
    [Array.from(asFloats(digit)), Array.from(asFloats(blank))],
    Uint8Array.from([...digit, ...blank]),
  ];
  for (const batch of batches) assertEquals((await client.classify(batch)).images, expected);
});

Deno.test("a picture is classified as a Blob, as a File and as bytes", async () => {
  await using server = serveApp();
  const client = createClient(server.url), blob = new Blob([png as BlobPart]);
  const { images } = await client.classify(blob);
  assertEquals((await client.classify(new File([blob], "digit.png"))).images, images);
  assertEquals((await client.classify(png)).images, images);
  assertEquals(server.seen.map(({ headers }) => headers.get("content-type")), [
    ...["image/png", "image/png", "image/png"],
  ]);
});

Deno.test("what is no image is refused before it is sent", async () => {
  await using server = serveApp();
  const client = createClient(server.url);
  const wrong: [unknown, string][] = [
    ["digit.png", "got string"],
    [undefined, "got undefined"],
    [new Float64Array(784), "got object"],
    [[bytes, scaled], "all bytes or all numbers"],
    [[png, png], "one a call"],
  ];
  for (const [input, says] of wrong) {
    const error = await client.classify(input as Blob).catch((error) => error);
    assert(error instanceof TypeError && error.message.includes(says), `${error}`);
  }
  assertEquals(server.seen.length, 0);
});

Deno.test("generated images are those of the seed, as floats and as bytes that classify takes", async () => {
  await using server = serveApp();
  const client = createClient(server.url), options = { label: 3, n: 3, steps: 20, seed: 5 };
  const first = await client.generate(options), second = await client.generate(options);
  assertEquals(first, second);
  assertEquals([first.seed, first.model.version, first.labels.length], [5, 1, 3]);
  assertEquals(first.images.map(({ length }) => length), [784, 784, 784]);
  for (const [i, image] of first.images.entries()) {
    assertEquals(image, Float32Array.from(first.bytes[i], (byte) => byte / 255));
  }
  const [floats, integers] = [
    await client.classify(first.images),
    await client.classify(first.bytes),
  ];
  assertEquals(floats.images, integers.images);
  const { seed } = await client.generate({ steps: 2 });
  assertEquals((await client.generate({ steps: 2, seed })).seed, seed);
});

Deno.test("every parameter of a generation arrives as it was given", async () => {
  await using server = serveApp();
  const client = createClient(server.url, { version: 1 });
  await client.generate({ label: 0, n: 2, steps: 8, seed: 0, temperature: 0.5, start: "noise" });
  await client.generate({ format: "png", steps: 8, scale: 3, label: undefined });
  for await (const _ of client.stream({ steps: 8, burnIn: 2, thin: 3, scale: 1, version: 1 }));
  assertEquals(server.seen.map(({ url }) => new URL(url).search), [
    "?label=0&n=2&steps=8&seed=0&temperature=0.5&start=noise&format=json&version=1",
    "?steps=8&scale=3&format=png&version=1",
    "?steps=8&burnIn=2&thin=3&scale=1&format=sse&version=1",
  ]);
});

Deno.test("a generated picture has the bytes of the URL, its seed and its version", async () => {
  await using server = serveApp();
  const client = createClient(server.url);
  const made = await client.generate({ format: "png", n: 4, steps: 10, seed: 2, scale: 1 });
  const response = await fetch(`${server.url}/generate?n=4&steps=10&seed=2&scale=1`);
  assertEquals(made, { png: await response.bytes(), seed: 2, version: 1 });
  const drawn = await client.generate({ format: "png", steps: 2 });
  const again = await client.generate({ format: "png", steps: 2, seed: drawn.seed });
  assertEquals(again.png, drawn.png);
});

Deno.test("a stream yields its frames in order and returns its end", async () => {
  await using server = serveApp();
  const client = createClient(server.url), options = { label: 7, n: 2, steps: 20, seed: 3 };
  const frames: Frame[] = [], stream = client.stream({ ...options, thin: 5 });
  let next = await stream.next();
  for (; !next.done; next = await stream.next()) frames.push(next.value);
  assertEquals(frames.map(({ step }) => step), [5, 10, 15, 20]);
  for (const { steps, labels, seed, version } of frames) {
    assertEquals([steps, labels.length, seed, version], [20, 2, 3, 1]);
  }
  assertEquals(next.value, { steps: 20, seed: 3 });
  const last = await client.generate({ ...options, format: "png" });
  assertEquals(frames.at(-1)!.png, last.png);
});

Deno.test("the model and readiness are told", async () => {
  await using server = serveApp();
  const client = createClient(`${server.url}/`, { version: 1 });
  const { engine, config, threads, card } = await client.model();
  assertEquals([engine, config.name, threads.running, card], ["reference", "tiny", 1, null]);
  assertEquals(await client.ready(), { status: "ready", model: "tiny", version: 1 });
  assertEquals(server.seen.map(({ url }) => url.slice(server.url.length)), [
    ...["/model?version=1", "/health/ready"],
  ]);
});

Deno.test("a service may be mounted at a path, and a call's version comes before the client's", async () => {
  await using service = serveApp();
  await using proxy = serveBy((request) => {
    const { pathname, search } = new URL(request.url);
    return fetch(service.url + pathname.replace(/^\/digits/, "") + search, request);
  });
  const client = createClient(`${proxy.url}/digits`, { version: 7 });
  assertEquals(client.url, `${proxy.url}/digits/`);
  const { config } = await client.model({ version: 1 });
  assertEquals(config.version, 1);
});

Deno.test("a token goes with every call, and only where there is one", async () => {
  await using server = serveApp();
  const calls = async (token?: string) => {
    const client = createClient(server.url, { token });
    await client.classify(bytes);
    await client.generate({ steps: 2 });
    await client.generate({ steps: 2, format: "png" });
    for await (const _ of client.stream({ steps: 2 }));
    await client.model();
    await client.ready();
    return server.seen.splice(0).map(({ headers }) => headers.get("authorization"));
  };
  assertEquals(await calls("dbn_x"), Array(6).fill("Bearer dbn_x"));
  assertEquals(await calls(), Array(6).fill(null));
});

Deno.test("a fetch of one's own is called, as a function of no object", async () => {
  await using server = serveApp();
  let calls = 0;
  const client = createClient("http://in.process", {
    fetch(this: unknown, url, init) {
      assertEquals(this, undefined); // browsers call it an illegal invocation otherwise
      calls++;
      return server.app.request(url, init);
    },
  });
  assertEquals((await client.classify(bytes)).labels.length, 1);
  let frames = 0;
  for await (const _ of client.stream({ steps: 4, thin: 1 })) frames++;
  assertEquals([calls, frames, server.seen.length], [2, 4, 0]);
});

Deno.test("an address or a token that can be none is refused, and never repeated where it may be secret", () => {
  const wrong: [string, string | undefined, string][] = [
    ["digits.example", undefined, 'got "digits.example"'],
    ["ftp://digits.example", undefined, 'got "ftp://digits.example"'],
    ["https://user:secret@digits.example", undefined, "without a password"],
    ["https://digits.example?token=secret", undefined, "without a password or a query"],
    ["https://digits.example", "two words", "A token must be"],
    ["https://digits.example", "", "A token must be"],
  ];
  for (const [url, token, says] of wrong) {
    const error = assertThrows(() => createClient(url, { token }), TypeError, says);
    assert(!/secret|two words/.test(error.message), error.message);
  }
});
