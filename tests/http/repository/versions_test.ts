/** Versions, aliases and what Triton's extension asks for, over repositories in memory and in a directory. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { manifestBounds } from "../../../src/format/manifest.ts";
import { RepositoryUnreachableError } from "../../../src/repository/errors.ts";
import { releasedModel } from "../../../src/repository/model_directory.ts";
import {
  bearer,
  FakeModels,
  json,
  MODEL,
  pushVersion,
  repositoryApp,
  sendBlob,
  sendManifest,
  versionOf,
} from "./harness.ts";
import { MemoryRepository } from "./memory_repository.ts";
import { repositories } from "./repositories.ts";

const at = `/v2/repository/models/${MODEL}`;
const files = { "config.json": '{"name":"digits"}', "images/a.png": new Uint8Array([1, 2, 3]) };

for (const [name, open] of Object.entries(repositories)) {
  Deno.test(`${name}: a version is made of blobs that are there, once`, async () => {
    const { app } = repositoryApp({ repository: await open() });
    const { manifest, blobs, files: listed } = await versionOf(2, files);
    const early = await sendManifest(app, 2, manifest);
    assertEquals(early.status, 422);
    const byDigest = (a: { sha256: string }, b: { sha256: string }) => a.sha256 < b.sha256 ? -1 : 1;
    assertEquals(
      (await early.json()).missing.toSorted(byDigest),
      listed.map(({ sha256, size }) => ({ sha256, size })).toSorted(byDigest),
    );
    assertEquals((await app.request(`${at}/versions/2`)).status, 404);
    for (const [sha256, bytes] of blobs) {
      assertEquals((await sendBlob(app, sha256, bytes)).status, 201);
      assertEquals((await sendBlob(app, sha256, bytes)).status, 200);
    }
    const made = await sendManifest(app, 2, manifest);
    assertEquals([made.status, await made.json()], [201, {
      ...{ model: MODEL, version: 2, outcome: "created" },
    }]);
    const again = await sendManifest(app, 2, manifest);
    assertEquals([again.status, (await again.json()).outcome], [200, "unchanged"]);
    const other = await pushVersion(app, 2, { "config.json": "{}" });
    assertEquals(other.status, 409);
    const kept = await app.request(`${at}/versions/2`);
    assertEquals(await kept.bytes(), manifest);
    assertEquals(kept.headers.get("etag"), `"${(await other.json()).digest}"`);
  });

  Deno.test(`${name}: versions are listed with their aliases, and files can be had`, async () => {
    const { app } = repositoryApp({ repository: await open() });
    await pushVersion(app, 1, files);
    await pushVersion(app, 3, { "config.json": "{}" });
    await app.request(
      `${at}/aliases/production`,
      json("PUT", { version: 3 }, { ...bearer(), "if-none-match": "*" }),
    );
    const { versions } = await (await app.request(`${at}/versions`)).json();
    assertEquals(
      versions.map((v: Record<string, unknown>) => [v.version, v.size, v.aliases]),
      [[1, 20, []], [3, 2, ["production"]]],
    );
    const file = await app.request(`${at}/versions/1/files/images/a.png`);
    assertEquals([...await file.bytes()], [1, 2, 3]);
    assertEquals(file.headers.get("content-disposition"), "attachment");
    const etag = file.headers.get("etag")!;
    const headers = { "if-none-match": etag };
    const same = await app.request(`${at}/versions/1/files/images/a.png`, { headers });
    assertEquals(same.status, 304);
    for (
      const path of ["nowhere", "images", "../1/config.json", "images/../config.json", "%2e%2e"]
    ) {
      const { status } = await app.request(`${at}/versions/1/files/${path}`);
      assert(status === 404 || path === "images/../config.json", path);
    }
    const { models, served } = await (await app.request("/v2/repository/models")).json();
    assertEquals([models, served], [[MODEL], MODEL]);
  });

  Deno.test(`${name}: of 20 contents for one version at once one wins, 19 are 409`, async () => {
    const { app } = repositoryApp({ repository: await open() });
    const sent = await Promise.all(
      Array.from({ length: 20 }, (_, i) => pushVersion(app, 7, { "config.json": `{"i":${i}}` })),
    );
    const statuses = sent.map(({ status }) => status).sort();
    assertEquals(statuses, [201, ...Array(19).fill(409)]);
    const winner = sent.findIndex(({ status }) => status === 201);
    const file = await app.request(`${at}/versions/7/files/config.json`);
    assertEquals(await file.json(), { i: winner });
  });

  Deno.test(`${name}: of 20 moves with one If-Match one wins, 19 are 412`, async () => {
    const { app } = repositoryApp({ repository: await open() });
    for (let version = 1; version <= 3; version++) {
      await pushVersion(app, version, { "config.json": `{"v":${version}}` });
    }
    const put = (version: number, condition: Record<string, string>) =>
      app.request(
        `${at}/aliases/production`,
        json("PUT", { version }, { ...bearer(), ...condition }),
      );
    const first = await put(1, { "if-none-match": "*" });
    assertEquals([first.status, first.headers.get("etag")], [201, '"1"']);
    const sent = await Promise.all(
      Array.from({ length: 20 }, (_, i) => put(2 + i % 2, { "if-match": '"1"' })),
    );
    assertEquals(sent.map(({ status }) => status).sort(), [200, ...Array(19).fill(412)]);
    const lost = sent.find(({ status }) => status === 412)!;
    assertEquals([(await lost.json()).revision, lost.headers.get("etag")], [2, '"2"']);
    const { moves } = await (await app.request(`${at}/history`)).json();
    assertEquals(moves.length, 2);
    const { version } = await sent.find(({ status }) => status === 200)!.json();
    assertEquals([moves[0].by, moves[0].from, moves[0].to], ["ci", 1, version]);
  });

  Deno.test(`${name}: an alias is moved, set and removed only at the revision that was seen`, async () => {
    const { app, models } = repositoryApp({ repository: await open() });
    await pushVersion(app, 1, files);
    const path = `${at}/aliases/candidate`;
    const send = (method: string, condition: Record<string, string>, body: unknown = undefined) =>
      app.request(path, json(method, body, { ...bearer("promote"), ...condition }));
    const body = { version: 1, settings: { share: 0.1 } };
    assertEquals((await send("PUT", {}, body)).status, 428);
    assertEquals((await send("DELETE", {})).status, 428);
    assertEquals((await send("PUT", { "if-match": "*" }, body)).status, 412);
    assertEquals((await send("PUT", { "if-match": '"1"' }, body)).status, 412);
    assertEquals((await app.request(path)).status, 404);
    const made = await send("PUT", { "if-none-match": "*" }, body);
    assertEquals([made.status, await made.json()], [201, {
      ...{ alias: "candidate", version: 1, revision: 1, settings: { share: 0.1 } },
    }]);
    assertEquals((await send("PUT", { "if-none-match": "*" }, body)).status, 412);
    const shown = await app.request(path);
    assertEquals([shown.status, shown.headers.get("etag")], [200, '"1"']);
    const moved = await send("PUT", { "if-match": "*" }, { version: 1, settings: { share: 0.5 } });
    assertEquals([moved.status, moved.headers.get("etag")], [200, '"2"']);
    assertEquals((await send("DELETE", { "if-match": '"1"' })).status, 412);
    assertEquals((await send("DELETE", { "if-match": '"2"' })).status, 204);
    assertEquals((await app.request(path)).status, 404);
    const back = await send("PUT", { "if-none-match": "*" }, body);
    assertEquals([back.status, back.headers.get("etag")], [201, '"4"']);
    assert(models.calls.every((call) => call === "load 1" || call === "sync"), `${models.calls}`);
  });

  Deno.test(`${name}: a version goes only when no alias names it and no request gets it`, async () => {
    const { app, models } = repositoryApp({ repository: await open() });
    for (const version of [1, 2, 3]) {
      await pushVersion(app, version, { "config.json": `${version}` });
    }
    for (const version of [2, 3]) models.loaded.add(version);
    const remove = (version: number) =>
      app.request(`${at}/versions/${version}`, { method: "DELETE", headers: bearer("push") });
    await app.request(
      `${at}/aliases/stable`,
      json("PUT", { version: 2 }, { ...bearer(), "if-none-match": "*" }),
    );
    const used = await remove(2);
    assertEquals(used.status, 409);
    assert(models.loaded.has(2), "who pinned it goes on");
    const served = await remove(1);
    assertEquals([served.status, (await served.json()).aliases], [409, ["what requests get now"]]);
    assertEquals((await remove(3)).status, 204);
    assertEquals(models.calls.at(-1), "unload 3");
    assertEquals((await remove(3)).status, 404);
    assertEquals((await app.request(`${at}/versions/3`)).status, 404);
    const old = { olderThanSeconds: 0 };
    const swept = await app.request("/v2/repository/gc", json("POST", old));
    assertEquals(swept.status, 200);
  });
}

Deno.test("the version that a server begins with stays, though nobody names it", async () => {
  const { app, repository } = repositoryApp();
  await pushVersion(app, 2, files);
  const released = new URL(`../../../${releasedModel}/`, import.meta.url);
  Object.assign(repository, { urlOf: () => released });
  const response = await app.request(`${at}/versions/2`, {
    method: "DELETE",
    headers: bearer("push"),
  });
  assertEquals([response.status, (await response.json()).detail], [
    409,
    "Version 2 of digits is the released one, without which this server cannot start",
  ]);
  assertEquals((await app.request(`${at}/versions/2`)).status, 200);
});

Deno.test("an alias moves after its version is loaded, and the answer comes after the switch", async () => {
  const { app, models, repository } = repositoryApp();
  await pushVersion(app, 2, files);
  const order: string[] = [], { moveAlias } = repository;
  repository.moveAlias = (...args) => {
    order.push(...models.calls, "move");
    return moveAlias.apply(repository, args);
  };
  const put = (version: number, condition: Record<string, string>) =>
    app.request(
      `${at}/aliases/production`,
      json("PUT", { version }, { ...bearer(), ...condition }),
    );
  assertEquals((await put(2, { "if-none-match": "*" })).status, 201);
  assertEquals([order, models.calls], [["load 2", "move"], ["load 2", "sync"]]);
  assertEquals(models.production, 2);
  models.bad.set(3, "the probe's image 5 has other probabilities");
  const refused = await put(3, { "if-match": '"1"' });
  assertEquals([refused.status, (await refused.json()).reason], [422, models.bad.get(3)]);
  const absent = await put(4, { "if-match": '"1"' });
  assertEquals(absent.status, 404);
  assertEquals([(await repository.aliases(MODEL))[0].version, models.production], [2, 2]);
  const stale = models.calls.length;
  assertEquals((await put(2, { "if-match": '"9"' })).status, 412);
  assertEquals(models.calls.length, stale, "what would be refused is not loaded");
});

Deno.test("a move whose switch fails is told as accepted, because it has happened", async () => {
  const { app, models, log } = repositoryApp();
  await pushVersion(app, 2, files);
  models.control.sync = () =>
    Promise.reject(new RepositoryUnreachableError("no answer of memory:"));
  const condition = { ...bearer(), "if-none-match": "*" };
  const moved = await app.request(
    `${at}/aliases/production`,
    json("PUT", { version: 2 }, condition),
  );
  assertEquals(moved.status, 202);
  assert(log.some(({ error }) => error === "no answer of memory:"));
  models.control.sync = () => Promise.resolve(); // as a pool that goes on with the old one
  const again = json("PUT", { version: 2 }, { ...bearer(), "if-match": '"1"' });
  assertEquals((await app.request(`${at}/aliases/production`, again)).status, 202);
});

Deno.test("an alias of a model that is not served moves without loading anything", async () => {
  const { app, models, repository } = repositoryApp();
  const { manifest, blobs } = await versionOf(1, files, "other");
  for (const [sha256, bytes] of blobs) await sendBlob(app, sha256, bytes);
  await repository.createVersion(manifest);
  const condition = { ...bearer(), "if-none-match": "*" };
  const path = "/v2/repository/models/other/aliases/production";
  assertEquals((await app.request(path, json("PUT", { version: 1 }, condition))).status, 201);
  assertEquals(models.calls, []);
});

Deno.test("Triton's index lists stored and loaded versions with their states", async () => {
  const { app, models } = repositoryApp();
  await pushVersion(app, 2, files);
  models.bad.set(3, "too old");
  const index = await (await app.request("/v2/repository/index", { method: "POST" })).json();
  assertEquals(index, [
    { name: MODEL, version: "1", state: "READY", reason: "" },
    { name: MODEL, version: "2", state: "UNAVAILABLE", reason: "unloaded" },
    { name: MODEL, version: "3", state: "UNAVAILABLE", reason: "too old" },
  ]);
  const ready = await app.request("/v2/repository/index", json("POST", { ready: true }));
  assertEquals((await ready.json()).length, 1);
  const wrong = await app.request("/v2/repository/index", json("POST", { ready: 1 }));
  assertEquals(wrong.status, 400);
});

Deno.test("Triton's load and unload name a version in their parameters", async () => {
  const { app, models } = repositoryApp();
  await pushVersion(app, 2, files);
  const post = async (what: string, body: unknown) => {
    const response = await app.request(`${at}/${what}`, json("POST", body));
    return [response.status, await response.text()] as const;
  };
  assertEquals(await post("load", { parameters: { version: 2 } }), [200, ""]);
  assertEquals(await post("load", { parameters: { version: "2" } }), [200, ""]);
  assertEquals(await post("load", {}), [200, ""]);
  assertEquals(models.calls, ["load 2", "load 2", "sync"]);
  assertEquals((await post("load", { parameters: { version: 5 } }))[0], 404);
  assertEquals((await post("load", { parameters: { config: "{}" } }))[0], 400);
  assertEquals((await post("unload", { parameters: { unload_dependents: false } }))[0], 400);
  assertEquals((await post("unload", { parameters: { version: 2 } }))[0], 200);
  assert(!models.loaded.has(2));
  models.bad.set(2, "its hash is another");
  const [status, text] = await post("load", { parameters: { version: 2 } });
  assertEquals([status, JSON.parse(text).reason], [422, "its hash is another"]);
  const other = await app.request("/v2/repository/models/other/load", json("POST", {}));
  const { error, detail } = await other.json();
  assertEquals([other.status, error], [404, detail], "clients of the protocol read `error`");
});

Deno.test("the state of a version says where it is and why", async () => {
  const { app, models } = repositoryApp();
  await pushVersion(app, 2, files);
  models.bad.set(3, "it cannot be");
  const state = async (version: number) => {
    const response = await app.request(`/v2/models/${MODEL}/versions/${version}`);
    const { status, reason } = await response.json();
    return [response.status, status, reason];
  };
  assertEquals(await state(1), [200, "ready", undefined]);
  assertEquals(await state(2), [200, "unloaded", undefined]);
  assertEquals(await state(3), [200, "refused", "it cannot be"]);
  assertEquals((await state(4))[0], 404);
});

Deno.test("names and numbers that are none are refused, and no path leads out", async () => {
  const { app, repository } = repositoryApp();
  const models = [
    "..",
    ".",
    "%2e%2e",
    "%2e%2e%2fetc",
    "a%2fb",
    ".hidden",
    "a%00b",
    "x".repeat(65),
    "ü",
  ];
  for (const model of models) {
    for (const rest of ["versions/1", "aliases/production", "load"]) {
      const method = rest === "load" ? "POST" : "PUT", headers = { ...bearer(), "if-match": "*" };
      const path = `/v2/repository/models/${model}/${rest}`;
      const response = await app.request(path, json(method, {}, headers));
      assert([400, 404].includes(response.status), `${path} ${response.status}`);
    }
  }
  for (const version of ["0", "-1", "1.5", "01", "1e3", "x", String(2 ** 31), "9".repeat(30)]) {
    const response = await app.request(`${at}/versions/${version}`);
    assertEquals([response.status, (await response.json()).field], [400, "version"], version);
  }
  for (const alias of ["1", "-a", "a%2fb", "..", "x".repeat(65)]) {
    const { status } = await app.request(`${at}/aliases/${alias}`);
    assert([400, 404, 200].includes(status), alias);
  }
  assertEquals(await repository.models(), []);
});

Deno.test("manifests that lie are refused with what is wrong", async () => {
  const { app } = repositoryApp();
  const { manifest } = await versionOf(2, files);
  const text = new TextDecoder().decode(manifest);
  const lies: [string, RegExp][] = [
    [text.replace('"version": 2', '"version": 3'), /as the path says, got 3 of digits/],
    [text.replace(MODEL, "other"), /got 2 of other/],
    [text.replace("config.json", "../config.json"), /files\[0\]\.path must be/],
    [text.replace("config.json", "manifest.json"), /files\[0\]\.path must be/],
    [text.replace('"size": 17', `"size": ${manifestBounds.maxFileBytes + 1}`), /\.size must be/],
    [text.replace('"size": 17', '"size": -1'), /\.size must be/],
    [text.replace('"size": 17', '"size": 1e1'), /digits alone/],
    [text.replace('"format"', '"model":"x","format"'), /twice/],
    [text.slice(0, -20), /not JSON/],
    ["[]", /must be a JSON object/],
    ["", /not JSON/],
  ];
  for (const [body, reason] of lies) {
    const response = await sendManifest(app, 2, new TextEncoder().encode(body));
    assertEquals(response.status, 422, body);
    assertMatch((await response.json()).detail, reason);
  }
  const huge = new Uint8Array(manifestBounds.maxManifestBytes + 1);
  assertEquals((await sendManifest(app, 2, huge)).status, 413);
});

Deno.test("bodies with other members, numbers or queries are refused", async () => {
  const { app } = repositoryApp();
  await pushVersion(app, 1, files);
  const headers = { ...bearer(), "if-none-match": "*" };
  const put = (body: unknown) =>
    app.request(`${at}/aliases/production`, json("PUT", body, headers));
  const wrong = [
    ...[{}, { version: "1" }, { version: 0 }, { version: 1, share: 1 }, [], "x", null],
    ...[{ version: 1, settings: { share: 2 } }, { version: 1, settings: { other: 1 } }],
    ...[{ version: 1, settings: [] }, { version: 1, settings: { share: "1" } }],
  ];
  for (const body of wrong) assertEquals((await put(body)).status, 400, JSON.stringify(body));
  const query = await app.request(`${at}/aliases/production?x=1`, json("PUT", {}, headers));
  assertEquals(query.status, 400);
  for (
    const [name, value] of [["if-match", "3"], ["if-match", 'W/"3"'], ["if-none-match", '"3"']]
  ) {
    const request = json("PUT", { version: 1 }, { ...bearer(), [name]: value });
    assertEquals((await app.request(`${at}/aliases/production`, request)).status, 400);
  }
  const old = json("POST", { olderThanSeconds: -1 });
  assertEquals((await app.request("/v2/repository/gc", old)).status, 400);
});

Deno.test("a repository that does not answer is 503 with Retry-After, and no stack", async () => {
  const repository = new MemoryRepository();
  const unreachable = () =>
    Promise.reject(new RepositoryUnreachableError("Cannot reach s3://models: no answer in 5 s"));
  Object.assign(repository, {
    ...{ versions: unreachable, models: unreachable, aliases: unreachable },
    ...{ readManifest: unreachable, createVersion: unreachable, history: unreachable },
  });
  const { app } = repositoryApp({ repository, models: new FakeModels(repository) });
  const { manifest } = await versionOf(1, files);
  for (
    const response of [
      await app.request(`${at}/versions`),
      await app.request(`${at}/history`),
      await sendManifest(app, 1, manifest),
    ]
  ) {
    assertEquals([response.status, response.headers.get("retry-after")], [503, "5"]);
    const text = await response.text();
    assert(text.includes("s3://models"), text);
    assert(!text.includes(".ts:"), text);
  }
});

Deno.test("a repository that cannot be opened is 503, and asked again by the next request", async () => {
  const repository = new MemoryRepository(), unreachable = "Cannot reach s3://models: no answer";
  let opened = 0;
  const openRepository = () =>
    ++opened === 1
      ? Promise.reject(new RepositoryUnreachableError(unreachable))
      : Promise.resolve(repository);
  const models = new FakeModels(repository);
  const { app } = repositoryApp({ repository: undefined, openRepository, models });
  const first = await app.request(`${at}/versions`);
  assertEquals([first.status, (await first.json()).detail], [503, unreachable]);
  assertEquals((await app.request(`${at}/versions`)).status, 200);
  assertEquals((await app.request(`${at}/versions`)).status, 200);
  assertEquals(opened, 2);
});

Deno.test("a service without a repository says so, and still tells the states of versions", async () => {
  const models = new FakeModels(new MemoryRepository());
  const { app } = repositoryApp({ repository: undefined, models });
  assertEquals((await app.request(`${at}/versions`)).status, 404);
  assertEquals((await app.request(`/v2/models/${MODEL}/versions/1`)).status, 200);
  assertEquals((await app.request(`/v2/models/${MODEL}/versions/2`)).status, 404);
});
