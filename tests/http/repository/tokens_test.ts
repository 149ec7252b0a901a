/** Who may do what: every route and method, with every kind of token. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { defaultBounds } from "../../../src/http/bounds.ts";
import { repositoryRoutes } from "../../../src/http/repository/routes.ts";
import {
  createToken,
  findToken,
  parseTokens,
  type Scope,
  TokenError,
} from "../../../src/http/tokens.ts";
import {
  bearer,
  FakeModels,
  MODEL,
  otherThan,
  pushVersion,
  records,
  repositoryApp,
  tokens,
} from "./harness.ts";
import { MemoryRepository } from "./memory_repository.ts";

const versions = `/v2/repository/models/${MODEL}/versions`, digest = "ab".repeat(32);

/** Every route that writes, with the scope that it needs. */
const writes: [method: string, path: string, scope: Scope][] = [
  ["HEAD", `/v2/repository/blobs/${digest}?size=1`, "push"],
  ["PUT", `/v2/repository/blobs/${digest}`, "push"],
  ["PUT", `${versions}/1`, "push"],
  ["DELETE", `${versions}/1`, "push"],
  ["POST", "/v2/repository/gc", "push"],
  ["PUT", `/v2/repository/models/${MODEL}/aliases/production`, "promote"],
  ["DELETE", `/v2/repository/models/${MODEL}/aliases/production`, "promote"],
  ["POST", `/v2/repository/models/${MODEL}/load`, "promote"],
  ["POST", `/v2/repository/models/${MODEL}/unload`, "promote"],
];

/** Routes that read. */
const reads: [method: string, path: string][] = [
  ["POST", "/v2/repository/index"],
  ["GET", "/v2/repository/models"],
  ["GET", versions],
  ["GET", `${versions}/1`],
  ["GET", `${versions}/1/files/config.json`],
  ["GET", `/v2/repository/models/${MODEL}/aliases`],
  ["GET", `/v2/repository/models/${MODEL}/aliases/production`],
  ["GET", `/v2/repository/models/${MODEL}/history`],
];

/** Routes that nobody may be kept from: what a version answers with. */
const open: [method: string, path: string][] = [["GET", `/v2/models/${MODEL}/versions/1`]];

/** The status of a request, and its problem's text. */
async function call(
  { app }: Pick<ReturnType<typeof repositoryApp>, "app">,
  [method, path]: readonly [string, string, ...unknown[]],
  headers: Record<string, string> = {},
) {
  const response = await app.request(path, { method, headers });
  const text = await response.text();
  return { status: response.status, text, challenge: response.headers.get("www-authenticate") };
}

Deno.test("the table of routes names every route that there is", () => {
  const repository = new MemoryRepository(), models = new FakeModels(repository);
  const { routes } = repositoryRoutes({
    ...{ repository, models, bounds: defaultBounds, log: () => {} },
    shutdown: new AbortController().signal,
  });
  const declared = new Set(
    routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`),
  );
  const named = [...writes, ...reads, ...open].map(([method, path]) => {
    const pattern = path.replace(/\?.*/, "").replace(digest, ":sha256").replace(MODEL, ":model")
      .replace("versions/1", "versions/:version").replace("aliases/production", "aliases/:alias")
      .replace("files/config.json", "files/:path{.+}");
    return `${method === "HEAD" ? "GET" : method} ${pattern}`;
  });
  assertEquals([...declared].sort(), [...new Set(named)].sort());
});

Deno.test("without a configured token every write is 403, whatever it carries", async () => {
  const repository = new MemoryRepository();
  const closed = repositoryApp({ repository, tokens: [] });
  for (const route of writes) {
    for (const headers of [{}, bearer("all"), { authorization: "Basic YTpi" }]) {
      const { status } = await call(closed, route, headers as Record<string, string>);
      assertEquals(status, 403, `${route}`);
    }
  }
  const unset = repositoryApp({ repository, tokens: undefined });
  assertEquals((await call(unset, writes[1])).status, 403);
  assertEquals(repository.blobs.size, 0);
});

Deno.test("without or with a wrong token every write is 401, and says how to ask", async () => {
  const test = repositoryApp();
  const { token } = tokens.all;
  const wrong = [
    ...["", "Bearer", "Bearer ", `Basic ${btoa(`ci:${token}`)}`, token, `Bearer ${token}x`],
    ...[
      `Bearer ${token.slice(0, -1)}`,
      `Bearer ${token.toUpperCase()}`,
      `Bearer ${token} ${token}`,
    ],
    ...[`Bearer ${records[0].sha256}`, `Bearer ${"x".repeat(10_000)}`, `Token ${token}`],
  ];
  for (const route of writes) {
    const none = await call(test, route);
    assertEquals([none.status, none.challenge], [401, 'Bearer realm="dbn"'], `${route}`);
    for (const authorization of wrong) {
      const { status, challenge } = await call(test, route, { authorization });
      assertEquals(
        [status, challenge],
        [401, 'Bearer realm="dbn", error="invalid_token"'],
        `${route} ${authorization}`,
      );
    }
  }
});

Deno.test("a token without the scope is 403 and hears which it needs; with it, it gets through", async () => {
  const test = repositoryApp();
  for (const route of writes) {
    const scope = route[2], refused = await call(test, route, bearer(otherThan(scope)));
    assertEquals(refused.status, 403, `${route}`);
    assertMatch(refused.challenge!, new RegExp(`insufficient_scope", scope="${scope}"`));
    if (route[0] !== "HEAD") assertEquals(JSON.parse(refused.text).scope, scope);
    const { status } = await call(test, route, bearer(scope as "push" | "promote"));
    assert(![401, 403].includes(status), `${route} ${status}`);
  }
});

Deno.test("reading is open until a token has the scope read, and then for every token", async () => {
  const repository = new MemoryRepository();
  const reader = await createToken({ name: "reader", scopes: ["read"] });
  const guarded = repositoryApp({
    ...{ repository },
    tokens: [...records, ...parseTokens(reader.entry, "test")],
  });
  await pushVersion(guarded.app, 1, { "config.json": "{}" });
  const free = repositoryApp({ repository }), none = repositoryApp({ repository, tokens: [] });
  for (const route of reads) {
    for (const test of [free, none]) {
      assert([200, 404].includes((await call(test, route)).status), `${route}`);
    }
    assertEquals((await call(guarded, route)).status, 401, `${route}`);
    assertEquals((await call(guarded, route, { authorization: "Bearer x" })).status, 401);
    for (const token of [reader.token, tokens.push.token]) {
      const { status } = await call(guarded, route, { authorization: `Bearer ${token}` });
      assert([200, 404].includes(status), `${route} ${status}`);
    }
  }
  for (const route of open) assertEquals((await call(guarded, route)).status, 200);
  await pushVersion(guarded.app, 2, { "config.json": "2" }); // which is not loaded
  for (const [path, status] of [[`${MODEL}/versions/2`, 200], ["other/versions/1", 404]] as const) {
    const route = ["GET", `/v2/models/${path}`] as const;
    assertEquals((await call(guarded, route)).status, 401, path);
    const headers = { authorization: `Bearer ${reader.token}` };
    assertEquals((await call(guarded, route, headers)).status, status, path);
    assertEquals((await call(free, route)).status, status, path);
  }
  for (const route of writes) {
    const { status } = await call(guarded, route, { authorization: `Bearer ${reader.token}` });
    assertEquals(status, 403, `${route}`);
  }
});

Deno.test("other methods of the routes change nothing and are refused", async () => {
  const test = repositoryApp(), methods = ["GET", "PUT", "POST", "DELETE", "PATCH"];
  for (const [, path] of [...writes, ...reads]) {
    for (const method of methods) {
      const plain = path.replace(/\?.*/, "");
      const known = [...writes, ...reads].some(([other, at]) => other === method && at === plain);
      if (known) continue;
      const { status } = await call(test, [method, path]);
      assert([401, 405].includes(status), `${method} ${path} ${status}`);
      const allowed = await call(test, [method, path], bearer());
      assertEquals(allowed.status, 405, `${method} ${path}`);
    }
  }
});

Deno.test("the log has the token's name; nothing has the token or its hash", async () => {
  const test = repositoryApp(), texts: string[] = [];
  for (const route of writes) {
    for (const kind of ["all", "push", "promote"] as const) {
      texts.push((await call(test, route, bearer(kind))).text);
    }
    texts.push((await call(test, route, { authorization: `Bearer ${tokens.all.token}y` })).text);
  }
  assert(test.log.some(({ token }) => token === "pusher"));
  assert(test.log.some(({ status, token }) => status === 401 && token === undefined));
  const all = JSON.stringify([texts, test.log]);
  for (const { token, entry } of Object.values(tokens)) {
    for (const secret of [token, token.slice(4), entry.split(":")[2]]) {
      assert(!all.includes(secret));
    }
  }
});

Deno.test("old and new token are good at once, so that one replaces the other", async () => {
  const [old, next] = await Promise.all(
    ["old", "new"].map((name) => createToken({ name, scopes: ["push"] })),
  );
  const both = parseTokens(`${old.entry}; ${next.entry}`, "test");
  assertEquals((await findToken(both, old.token))?.name, "old");
  assertEquals((await findToken(both, next.token))?.name, "new");
  assertEquals(await findToken(parseTokens(next.entry, "test"), old.token), undefined);
});

Deno.test("tokens are 32 random bytes, and are read from lines with comments", async () => {
  const made = await Promise.all(
    Array.from({ length: 20 }, () => createToken({ name: "ci", scopes: ["push"] })),
  );
  assertEquals(new Set(made.map(({ token }) => token)).size, 20);
  for (const { token } of made) assertMatch(token, /^dbn_[\w-]{43}$/);
  const [{ entry }] = made;
  const read = parseTokens(`# whom to ask\n\n  ${entry} # until May\r\n`, "test");
  assertEquals(read, [{ name: "ci", scopes: ["push"], sha256: entry.split(":")[2] }]);
  assertEquals(parseTokens("", "test"), []);
});

Deno.test("entries that cannot be read are named by their place, without what they hold", () => {
  const hash = "c0ffee".repeat(11).slice(0, 64),
    secret = "dbn_abcdefghijklmnopqrstuvwxyz0123456789";
  const wrong = [
    ...[secret, `ci:push:${secret}`, `ci:${secret}:${hash}`, `c i:push:${hash}`, `ci::${hash}`],
    ...[`ci:push:${hash}:${secret}`, `ci:push,write:${hash}`, `ci:push:${hash.slice(1)}`],
    `ci:push:${hash}\nci:promote:${hash}`,
  ];
  for (const text of wrong) {
    const { message } = assertThrows(() => parseTokens(`a:read:${hash}\n${text}`, "F"), TokenError);
    assertMatch(message, /^Cannot read F: entry [23] must /);
    assert(!message.includes(secret), message);
  }
  const many = Array.from({ length: 101 }, (_, i) => `n${i}:read:${hash}`).join("\n");
  assertThrows(() => parseTokens(many, "F"), TokenError, "at most 100 tokens, got 101");
});
