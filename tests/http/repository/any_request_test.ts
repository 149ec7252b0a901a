/** Requests of every kind to the repository's routes: none is answered by 500, and no version changes. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { bearer, MODEL, pushVersion, repositoryApp } from "./harness.ts";
import { repositories } from "./repositories.ts";

const parts = fc.oneof(
  fc.constantFrom(
    ...["v2", "repository", "models", MODEL, "versions", "1", "2", "aliases", "production"],
    ...["candidate", "history", "blobs", "index", "gc", "load", "unload", "files", "config.json"],
    ...["ab".repeat(32), "..", "%2e%2e", "%00", "%zz", "%ff", "a%2fb", "manifest.json", ""],
  ),
  fc.string({ maxLength: 8 }).map(encodeURIComponent),
);

const path = fc.oneof(
  fc.array(parts, { maxLength: 8 }).map((list) => `/v2/repository/${list.join("/")}`),
  fc.tuple(
    fc.constantFrom("versions", "aliases", "history", "load", "unload"),
    fc.array(parts, { maxLength: 3 }),
  ).map(([kind, list]) => ["/v2/repository/models", MODEL, kind, ...list].join("/")),
  parts.map((part) => `/v2/repository/blobs/${part}`),
  parts.map((part) => `/v2/models/${MODEL}/versions/${part}`),
);

const query = fc.constantFrom("", "", "", "?size=4", "?size=x", "?a=1&a=2", "?size=99999999999");

const headers = fc.dictionary(
  fc.constantFrom(
    "if-match",
    "if-none-match",
    "content-range",
    "content-length",
    "content-encoding",
  ),
  fc.oneof(
    fc.constantFrom(
      '"1"',
      "*",
      "1",
      "bytes 0-3/4",
      "bytes 0-3/99",
      "bytes 9-3/4",
      "4",
      "gzip",
      "-1",
    ),
    fc.string({ unit: "grapheme-ascii", maxLength: 12 }).map((text) => text.trim()),
  ),
);

const body = fc.oneof(
  fc.constantFrom(undefined, "", "{}", "[]", "null", '{"version":1}', '{"version":1,"version":2}'),
  fc.constantFrom('{"version":2,"settings":{"share":2}}', '{"parameters":{"version":1}}', "abcd"),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.json().map((text) => `{"parameters":${text}}`),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => bytes as Uint8Array<ArrayBuffer>),
);

for (const name of ["memory", "directory"]) {
  Deno.test(`${name}: no request is answered by 500, and versions stay as they are`, async () => {
    const { app, repository } = repositoryApp({ repository: await repositories[name]() });
    for (const version of [1, 2]) await pushVersion(app, version, { "config.json": `${version}` });
    const before = await repository.versions(MODEL);
    const statuses = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("GET", "HEAD", "PUT", "POST", "PATCH"),
        ...[path, query, headers, body],
        async (method, path, query, headers, body) => {
          fc.pre(new URL(path, "http://x").pathname.startsWith("/v2/")); // `..` may lead elsewhere
          const hasBody = method !== "GET" && method !== "HEAD";
          const response = await app.request(`${path}${query}`, {
            method,
            headers: { ...bearer(), ...headers },
            ...hasBody && { body },
          });
          const text = await response.text();
          const { status } = response;
          assert(status < 500, `${status} ${text}`);
          assert(!/\.ts:\d/.test(text), text);
          if (status >= 400 && method !== "HEAD") {
            const type = response.headers.get("content-type");
            assertEquals(type, "application/problem+json", `${status} ${text}`);
            assert(text.length < 2000, text);
          }
          statuses.set(status, 1 + (statuses.get(status) ?? 0));
        },
      ),
      { numRuns: 1500 },
    );
    assertEquals(await repository.versions(MODEL), before);
    for (const status of [200, 400, 404, 405]) assert(statuses.has(status), `no ${status}`);
  });
}
