import { assert, assertEquals, assertRejects } from "@std/assert";
import { RepositoryUnreachableError } from "../../src/repository/errors.ts";
import { openRepository } from "../../src/repository/open.ts";
import { readBucket } from "../../src/repository/objects/open_s3.ts";
import { ObjectTooLargeError } from "../../src/repository/objects/object_store.ts";
import { readListing } from "../../src/repository/objects/s3_listing.ts";
import { S3Store } from "../../src/repository/objects/s3_store.ts";

const secret = "a-very-secret-key";
const environment = { AWS_ACCESS_KEY_ID: "AKIAKEY", AWS_SECRET_ACCESS_KEY: secret };

function read(address: string, env: Record<string, string>) {
  return readBucket(address, (name) => env[name]);
}

/** A store whose server answers so; counts requests. */
function serve(answer: (request: Request, count: number) => Response | Promise<Response>) {
  const seen: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    seen.push(`${request.method} ${new URL(request.url).pathname}`);
    return answer(request, seen.length);
  });
  const env = { ...environment, AWS_ENDPOINT_URL: `http://127.0.0.1:${server.addr.port}` };
  const { bucket, prefix } = read("s3://bucket/some/prefix", env);
  const stop = () => server.shutdown();
  return { store: new S3Store(bucket, prefix), seen, [Symbol.asyncDispose]: stop };
}

function xmlError(status: number, code: string): Response {
  return new Response(`<Error><Code>${code}</Code><Message>${secret}</Message></Error>`, {
    status,
  });
}

Deno.test("a bucket's URL is Amazon's, or below the endpoint that the environment names", () => {
  const env = { ...environment, AWS_REGION: "eu-west-3" };
  const urlOf = (address: string, more = {}) => {
    const { bucket, prefix } = read(address, { ...env, ...more });
    return `${bucket.url.href} ${prefix} ${bucket.address}`;
  };
  const cases: [string, string][] = [
    [urlOf("s3://models"), "https://models.s3.eu-west-3.amazonaws.com/  s3://models"],
    [urlOf("s3://models/a/b/"), "https://models.s3.eu-west-3.amazonaws.com/ a/b/ s3://models/a/b"],
    [urlOf("s3://my.models"), "https://s3.eu-west-3.amazonaws.com/my.models/  s3://my.models"],
    [
      urlOf("s3://models/a", { AWS_ENDPOINT_URL: "https://store.example:9000/" }),
      "https://store.example:9000/models/ a/ s3://models/a",
    ],
  ];
  for (const [actual, expected] of cases) assertEquals(actual, expected);
});

Deno.test("an address or an environment that is wrong is named without a secret", () => {
  const cases: [string, Record<string, string>, string][] = [
    ["s3://models", {}, "AWS_ACCESS_KEY_ID"],
    ["s3://models", { AWS_ACCESS_KEY_ID: "x" }, "AWS_SECRET_ACCESS_KEY"],
    [`s3://key:${secret}@models/x`, environment, "s3://BUCKET/PREFIX"],
    [`s3://models/x?key=${secret}`, environment, "s3://BUCKET/PREFIX"],
    ["s3://M", environment, "s3://BUCKET/PREFIX"],
    ["s3://", environment, "s3://BUCKET/PREFIX"],
    ["s3://models/../x", environment, "prefix"],
    ["s3://models/a//b", environment, "prefix"],
    ["s3://models", { ...environment, AWS_REGION: "x.evil.example/" }, "AWS_REGION"],
    ["s3://models", { ...environment, AWS_ENDPOINT_URL: `https://me:${secret}@x` }, "AWS_ENDPOINT"],
    ["s3://models", { ...environment, AWS_ENDPOINT_URL: "ftp://x" }, "AWS_ENDPOINT_URL"],
  ];
  for (const [address, env, named] of cases) {
    let message = "";
    try {
      read(address, env);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      message = error.message;
    }
    assert(message.includes(named), `${address}: ${message}`);
    assert(!message.includes(secret), message);
  }
});

Deno.test("a store that is overloaded is asked again, one that refuses is not", async () => {
  for (const status of [429, 500, 503]) {
    await using served = serve((_, count) =>
      count < 3 ? xmlError(status, "SlowDown") : new Response("content", { headers: { etag: "e" } })
    );
    const { bytes, etag } = (await served.store.get("x", 100))!;
    assertEquals([new TextDecoder().decode(bytes), etag], ["content", "e"]);
    assertEquals(served.seen, Array(3).fill("GET /bucket/some/prefix/x"));
  }
  await using served = serve(() => xmlError(403, "SignatureDoesNotMatch"));
  for (
    const work of [
      () => served.store.get("x", 100),
      () => served.store.put("x", new Uint8Array(1)),
      () => served.store.stat("x"),
      () => served.store.delete("x"),
      () => Array.fromAsync(served.store.list("x")),
    ]
  ) {
    const error = await assertRejects(work, RepositoryUnreachableError);
    assert(error.message.includes("s3://bucket/some/prefix: HTTP status 403"), error.message);
    assert(!error.message.includes(secret) && !error.message.includes("AKIAKEY"), error.message);
  }
  assertEquals(served.seen.length, 5);
});

Deno.test("a store that never answers well, and one that is not there, are unreachable", async () => {
  await using served = serve(() => xmlError(503, "SlowDown"));
  const error = await assertRejects(() => served.store.get("x", 9), RepositoryUnreachableError);
  assertEquals(
    error.message,
    "Cannot GET some/prefix/x of s3://bucket/some/prefix: HTTP status 503 (SlowDown)",
  );
  assertEquals(served.seen.length, 5);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const env = { ...environment, AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` };
  const { bucket, prefix } = read("s3://bucket", env);
  const absent = new S3Store(bucket, prefix);
  const refused = await assertRejects(() => absent.stat("x"), RepositoryUnreachableError);
  assertEquals(refused.message, "Cannot HEAD x of s3://bucket: no connection");
});

Deno.test("a bucket that is not there is told from an object that is not", async () => {
  await using served = serve((request) =>
    xmlError(404, request.url.endsWith("/x") ? "NoSuchKey" : "NoSuchBucket")
  );
  assertEquals(await served.store.get("x", 100), undefined);
  await assertRejects(() => served.store.get("y", 100), RepositoryUnreachableError, "NoSuchBucket");
});

Deno.test("an object larger than asked for is refused, with or without a declared length", async () => {
  const big = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    });
  for (const headers of [new Headers({ "content-length": "3000000000" }), new Headers()]) {
    await using served = serve(() => new Response(big(), { headers }));
    await assertRejects(() => served.store.get("x", 100_000), ObjectTooLargeError);
  }
});

Deno.test("a conditional write whose answer was lost is known by its bytes", async () => {
  const bytes = new TextEncoder().encode("mine");
  for (const [held, expected] of [["mine", true], ["mind", false], ["theirs", false]] as const) {
    await using served = serve((request, count) => {
      if (request.method === "HEAD") {
        return new Response(null, { headers: { "content-length": String(held.length) } });
      }
      if (request.method === "GET") return new Response(held);
      return count === 1 ? xmlError(500, "InternalError") : xmlError(412, "PreconditionFailed");
    });
    assertEquals(await served.store.put("x", bytes, { only: "absent" }), expected);
  }
  await using served = serve(() => xmlError(412, "PreconditionFailed"));
  assertEquals(await served.store.put("x", bytes, { only: "absent" }), false);
  assertEquals(served.seen.length, 1);
});

Deno.test("writes ask for what must be so, and are signed with their SHA-256", async () => {
  const asked: (string | null)[][] = [];
  await using served = serve((request) => {
    const names = ["if-none-match", "if-match", "x-amz-content-sha256"];
    asked.push(names.map((name) => request.headers.get(name)));
    const authorization = request.headers.get("authorization") ?? "";
    assert(authorization.startsWith("AWS4-HMAC-SHA256 Credential=AKIAKEY/"), authorization);
    return new Response(null);
  });
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  await served.store.put("x", new Uint8Array());
  await served.store.put("x", new Uint8Array(), { only: "absent" });
  await served.store.put("x", new Uint8Array(), { only: { etag: '"abc"' } });
  assertEquals(asked, [[null, null, empty], ["*", null, empty], [null, '"abc"', empty]]);
});

Deno.test("a list of objects is read as it is, and a broken one refused", () => {
  const object = (key: string, more = "") =>
    `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>` +
    `<ETag>&quot;e&#x31;&#50;&quot;</ETag><Size>7</Size>${more}</Contents>`;
  const page = (contents: string) =>
    new TextEncoder().encode(
      `<?xml version="1.0"?>\n<ListBucketResult xmlns="x">${contents}</ListBucketResult>`,
    );
  const now = Date.parse("2026-01-01T00:00:02Z");
  const more =
    "<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b=</NextContinuationToken>";
  assertEquals(readListing(page(`${more}${object("a%2Fb%20c")}${object("d")}`), now), {
    objects: [
      { key: "a/b c", size: 7, etag: '"e12"', ageMs: 2000 },
      { key: "d", size: 7, etag: '"e12"', ageMs: 2000 },
    ],
    next: "a&b=",
  });
  assertEquals(readListing(page(""), now), { objects: [] });
  const broken = [
    ...["", "<html></html>", "<Error><Code>x</Code></Error>"].map((text) =>
      new TextEncoder().encode(text)
    ),
    page(object("%zz")),
    page(object("a").replace("<Size>7</Size>", "")),
    page(object("a").replace("2026", "soon")),
    page("<IsTruncated>true</IsTruncated>"),
  ];
  for (const body of broken) assertEquals(readListing(body, now), undefined);
});

Deno.test("an address of S3 opens with the environment's keys alone", async () => {
  const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const;
  const before = names.map((name) => Deno.env.get(name));
  names.forEach((name) => Deno.env.set(name, environment[name]));
  try {
    const repository = await openRepository("s3://models/some/prefix");
    assertEquals(repository.address, "s3://models/some/prefix");
    repository.close();
  } finally {
    names.forEach((name, i) => {
      if (before[i] === undefined) Deno.env.delete(name);
      else Deno.env.set(name, before[i]);
    });
  }
});
