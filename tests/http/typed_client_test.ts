/** Hono's typed client: a call of every route, whose types are checked when this file is compiled. */
import { assert, assertEquals } from "@std/assert";
import { hc, type PickResponseByStatusCode } from "hono/client";
import type { Problem } from "../../src/api/problem.ts";
import { readManifest } from "../../src/format/manifest.ts";
import type { AppType } from "../../src/http/app.ts";
import { digit, testApp } from "./harness.ts";
import { bearer, MODEL, repositoryApp, versionOf } from "./repository/harness.ts";

const serving = hc<AppType>("http://localhost", { fetch: testApp().app.request });

Deno.test("Hono's typed client classifies", async () => {
  const response = await serving.classify.$post({ json: { pixels: digit } });
  assert(response.ok);
  const { model, images } = await response.json();
  assertEquals([model.name, images.length], ["tiny", 1]);
  assertEquals(images[0].classifier.probabilities.length, 10);
});

Deno.test("Hono's typed client generates JSON, a PNG and events", async () => {
  const query = { label: "3", n: "2", steps: "4", seed: "1" };
  const response = await serving.generate.$get({ query: { ...query, format: "json" } });
  assert(response.status === 200);
  const { seed, labels, pixels } = await response.json();
  assertEquals([seed, labels.length, pixels.length, pixels[0].length], [1, 2, 2, 784]);

  const png = await serving.generate.$get({ query });
  assertEquals((await png.bytes())[0], 0x89);
  const events = await serving.generate.$get({ query: { ...query, format: "sse", thin: "2" } });
  assertEquals((await events.text()).match(/^event: \w+/gm), [
    ...["event: frame", "event: frame", "event: done"],
  ]);
  assertEquals((await serving.generate.$get()).ok, true);
});

Deno.test("Hono's typed client tells a problem from an answer by the status", async () => {
  const refused = await serving.generate.$get({ query: { label: "12", format: "json" } });
  assert(!refused.ok && refused.status !== 304);
  const { detail, parameter, max, value }: Problem = await refused.json();
  assertEquals([parameter, max, value], ["label", 9, "12"]);
  assert(detail.includes("label must be an integer"));
});

Deno.test("a client of successes alone needs no look at the status", async () => {
  const client = hc<PickResponseByStatusCode<AppType, 200>>("http://localhost", {
    fetch: testApp().app.request,
  });
  const { images } = await (await client.classify.$post({ json: { pixels: digit } })).json();
  assertEquals(images.length, 1);
});

Deno.test("an answer that the client has already is 304", async () => {
  const query = { steps: "2", seed: "1" } as const;
  const first = await serving.generate.$get({ query });
  await first.body?.cancel();
  const headers = { "If-None-Match": first.headers.get("etag")! };
  const second = await serving.generate.$get({ query }, { headers });
  assertEquals(second.status, 304);
});

Deno.test("Hono's typed client reads the model, health, metrics and the page", async () => {
  const model = await serving.model.$get({ query: { version: "1" } });
  assert(model.ok);
  assertEquals((await model.json()).config.architecture.height, 28);
  const card = await serving.model.$get({}, { headers: { Accept: "text/markdown" } });
  assertEquals(typeof await card.text(), "string");
  const live = await serving.health.live.$get();
  assert(live.ok);
  assertEquals(await live.json(), { status: "live" });
  const ready = await serving.health.ready.$get();
  assert(ready.ok);
  assertEquals(await ready.json(), { status: "ready", model: "tiny", version: 1 });
  assert((await (await serving.metrics.$get()).text()).includes("dbn_requests_total"));
  assert((await (await serving.index.$get()).text()).startsWith("<!doctype html>"));
});

Deno.test("a version may be named by the header too", async () => {
  const missing = await serving.model.$get({ header: { "Model-Version": "7" } });
  assert(missing.status === 404);
  assertEquals((await missing.json()).served, [1]);
});

Deno.test("Hono's typed client pushes a version, and moves, loads and removes it", async () => {
  const { app } = repositoryApp(), headers = bearer();
  const { v2 } = hc<AppType>("http://localhost", { fetch: app.request, headers });
  const models = v2.repository.models, version = await versionOf(2, { "config.json": "{}" });
  const param = { model: MODEL, version: "2" };
  for (const [sha256, bytes] of version.blobs) {
    const query = { size: String(bytes.length) };
    const head = await v2.repository.blobs[":sha256"].$head({ param: { sha256 }, query });
    assertEquals(head.status, 404);
    const put = await v2.repository.blobs[":sha256"].$put({ param: { sha256 } }, {
      init: { body: bytes as BodyInit, headers: { ...headers, "content-length": query.size } },
    });
    assertEquals(put.status, 201);
  }
  const created = await models[":model"].versions[":version"].$put({
    param,
    json: readManifest(version.manifest),
  });
  assert(created.ok);
  assertEquals((await created.json()).outcome, "created");

  const listed = await models.$get();
  assert(listed.ok);
  assertEquals((await listed.json()).served, MODEL);
  const versions = await models[":model"].versions.$get({ param });
  assert(versions.ok);
  assertEquals((await versions.json()).versions.map(({ version }) => version), [2]);
  const manifest = await models[":model"].versions[":version"].$get({ param });
  assert(manifest.status === 200);
  assertEquals((await manifest.json()).files[0].path, "config.json");
  const file = await models[":model"].versions[":version"].files[":path{.+}"].$get({
    param: { ...param, path: "config.json" },
  });
  assertEquals(await file.text(), "{}");

  const production = { model: MODEL, alias: "production" };
  const moved = await models[":model"].aliases[":alias"].$put({
    ...{ param: production, json: { version: 2 } },
    header: { "If-None-Match": "*" },
  });
  assert(moved.ok);
  assertEquals((await moved.json()).version, 2);
  const alias = await models[":model"].aliases[":alias"].$get({ param: production });
  assert(alias.ok);
  const { revision } = await alias.json();
  const aliases = await models[":model"].aliases.$get({ param });
  assert(aliases.ok);
  assertEquals((await aliases.json()).aliases.length, 1);
  const again = await models[":model"].aliases[":alias"].$put({
    ...{ param: production, json: { version: 2 } },
    header: { "If-None-Match": "*" },
  });
  assert(again.status === 412);
  assertEquals((await again.json()).revision, revision);

  const loaded = await models[":model"].load.$post({ param, json: {} });
  assertEquals(loaded.status, 200);
  const state = await v2.models[":model"].versions[":version"].$get({ param });
  assert(state.ok);
  assertEquals((await state.json()).status, "ready");
  const index = await v2.repository.index.index.$post({ json: { ready: true } });
  assert(index.ok);
  assertEquals((await index.json()).map(({ state }) => state).includes("READY"), true);

  const removed = await models[":model"].aliases[":alias"].$delete({
    param: production,
    header: { "If-Match": `"${revision}"` },
  });
  assertEquals(removed.status, 204);
  const history = await models[":model"].history.$get({ param });
  assert(history.ok);
  assertEquals((await history.json()).moves.length, 2);
  const unloaded = await models[":model"].unload.$post({
    ...{ param, json: { parameters: { version: 2 } } },
  });
  assertEquals(unloaded.status, 200);
  assertEquals((await models[":model"].versions[":version"].$delete({ param })).status, 204);
  const garbage = await v2.repository.gc.$post({ json: { olderThanSeconds: 0 } });
  assert(garbage.ok);
  assertEquals((await garbage.json()).blobs, 1);
});
