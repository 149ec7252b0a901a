/** Code of users that must and must not type-check, by the client and by Hono's. */
import { assert, assertEquals } from "@std/assert";
import { type Diagnostic, type Place, typeCheck } from "./type_check.ts";

/** Code that must type-check. */
const right: Record<string, string> = {
  "a client of a URL, a token and a fetch of its own": `
    createClient(new URL("https://digits.example/v1"), {
      token: "dbn_x", version: 2, timeoutMs: 1000, maxRetries: 0,
      fetch: (url: string, init: RequestInit) => fetch(url, init),
      signal: AbortSignal.timeout(1000),
    });
    createClient("https://digits.example", { fetch });`,
  "pictures, images and batches": `
    const { labels, images, model } = await client.classify(new Blob([]));
    const first: number = labels[0], name: string = model.name;
    const probabilities: number[] = images[0].classifier.probabilities;
    await client.classify(new Uint8Array(784));
    await client.classify(new Uint8ClampedArray(784));
    await client.classify(new Float32Array(784), { version: 1 });
    await client.classify([0, 0.5, 1], { divisor: 1 });
    await client.classify([[0, 1], [1, 0]]);
    await client.classify([new Float32Array(784), new Float32Array(784)] as const);
    void [first, name, probabilities];`,
  "generated images, and what classify takes of them": `
    const made = await client.generate({ label: 3, n: 16, steps: 100, seed: 1, start: "noise" });
    const seed: number = made.seed, image: Float32Array = made.images[0], byte: number = made.bytes[0][0];
    await client.classify(made.images);
    await client.generate();
    void [seed, image, byte];`,
  "a generated picture": `
    const { png, seed } = await client.generate({ format: "png", scale: 4 });
    const bytes: Uint8Array = png, number: number | undefined = seed;
    void [bytes, number];`,
  "frames of a stream": `
    for await (const { step, steps, labels, png } of client.stream({ label: 7, thin: 5, burnIn: 10 })) {
      const share: number = step / steps, label: number = labels[0], picture: Uint8Array = png;
      void [share, label, picture];
    }`,
  "the end of a stream": `
    const frames = client.stream(), { done, value } = await frames.next();
    if (done) { const seed: number = value.seed; void seed; } else { const step: number = value.step; void step; }`,
  "the model, and whether it is ready": `
    const { config, card, threads } = await client.model({ version: 1 });
    const labels: string[] = config.architecture.labels, running: number = threads.running;
    const { version } = await client.ready();
    void [labels, running, card?.length, version.toFixed()];`,
  "an error, told apart by its kind": `
    try { await client.ready(); } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      if (error.kind === "status" && error.status === 503) void error.retryAfterMs?.toFixed();
      const detail: string | undefined = error.problem.detail, max: number | undefined = error.problem.max;
      void [detail, max];
    }`,
  "Hono: a query of strings": `
    const response = await app.generate.$get({ query: { label: "3", n: String(16), seed: "1", format: "json" } });
    if (response.status === 200) { const pixels: number[][] = (await response.json()).pixels; void pixels; }`,
  "Hono: a classification, or a problem": `
    const response = await app.classify.$post({ json: { pixels: [0, 1], divisor: 1 } });
    if (response.ok) { const label: number = (await response.json()).images[0].label; void label; }
    else { const detail: string = (await response.json()).detail; void detail; }
    if (response.status === 413) { const bound: unknown = (await response.json()).maxImages; void bound; }`,
  "Hono: a route of the repository": `
    const response = await app.v2.repository.models[":model"].aliases[":alias"].$put({
      param: { model: "digits", alias: "production" }, json: { version: 3 }, header: { "If-Match": '"2"' },
    });
    if (response.ok) { const revision: number = (await response.json()).revision; void revision; }`,
};

/** Code that must not: what the compiler says first. */
const wrong: Record<string, [code: string, says: string, snippet: string]> = {
  "a client of no URL": ["TS2554", "Expected 1-2 arguments", `createClient();`],
  "a token that is a number": [
    ...["TS2322", "'number' is not assignable to type 'string'"] as const,
    `createClient("https://digits.example", { token: 5 });`,
  ],
  "an unknown option of a client": [
    ...["TS2561", "'tokens' does not exist"] as const,
    `createClient("https://digits.example", { tokens: "x" });`,
  ],
  "a path as a picture": [
    ...["TS2345", "'string' is not assignable"] as const,
    `await client.classify("digit.png");`,
  ],
  "a batch of pictures": [
    ...["TS2322", "Type 'Blob' is not assignable"] as const,
    `await client.classify([new Blob([])]);`,
  ],
  "a label that is text": [
    ...["TS2769", "No overload matches"] as const,
    `await client.generate({ label: "3" });`,
  ],
  "a parameter with a slip of the pen": [
    ...["TS2769", "No overload matches"] as const,
    `await client.generate({ lable: 3 });`,
  ],
  "a scale of pixels that are in no picture": [
    ...["TS2769", "No overload matches"] as const,
    `await client.generate({ scale: 4 });`,
  ],
  "an unknown format": [
    ...["TS2769", "No overload matches"] as const,
    `await client.generate({ format: "gif" });`,
  ],
  "a picture of an answer in pixels": [
    ...["TS2339", "Property 'png' does not exist on type 'Generated'"] as const,
    `(await client.generate({ label: 3 })).png;`,
  ],
  "pixels of an answer that is a picture": [
    ...["TS2339", "Property 'images' does not exist on type 'GeneratedPicture'"] as const,
    `(await client.generate({ format: "png" })).images;`,
  ],
  "a stream in a loop that does not wait": [
    ...["TS2488", "must have a '[Symbol.iterator]()' method"] as const,
    `for (const frame of client.stream()) void frame;`,
  ],
  "a stream of another format": [
    ...["TS2353", "'format' does not exist in type 'StreamOptions'"] as const,
    `client.stream({ format: "png" });`,
  ],
  "pixels of a frame": [
    ...["TS2339", "Property 'images' does not exist on type 'Frame'"] as const,
    `for await (const { images } of client.stream()) void images;`,
  ],
  "readiness of a version": [
    ...["TS2353", "'version' does not exist"] as const,
    `await client.ready({ version: 2 });`,
  ],
  "a kind of failure that there is not": [
    ...["TS2367", "have no overlap"] as const,
    `const error = {} as ServiceError; if (error.kind === "offline") void error;`,
  ],
  "Hono: a label that is a number": [
    ...["TS2322", "'number' is not assignable to type 'string'"] as const,
    `await app.generate.$get({ query: { label: 3 } });`,
  ],
  "Hono: a parameter with a slip of the pen": [
    ...["TS2561", "'lable' does not exist"] as const,
    `await app.generate.$get({ query: { lable: "3" } });`,
  ],
  "Hono: an unknown format": [
    ...["TS2322", `'"gif"' is not assignable`] as const,
    `await app.generate.$get({ query: { format: "gif" } });`,
  ],
  "Hono: a classification of nothing": [
    ...["TS2554", "Expected 1-2 arguments"] as const,
    `await app.classify.$post();`,
  ],
  "Hono: pixels of text": [
    ...["TS2322", "'string' is not assignable"] as const,
    `await app.classify.$post({ json: { pixels: "0,1" } });`,
  ],
  "Hono: an answer that was not looked at": [
    ...["TS2571", "Object is of type 'unknown'"] as const,
    `(await (await app.classify.$post({ json: { pixels: [0] } })).json()).images[0];`,
  ],
  "Hono: a method that a route does not have": [
    ...["TS2339", "Property '$post' does not exist"] as const,
    `await app.health.live.$post();`,
  ],
  "Hono: a route that there is not": [
    ...["TS2339", "Property 'dream' does not exist"] as const,
    `await app.dream.$get();`,
  ],
  "Hono: an alias moved without a revision": [
    ...["TS2345", "Property 'header' is missing"] as const,
    `await app.v2.repository.models[":model"].aliases[":alias"].$put({
      param: { model: "digits", alias: "production" }, json: { version: 3 },
    });`,
  ],
  "Hono: a version without its number": [
    ...["TS2741", "Property 'version' is missing"] as const,
    `await app.v2.models[":model"].versions[":version"].$get({ param: { model: "digits" } });`,
  ],
};

/** Type-checks all of it where users have the package, or in this checkout. */
export async function testUserCode(t: Deno.TestContext, place?: Place): Promise<void> {
  const codes = Object.values(wrong).map(([, , code]) => code);
  const found = await typeCheck([...Object.values(right), ...codes], place);
  const rights = Object.keys(right);
  for (const [i, name] of rights.entries()) {
    await t.step(`right: ${name}`, () => assertEquals(found[i], []));
  }
  for (const [i, [name, [code, says]]] of Object.entries(wrong).entries()) {
    await t.step(`wrong: ${name}`, () => {
      const [first, ...more]: Diagnostic[] = found[rights.length + i];
      assertEquals([first?.code, more], [code, []], first?.message);
      assert(first.message.includes(says), first.message);
    });
  }
}
