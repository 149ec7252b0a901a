/** Pushing to a running service: what is sent, what it is called, and what happens when things break. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Connection } from "../../src/client/connection.ts";
import { PushError, ServiceError } from "../../src/client/errors.ts";
import { planPush, pushModel } from "../../src/client/push.ts";
import { PassingFailure } from "../../src/client/retry.ts";
import { describeVersion } from "../../src/repository/describe_version.ts";
import { openRepository } from "../../src/repository/open.ts";
import { MODEL, tokens } from "../http/repository/harness.ts";
import { BreakingProxy, randomNumbers } from "./breaking_proxy.ts";
import { makeModel, startService } from "./harness.ts";

Deno.test("a push makes a version of the served model, and says what it became", async () => {
  await using service = startService();
  await using model = await makeModel({ name: "digits-quick", version: 1 });
  const result = await pushModel(model.path, service.options);
  assertEquals([result.model, result.version, result.outcome], [MODEL, 1, "created"]);
  const [{ size }] = await service.repository.versions(MODEL);
  assertEquals([result.blobs, result.bytes], [4, size]);
  const { repository } = service;
  const stored = (await repository.readManifest({ model: MODEL, version: 1 }))!;
  assertEquals(stored.digest, result.digest);
  const file = stored.manifest.files.find(({ path }) => path === "config.json")!;
  const config = new TextDecoder().decode(await repository.readFile(result, file));
  const own = await Deno.readTextFile(`${model.path}/config.json`);
  assertEquals(config, own.replace('"digits-quick"', `"${MODEL}"`), "nothing else has changed");
});

Deno.test("the same push again does nothing new, whatever number it got", async () => {
  await using service = startService();
  await using first = await makeModel({ name: MODEL, version: 1, seed: 1 });
  await using second = await makeModel({ name: "other", version: 1, seed: 2 });
  assertEquals((await pushModel(first.path, service.options)).version, 1);
  service.takeUploads();
  const pushed = await pushModel(second.path, service.options);
  assertEquals([pushed.version, pushed.outcome], [2, "created"]);
  assert(service.takeUploads() > 0);
  for (const { path } of [first, second, first]) {
    const again = await pushModel(path, service.options);
    assertEquals([again.outcome, again.blobs, again.bytes], ["unchanged", 0, 0]);
    assertEquals(again.version, path === first.path ? 1 : 2);
  }
  assertEquals(service.takeUploads(), 0);
  assertEquals((await service.repository.versions(MODEL)).length, 2);
});

Deno.test("only what the service lacks is sent", async () => {
  await using service = startService();
  await using model = await makeModel();
  await pushModel(model.path, service.options);
  service.takeUploads();
  await Deno.writeTextFile(`${model.path}/README.md`, "# a better card\n");
  const { version, blobs } = await pushModel(model.path, service.options);
  assertEquals([version, blobs, service.takeUploads()], [2, 2, 2], "the card and config.json");
});

Deno.test("the number is the directory's where it is free, the one asked for, or the next", async () => {
  await using service = startService();
  const push = async (name: string, version: number, seed: number, as?: string) => {
    await using model = await makeModel({ name, version, seed });
    const result = await pushModel(model.path, { ...service.options, as });
    return `${result.model}/${result.version}`;
  };
  assertEquals(await push(MODEL, 5, 1), `${MODEL}/5`);
  assertEquals(await push(MODEL, 5, 2), `${MODEL}/6`, "5 is taken");
  assertEquals(await push(MODEL, 2, 3), `${MODEL}/2`, "2 is free");
  assertEquals(await push("quick", 1, 4), `${MODEL}/7`, "another name's number says nothing here");
  assertEquals(await push("quick", 1, 5, `${MODEL}/9`), `${MODEL}/9`);
  assertEquals(await push("quick", 3, 6, "letters"), "letters/1");
  assertEquals(await push("letters", 3, 7, "letters"), "letters/3");
  await assertRejects(() => push("quick", 1, 8, `${MODEL}/9`), PushError, "other content");
  for (const as of ["a/b/c", "", "../x", "x/0", "x/1.5", "x/", ".x", "x/99999999999"]) {
    await assertRejects(() => push("quick", 1, 8, as), PushError, "must be NAME or NAME/VERSION");
  }
});

Deno.test("of 20 pushes of different content to one version at once one wins", async () => {
  await using service = startService();
  const pushes = await Promise.allSettled(
    Array.from({ length: 20 }, async (_, seed) => {
      await using model = await makeModel({ seed });
      return await pushModel(model.path, { ...service.options, as: `${MODEL}/4` });
    }),
  );
  const lost = pushes.filter((push) => push.status === "rejected");
  assertEquals(lost.length, 19);
  for (const { reason } of lost) assert(reason instanceof PushError, reason);
  assertEquals((await service.repository.versions(MODEL)).map(({ version }) => version), [4]);
});

Deno.test("of 10 pushes at once that ask for no number each gets its own", async () => {
  await using service = startService();
  const pushes = await Promise.all(
    Array.from({ length: 10 }, async (_, seed) => {
      await using model = await makeModel({ seed });
      return (await pushModel(model.path, service.options)).version;
    }),
  );
  assertEquals(pushes.toSorted((a, b) => a - b), Array.from({ length: 10 }, (_, i) => i + 1));
});

Deno.test("a push through connections that break at random bytes completes", async () => {
  const random = randomNumbers(17);
  const directory = await Deno.makeTempDir();
  let broken = 0;
  for (let round = 0; round < 10; round++) {
    await using service = startService({ repository: await openRepository(directory) });
    // Most connections are cut after up to 60 KB of the client, or 2 KB of the server.
    await using proxy = new BreakingProxy(service.port, {
      afterBytes: () => random() < 0.8 ? Math.ceil(random() * 60_000) : undefined,
      afterAnswerBytes: () => random() < 0.2 ? Math.ceil(random() * 2_000) : undefined,
    });
    await using model = await makeModel({ seed: 100 + round });
    const result = await pushModel(model.path, {
      ...service.options,
      ...{ to: proxy.origin, tries: 60, as: `${MODEL}/${round + 1}`, alias: "production" },
      onProgress: ({ sentBytes, totalBytes }) => assert(sentBytes <= totalBytes),
    });
    const local = await describeVersion(model.path, { model: MODEL, version: round + 1 });
    assertEquals(result.digest, local.digest);
    const ref = { model: MODEL, version: round + 1 };
    for (const file of local.files) {
      assertEquals(await service.repository.readFile(ref, file), await file.read(), file.path);
    }
    const [production] = await service.repository.aliases(MODEL);
    assertEquals([production.version, production.revision], [round + 1, round + 1]);
    broken += proxy.broken;
  }
  assert(broken > 10, `only ${broken} connections broke`);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("what had arrived before a break is not sent again", async () => {
  await using service = startService({
    repository: await openRepository(await Deno.makeTempDir()),
  });
  await using model = await makeModel({ seed: 200 });
  await Deno.writeFile(`${model.path}/large.bin`, crypto.getRandomValues(new Uint8Array(60_000)));
  for (let i = 0; i < 20; i++) {
    const part = crypto.getRandomValues(new Uint8Array(60_000));
    await Deno.writeFile(`${model.path}/large.bin`, part, { append: true });
  }
  // Every connection ends after 300 KB: without going on from what is there none would send the file.
  await using proxy = new BreakingProxy(service.port, { afterBytes: () => 300_000 });
  const options = { ...service.options, to: proxy.origin, firstWaitMs: 100 }; // what came is written
  const { bytes } = await pushModel(model.path, options);
  const [{ size }] = await service.repository.versions(MODEL);
  assertEquals(bytes, size);
  assert(size > 21 * 60_000 && proxy.broken >= 4, `${proxy.broken} connections broke`);
  assert(proxy.handedOn < 2 * size, `${proxy.handedOn} bytes were sent for ${size}`);
});

Deno.test("a service that is busy is asked again, at the latest until the last try", async () => {
  let refusals = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    refusals++;
    return refusals === 3
      ? Response.json({ served: "x" })
      : Response.json({ detail: "full" }, { status: 503, headers: { "retry-after": "0" } });
  });
  const to = `http://127.0.0.1:${server.addr.port}`, waits: number[] = [];
  const onRetry = (_: unknown, ms: number) => void waits.push(ms);
  const connection = new Connection({ to, firstWaitMs: 10, onRetry });
  assertEquals(await connection.json("v2/repository/models"), { served: "x" });
  assert(waits.length === 2 && waits[0] <= 10 && waits[1] <= 20 && waits[1] >= 10, `${waits}`);
  const impatient = new Connection({ to, firstWaitMs: 1, tries: 4 });
  const error = await assertRejects(() => impatient.send("x"), PassingFailure);
  assertEquals([error.message, refusals], [`GET ${to}/x: HTTP status 503: full`, 7]);
  await server.shutdown();
});

Deno.test("a service that says nothing is given up, and a caller who leaves ends the push", async () => {
  const silence = Promise.withResolvers<Response>();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async () => (await silence.promise).clone(),
  );
  const to = `http://127.0.0.1:${server.addr.port}`;
  const silent = new Connection({ to, tries: 2, firstWaitMs: 1, silenceMs: 50 });
  const error = await assertRejects(() => silent.send("x"), PassingFailure);
  assertMatch(error.message, /no answer in 50 ms/);
  const leaving = new AbortController();
  const pending = new Connection({ to, signal: leaving.signal }).send("x");
  setTimeout(() => leaving.abort(new Error("left")), 20);
  await assertRejects(() => pending, Error, "left");
  const closed = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = closed.addr as Deno.NetAddr;
  closed.close();
  const nobody = new Connection({ to: `http://127.0.0.1:${port}`, tries: 2, firstWaitMs: 1 });
  const refused = await assertRejects(() => nobody.send("x"), PassingFailure);
  assertMatch(refused.message, new RegExp(`GET http://127\\.0\\.0\\.1:${port}/x: `));
  silence.resolve(new Response());
  await server.shutdown();
});

Deno.test("a version that fails a check is told with its reason, and the alias stays", async () => {
  await using service = startService();
  await using model = await makeModel();
  service.models.bad.set(1, "image 3 of the probe has other probabilities");
  const pushing = pushModel(model.path, { ...service.options, alias: "production" });
  const error = await assertRejects(() => pushing, ServiceError, "image 3 of the probe");
  assertEquals(error.status, 422);
  assertEquals(await service.repository.aliases(MODEL), []);
  assertEquals((await service.repository.versions(MODEL)).length, 1, "it is there, and not served");
});

Deno.test("a directory whose files are not those of its manifest is not pushed", async () => {
  await using service = startService();
  await using model = await makeModel();
  const { bytes } = await describeVersion(model.path);
  await Deno.writeFile(`${model.path}/manifest.json`, bytes);
  await planPush(model.path, service.options);
  await Deno.writeTextFile(`${model.path}/README.md`, "# half");
  await Deno.remove(`${model.path}/classifier.safetensors`);
  const pushing = pushModel(model.path, service.options);
  const { message } = await assertRejects(() => pushing, PushError);
  assertMatch(message, /README\.md.*must be as manifest\.json says; it is half copied or changed/);
  assertMatch(message, /classifier\.safetensors/);
  assertEquals(service.takeUploads(), 0);
});

Deno.test("a signed version keeps the name that it was signed under", async () => {
  await using service = startService();
  await using signed = await makeModel({ name: MODEL, version: 3 });
  await Deno.writeTextFile(`${signed.path}/model.sig`, "{}");
  assertEquals((await pushModel(signed.path, service.options)).version, 3);
  await using other = await makeModel({ name: "quick", version: 1 });
  await Deno.writeTextFile(`${other.path}/model.sig`, "{}");
  const pushing = pushModel(other.path, service.options);
  await assertRejects(() => pushing, PushError, "Cannot push quick/1 as digits/4: its signature");
});

Deno.test("no error names a token, and addresses with passwords are none", async () => {
  await using service = startService();
  await using model = await makeModel();
  const wrong = `${tokens.all.token}x`, messages: string[] = [];
  for (const token of [wrong, undefined, tokens.promote.token]) {
    const pushing = pushModel(model.path, { ...service.options, token });
    const error = await assertRejects(() => pushing, ServiceError);
    messages.push(`${error.message} ${error.stack} ${JSON.stringify(error)}`);
  }
  assertMatch(messages[0], /HTTP status 401: The token is none that this service knows/);
  assertMatch(messages[2], /HTTP status 403: The token promoter must have the scope push/);
  for (const token of ["a b", "a\r\nx: y", "", "ü"]) {
    const error = await assertRejects(
      () => pushModel(model.path, { ...service.options, token }),
      PushError,
    );
    messages.push(error.message);
  }
  for (const { token } of Object.values(tokens)) assert(!messages.join().includes(token));
  const addresses = [
    "ftp://x",
    "x",
    "",
    "https://me:secret@x",
    "https://x?key=secret",
    "file:///x",
  ];
  for (const to of addresses) {
    const error = await assertRejects(() => pushModel(model.path, { to }), PushError);
    assert(!error.message.includes("secret"), error.message);
  }
});
