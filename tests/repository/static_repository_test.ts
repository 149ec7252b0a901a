import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManifestError } from "../../src/format/manifest.ts";
import {
  CorruptFileError,
  ReadOnlyError,
  RepositoryUnreachableError,
} from "../../src/repository/errors.ts";
import { openRepository } from "../../src/repository/open.ts";
import type { ModelRepository } from "../../src/repository/repository.ts";
import { blobOf, bytesOf, MODEL, noise, push, streamOf } from "./conformance.ts";

const contents = { "config.json": "{}", "images/a.png": noise(90_000), "empty.txt": "" };

/** A repository in a directory, and a static server of its files. */
async function serveDirectory(answer?: (path: string) => Response | undefined) {
  const path = await Deno.makeTempDir();
  const writer = await openRepository(path);
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const special = answer?.(pathname);
      if (special) return special;
      try {
        return new Response(await Deno.readFile(`${path}${pathname.replace("/models", "")}`));
      } catch (error) {
        const isAbsent = error instanceof Deno.errors.NotFound ||
          error instanceof Deno.errors.IsADirectory;
        if (!isAbsent) throw error;
        return new Response("not found", { status: 404 });
      }
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}/models`;
  const reader = await openRepository(url, { pollMs: 30 });
  return {
    ...{ path, url, writer, reader },
    async [Symbol.asyncDispose]() {
      for (const each of [writer, reader]) each.close();
      await server.shutdown();
      await Deno.remove(path, { recursive: true });
    },
  };
}

async function readAll(repository: ModelRepository, version: number): Promise<void> {
  const ref = { model: MODEL, version };
  const { manifest } = (await repository.readManifest(ref))!;
  for (const file of manifest.files) {
    const bytes = await repository.readFile(ref, file);
    assertEquals(bytes, bytesOf(contents[file.path as keyof typeof contents]));
  }
}

Deno.test("static files are read as the directory that they are of", async () => {
  await using served = await serveDirectory();
  const { writer, reader } = served;
  assertEquals(reader.address, `${served.url}/`);
  assertEquals(reader.isReadOnly, true);
  assertEquals(await reader.versions(MODEL), []);
  assertEquals(await reader.aliases(MODEL), []);
  assertEquals(await reader.readManifest({ model: MODEL, version: 1 }), undefined);
  for (const version of [1, 2, 3]) await push(writer, contents, { version });
  await readAll(reader, 3); // pinned: no alias names it
  await writer.moveAlias(MODEL, "production", { version: 2, by: "test" });
  await writer.moveAlias(MODEL, "production", { version: 1, by: "test" });
  assertEquals(await reader.aliases(MODEL), await writer.aliases(MODEL));
  assertEquals(await reader.history(MODEL), await writer.history(MODEL));
  assertEquals(await reader.versions(MODEL), (await writer.versions(MODEL)).slice(0, 2));
  assertEquals(await reader.models(), []);
  const index = { models: { [MODEL]: [3, 1, 2, 9] } };
  await Deno.writeTextFile(`${served.path}/index.json`, JSON.stringify(index));
  assertEquals(await reader.versions(MODEL), await writer.versions(MODEL));
  assertEquals(await reader.models(), [MODEL]);
});

Deno.test("names that are tricks ask a static server for nothing", async () => {
  const asked: string[] = [];
  await using served = await serveDirectory((path) => void asked.push(path));
  const { reader } = served;
  const file = { path: "config.json", ...await blobOf("{}") };
  for (const model of ["", ".", "..", "../x", "a/b", ".repository"]) {
    assertEquals(await reader.readManifest({ model, version: 1 }), undefined);
    assertEquals(await reader.aliases(model), []);
    assertEquals(await reader.versions(model), []);
    await assertRejects(() => reader.readFile({ model, version: 1 }, file), CorruptFileError);
  }
  const tricks = ["../config.json", "/etc/hostname", "https://example.org/", "?x", "", "a//b"];
  for (const path of tricks) {
    const read = () => reader.readFile({ model: MODEL, version: 1 }, { ...file, path });
    await assertRejects(read, CorruptFileError);
  }
  assertEquals(asked, []);
});

Deno.test("a move of an alias on a static server is noticed", async () => {
  await using served = await serveDirectory();
  await push(served.writer, contents);
  const abort = new AbortController();
  const changes = served.reader.changes(MODEL, abort.signal)[Symbol.asyncIterator]();
  await changes.next();
  for (let i = 1; i <= 3; i++) {
    const next = changes.next();
    await served.writer.moveAlias(MODEL, "production", { version: 1, by: `test ${i}` });
    await next;
    assertEquals((await served.reader.aliases(MODEL))[0].revision, i);
  }
  abort.abort();
});

Deno.test("a static repository refuses every write", async () => {
  await using served = await serveDirectory();
  const { reader } = served, blob = await blobOf("x"), ref = { model: MODEL, version: 1 };
  const writes = [
    () => reader.blobOffset(blob),
    () => reader.writeBlob(blob, streamOf(bytesOf("x")), 0),
    () => reader.createVersion(bytesOf("x")),
    () => reader.deleteVersion(ref),
    () => reader.moveAlias(MODEL, "production", { version: 1, by: "test" }),
    () => reader.collectGarbage({ olderThanMs: 0 }),
  ];
  for (const write of writes) await assertRejects(write, ReadOnlyError, served.url);
});

Deno.test("what a static server answers wrongly is refused with its reason", async () => {
  let answer: () => Response | undefined = () => undefined;
  await using served = await serveDirectory(() => answer());
  const { reader } = served, ref = { model: MODEL, version: 1 };
  await push(served.writer, contents);
  const { manifest } = (await reader.readManifest(ref))!;
  const image = manifest.files.find(({ path }) => path === "images/a.png")!;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    });
  answer = () => new Response("<html>the page of the host</html>");
  await assertRejects(() => reader.readManifest(ref), ManifestError);
  await assertRejects(() => reader.aliases(MODEL), CorruptFileError);
  await assertRejects(() => reader.models(), CorruptFileError, "index.json");
  await assertRejects(() => reader.readFile(ref, image), CorruptFileError, "90000 bytes");
  answer = () => new Response(endless());
  await assertRejects(() => reader.readManifest(ref), ManifestError, "at most 65536 bytes");
  await assertRejects(() => reader.readFile(ref, image), CorruptFileError, "at most 90000 bytes");
  for (const status of [403, 503]) {
    answer = () => new Response("x", { status });
    await assertRejects(
      () => reader.aliases(MODEL),
      RepositoryUnreachableError,
      `aliases.json of ${served.url}/: HTTP status ${status}`,
    );
  }
});

Deno.test("a URL of a repository is of HTTPS, or of this machine, and holds no secret", async () => {
  const refused = ["http://example.org/models", "https://me:secret@example.org/", "https://"];
  for (
    const address of [...refused, "https://example.org/?key=secret", "http://127.0.0.1.example/"]
  ) {
    const error = await assertRejects(() => openRepository(address), RangeError);
    assert(!error.message.includes("secret"), error.message);
    assert(error.message.includes("https://"), error.message);
  }
  (await openRepository("https://example.org/models")).close();
});
