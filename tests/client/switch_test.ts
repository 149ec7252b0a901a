/** Pushes to a service with a pool of loaded versions, while clients send requests. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { rollBack } from "../../src/client/aliases.ts";
import { ServiceError } from "../../src/client/errors.ts";
import { pushModel } from "../../src/client/push.ts";
import { InlineCompute } from "../../src/compute/inline_compute.ts";
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { PROBE_FILE } from "../../src/format/probe.ts";
import { writeWeights } from "../../src/format/weights.ts";
import { isScaled } from "../../src/math/weight_matrix.ts";
import { saveModel } from "../../src/repository/model_directory.ts";
import { openRepository } from "../../src/repository/open.ts";
import { loadVersion } from "../../src/serving/load_version.ts";
import { ModelPool } from "../../src/serving/pool.ts";
import { toDtype } from "../../train/artifacts/weights/quantize.ts";
import { bearer } from "../http/repository/harness.ts";
import { tinyModel } from "../model/tiny_model.ts";
import { tinyProbe } from "../model/tiny_probe.ts";
import { startService } from "./harness.ts";

/** A directory of a version of `tiny` that answers its probe, or that of another seed. */
async function makeVersion(version: number, { probeSeed = version } = {}) {
  const path = await Deno.makeTempDir({ prefix: "a version " });
  const model = tinyModel({ seed: version });
  await saveModel(path, { ...model, config: { ...model.config, version } });
  await Deno.writeTextFile(`${path}/README.md`, `# Version ${version}\n`);
  await Deno.writeFile(`${path}/${PROBE_FILE}`, await tinyProbe(tinyModel({ seed: probeSeed })));
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A service whose bundled version is 1. */
async function startPool() {
  const directory = await Deno.makeTempDir({ prefix: "pool " });
  const repository = await openRepository(directory), model = tinyModel({ seed: 1 });
  const pool = new ModelPool({
    repository: () => Promise.resolve(repository),
    bundled: {
      ...{ model: "tiny", version: 1, digest: "bundled", config: model.config },
      compute: new InlineCompute(createReferenceEngine(model), model.config.architecture),
      readCard: () => Promise.resolve(undefined),
    },
    load: (ref) => loadVersion(repository, ref, { engine: "reference" }),
  });
  const service = startService({ repository, models: pool });
  const stop = service[Symbol.asyncDispose];
  return Object.assign(service, {
    pool,
    directory,
    [Symbol.asyncDispose]: async () => {
      await stop();
      pool.dispose();
      repository.close();
      await Deno.remove(directory, { recursive: true });
    },
  });
}

const image = new Uint8Array(784).map((_, i) => i % 200);

/** Status and version of one classification. */
async function classify(to: string): Promise<[status: number, version: number]> {
  const response = await fetch(`${to}/classify`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: image,
  });
  await response.body?.cancel();
  return [response.status, Number(response.headers.get("model-version"))];
}

Deno.test("under load every request is answered, after a move by the new version alone", async () => {
  await using service = await startPool();
  const { to, options } = service;
  let isOver = false;
  const answers: { began: number; status: number; version: number }[] = [];
  const clients = Array.from({ length: 16 }, async () => {
    while (!isOver) {
      const began = performance.now(), [status, version] = await classify(to);
      answers.push({ began, status, version });
    }
  });
  /** Moves, and from when on which version must answer. */
  const switches: { at: number; version: number }[] = [];
  const moved = async (work: Promise<unknown>, version: number) => {
    await work;
    switches.push({ at: performance.now(), version });
    await new Promise((resolve) => setTimeout(resolve, 100));
  };
  for (const version of [2, 3]) {
    await using model = await makeVersion(version);
    await moved(pushModel(model.path, { ...options, alias: "production" }), version);
  }
  const durations: number[] = [];
  for (const version of [2, 3, 2, 3, 2]) {
    const started = performance.now();
    const rolling = rollBack({ ...options, model: "tiny" });
    await moved(rolling.then(() => durations.push(performance.now() - started)), version);
  }
  isOver = true;
  await Promise.all(clients);
  assertEquals(answers.filter(({ status }) => status !== 200), []);
  switches.forEach(({ at, version }, i) => {
    const end = switches[i + 1]?.at ?? Infinity;
    const between = answers.filter(({ began }) => began > at && began < end);
    assert(between.length > 0);
    // Until the next move begins to be answered; a request that begins meanwhile may meet either.
    const allowed = [version, switches[i + 1]?.version];
    for (const answer of between) assert(allowed.includes(answer.version), `${answer.version}`);
    assertEquals(between[0].version, version);
  });
  assert(answers.some(({ version }) => version === 1));
  assert(Math.min(...durations) < 200, `going back took ${durations} ms`);
});

Deno.test("a version that does not answer its probe is refused, and what answers goes on", async () => {
  await using service = await startPool();
  const { to, options } = service;
  await using good = await makeVersion(2);
  await pushModel(good.path, { ...options, alias: "production" });
  await using wrong = await makeVersion(3, { probeSeed: 1 });
  const pushing = pushModel(wrong.path, { ...options, alias: "production" });
  const error = await assertRejects(() => pushing, ServiceError);
  assertEquals(error.status, 422);
  assertMatch(error.message, /Version 3 of tiny is refused: .*probe/);
  assertEquals(await classify(to), [200, 2]);
  const state = await (await fetch(`${to}/v2/models/tiny/versions/3`)).json();
  assertEquals(state.status, "refused");
  assertMatch(state.reason, /probe/);
  assertEquals((await service.repository.aliases("tiny"))[0].version, 2);
});

/**
 * A version of 8-bit weights with a bit of a scale flipped: before its config.json names hashes, so that the probe
 * alone tells it; or after, with a probe of the flipped one, so that the hash alone does.
 */
async function makeDamaged(version: number, when: "before" | "after") {
  const made = await makeVersion(version), model = toDtype(tinyModel({ seed: version }), "I8");
  const { kernel } = model.classifier.at(-1)!; // a logit, which no unit saturates
  if (!isScaled(kernel)) throw new TypeError("a kernel of I8 must have scales");
  await Deno.writeFile(`${made.path}/${PROBE_FILE}`, await tinyProbe(model));
  const config = { ...model.config, version };
  const flip = () =>
    void (new Uint32Array(kernel.scales.buffer, kernel.scales.byteOffset)[0] ^= 1 << 24);
  if (when === "before") flip();
  await saveModel(made.path, { ...model, config });
  if (when === "before") return made;
  flip();
  await Deno.writeFile(`${made.path}/${PROBE_FILE}`, await tinyProbe(model));
  await Deno.writeFile(
    `${made.path}/classifier.safetensors`,
    writeWeights({ ...model, config }).classifier,
  );
  return made;
}

Deno.test("8-bit weights replace float32 and go back; a damaged scale is found by hash or by probe", async () => {
  await using service = await startPool();
  const { to, options } = service;
  await using good = await makeVersion(2);
  const model = toDtype(tinyModel({ seed: 2 }), "I8");
  await saveModel(good.path, { ...model, config: { ...model.config, version: 2 } });
  await Deno.writeFile(`${good.path}/${PROBE_FILE}`, await tinyProbe(model));
  await pushModel(good.path, { ...options, alias: "production" });
  assertEquals(await classify(to), [200, 2]);
  for (const [version, when, found] of [[3, "before", /probe/], [4, "after", /SHA-256/]] as const) {
    await using damaged = await makeDamaged(version, when);
    const pushing = pushModel(damaged.path, { ...options, alias: "production" });
    const error = await assertRejects(() => pushing, ServiceError);
    assertEquals(error.status, 422);
    assertMatch(error.message, found);
    assertEquals(await classify(to), [200, 2]);
  }
  await using float = await makeVersion(5);
  await pushModel(float.path, { ...options, alias: "production" });
  assertEquals(await classify(to), [200, 5]);
  await rollBack({ ...options, model: "tiny" });
  assertEquals(await classify(to), [200, 2]);
});

Deno.test("a canary meets its share of requests, and loading many versions keeps few", async () => {
  await using service = await startPool();
  const { to, options, pool } = service;
  for (const version of [2, 3, 4, 5, 6, 7]) {
    await using model = await makeVersion(version);
    const name = version === 2
      ? { alias: "production" }
      : version === 3
      ? { alias: "candidate", settings: { share: 0.5 } }
      : {};
    await pushModel(model.path, { ...options, ...name });
  }
  const seen = new Set<number>();
  for (let i = 0; i < 40; i++) seen.add((await classify(to))[1]);
  assertEquals([...seen].sort(), [2, 3]);
  for (const version of [4, 5, 6, 7]) {
    const loaded = await fetch(`${to}/v2/repository/models/tiny/load`, {
      method: "POST",
      headers: bearer("promote"),
      body: JSON.stringify({ parameters: { version } }),
    });
    assertEquals([loaded.status, await loaded.text()], [200, ""]);
    const ready = pool.states().filter(({ status }) => status === "ready");
    assert(ready.some((state) => state.version === version));
    assert(ready.length <= 3, `${ready.length} versions are loaded`);
  }
  assertEquals(await classify(to).then(([status]) => status), 200);
});

Deno.test("what is served needs its repository no more, the card neither", async () => {
  await using service = await startPool();
  const { to, options, directory } = service;
  await using model = await makeVersion(2);
  await pushModel(model.path, { ...options, alias: "production" });
  await Deno.remove(`${directory}/tiny`, { recursive: true });
  const response = await fetch(`${to}/model`, { headers: { accept: "text/markdown" } });
  assertEquals([response.status, await response.text()], [200, "# Version 2\n"]);
  assertEquals(await classify(to), [200, 2]);
});
