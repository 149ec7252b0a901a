import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManifestError } from "../../src/format/manifest.ts";
import {
  CorruptFileError,
  NotFoundError,
  RepositoryUnreachableError,
  VersionConflictError,
} from "../../src/repository/errors.ts";
import { openRepository } from "../../src/repository/open.ts";
import type { ModelRepository } from "../../src/repository/repository.ts";
import {
  blobOf,
  bytesOf,
  MODEL,
  noise,
  push,
  type Store,
  streamOf,
  testConformance,
} from "./conformance.ts";

/** A repository in a directory that is removed in the end. */
async function makeStore(): Promise<Store & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "model repository " });
  const opened: ModelRepository[] = [];
  return {
    path,
    async open() {
      const repository = await openRepository(path, { pollMs: 20 });
      opened.push(repository);
      return repository;
    },
    async corrupt({ model, version }, file, bytes) {
      await Deno.writeFile(`${path}/${model}/${version}/${file.path}`, bytes);
    },
    async [Symbol.asyncDispose]() {
      for (const repository of opened) repository.close();
      await Deno.remove(path, { recursive: true });
    },
  };
}

testConformance("directory", makeStore);

const contents = { "config.json": "{}", "model.safetensors": noise(10_000) };
const ref = { model: MODEL, version: 1 };

Deno.test("a version in a directory is files that people can read", async () => {
  await using store = await makeStore();
  const repository = await store.open();
  await push(repository, { ...contents, "images/a.png": "png" });
  await repository.moveAlias(MODEL, "production", { version: 1, by: "test" });
  const at = `${store.path}/${MODEL}`;
  assertEquals(await Deno.readTextFile(`${at}/1/config.json`), "{}");
  assertEquals(await Deno.readTextFile(`${at}/1/images/a.png`), "png");
  const aliases = JSON.parse(await Deno.readTextFile(`${at}/aliases.json`));
  assertEquals(aliases.aliases, [
    { alias: "production", version: 1, revision: 1, settings: {} },
  ]);
  const names = (await Array.fromAsync(Deno.readDir(at))).map(({ name }) => name).sort();
  assertEquals(names, ["1", "aliases.json"]);
});

Deno.test("a directory without a manifest is no version, and is not written over", async () => {
  await using store = await makeStore();
  const repository = await store.open(), directory = `${store.path}/${MODEL}/1`;
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(`${directory}/config.json`, "mine");
  assertEquals(await repository.models(), []);
  const error = await assertRejects(() => push(repository, contents), VersionConflictError);
  assert(error.message.includes("a directory without a manifest"), error.message);
  assertEquals(await Deno.readTextFile(`${directory}/config.json`), "mine");
});

Deno.test("a broken manifest is refused, and hides no other version", async () => {
  await using store = await makeStore();
  const repository = await store.open();
  await push(repository, contents, { version: 1 });
  await push(repository, contents, { version: 2 });
  const other = await Deno.readFile(`${store.path}/${MODEL}/2/manifest.json`);
  for (const broken of ["", "{", "{}", bytesOf(other), "x".repeat(100_000)]) {
    await Deno.writeFile(`${store.path}/${MODEL}/1/manifest.json`, bytesOf(broken));
    await assertRejects(() => repository.readManifest(ref), ManifestError);
    assertEquals((await repository.versions(MODEL)).map(({ version }) => version), [2]);
  }
});

Deno.test("links and named pipes are refused wherever they stand in a version", async () => {
  await using store = await makeStore();
  const repository = await store.open(), at = `${store.path}/${MODEL}/1`;
  await push(repository, { ...contents, "images/a.png": "png" });
  const { manifest } = (await repository.readManifest(ref))!;
  const [config, image] = manifest.files;
  const replace = async (path: string, make: () => Promise<unknown>) => {
    await Deno.rename(path, `${path}.kept`);
    await make();
    return async () => {
      await Deno.remove(path, { recursive: true });
      await Deno.rename(`${path}.kept`, path);
    };
  };
  const link = (path: string) => () => Deno.symlink(`${path}.kept`, path);
  const pipe = (path: string) => () => new Deno.Command("mkfifo", { args: [path] }).output();
  for (const make of [link, pipe]) {
    const restore = await replace(`${at}/config.json`, make(`${at}/config.json`));
    await assertRejects(() => repository.readFile(ref, config), CorruptFileError);
    await restore();
  }
  let restore = await replace(`${at}/images`, link(`${at}/images`));
  await assertRejects(() => repository.readFile(ref, image), CorruptFileError);
  await restore();
  restore = await replace(`${at}/manifest.json`, link(`${at}/manifest.json`));
  await assertRejects(() => repository.readManifest(ref), ManifestError);
  await restore();
  restore = await replace(`${store.path}/${MODEL}`, link(`${store.path}/${MODEL}`));
  assertEquals(await repository.readManifest(ref), undefined);
  assertEquals(await repository.models(), []);
  await assertRejects(() => push(repository, contents, { version: 2 }), NotFoundError);
  await restore();
  await repository.readFile(ref, image);
});

Deno.test("a broken aliases.json is refused and named, and watching goes on", async () => {
  await using store = await makeStore();
  const repository = await store.open();
  await push(repository, contents);
  await repository.moveAlias(MODEL, "production", { version: 1, by: "test" });
  const path = `${store.path}/${MODEL}/aliases.json`, whole = await Deno.readTextFile(path);
  const broken = [
    ...[
      "",
      "{",
      "[]",
      "{}",
      whole.replace(MODEL, "other"),
      whole.replace('"version":1', '"version":0'),
    ],
    ...[whole.replace('"revision":1', '"revision":0'), whole.replace("production", "../x")],
    "x".repeat(600_000),
  ];
  const abort = new AbortController();
  const changes = repository.changes(MODEL, abort.signal)[Symbol.asyncIterator]();
  await changes.next();
  for (const text of broken) {
    await Deno.writeTextFile(path, text);
    const error = await assertRejects(() => repository.aliases(MODEL), CorruptFileError);
    assert(error.message.includes("aliases.json"), error.message);
    assert(error.message.length < 1_000, error.message);
    const move = { version: 1, by: "test" };
    await assertRejects(() => repository.moveAlias(MODEL, "production", move), CorruptFileError);
  }
  await Deno.writeTextFile(path, whole.replace('"revision":1', '"revision":2'));
  assertEquals((await changes.next()).done, false);
  assertEquals((await repository.aliases(MODEL))[0].revision, 2);
  abort.abort();
});

Deno.test("a version whose blob the disk lost asks for it again", async () => {
  await using store = await makeStore();
  const repository = await store.open();
  await push(repository, contents);
  await Deno.writeFile(`${store.path}/${MODEL}/1/model.safetensors`, noise(10_000, 2));
  assertEquals(await push(repository, contents, { version: 2 }), "created");
  const { manifest } = (await repository.readManifest({ model: MODEL, version: 2 }))!;
  for (const file of manifest.files) await repository.readFile({ model: MODEL, version: 2 }, file);
});

Deno.test("what a crash leaves is collected when it is old", async () => {
  await using store = await makeStore();
  const repository = await store.open();
  await push(repository, contents);
  const staging = `${store.path}/.repository/staging`;
  for (const name of ["old", "young"]) {
    await Deno.mkdir(`${staging}/${name}/images`, { recursive: true });
    await Deno.writeTextFile(`${staging}/${name}/config.json`, "{}");
  }
  const longAgo = new Date(Date.now() - 2 * 3_600_000);
  await Deno.utime(`${staging}/old`, longAgo, longAgo);
  await repository.collectGarbage({ olderThanMs: 0 });
  const left = (await Array.fromAsync(Deno.readDir(staging))).map(({ name }) => name);
  assertEquals(left, ["young"]);
});

Deno.test("a blob whose sender was killed after its last byte is whole, if it is that", async () => {
  await using store = await makeStore();
  const repository = await store.open(), bytes = noise(5_000), blob = await blobOf(bytes);
  const blobs = `${store.path}/.repository/blobs`;
  await Deno.mkdir(blobs, { recursive: true });
  await Deno.writeFile(`${blobs}/${blob.sha256}-5000.part`, noise(5_000, 2));
  assertEquals(await repository.blobOffset(blob), 0);
  await Deno.writeFile(`${blobs}/${blob.sha256}-5000.part`, bytes);
  assertEquals(await repository.blobOffset(blob), 5_000);
  assertEquals(await push(repository, { "a.bin": bytes }), "created");
});

Deno.test("a lock that a killed process held is free", async () => {
  await using store = await makeStore();
  const repository = await store.open();
  await push(repository, contents);
  const lock = `${store.path}/.repository/locks/${MODEL}.lock`;
  await Deno.mkdir(`${store.path}/.repository/locks`, { recursive: true });
  const code = `const f = await Deno.open(${
    JSON.stringify(lock)
  }, { write: true, create: true }); await f.lock(true); console.log("held"); setInterval(() => {}, 1e3);`;
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["eval", code],
    stdout: "piped",
  }).spawn();
  const output = holder.stdout.getReader();
  await output.read();
  const moving = repository.moveAlias(MODEL, "production", { version: 1, by: "test" });
  const first = await Promise.race([
    moving.then(() => "moved"),
    new Promise((resolve) => setTimeout(resolve, 100, "waits")),
  ]);
  assertEquals(first, "waits");
  holder.kill("SIGKILL");
  assertEquals((await moving)?.revision, 1);
  await output.cancel();
  await holder.status;
});

Deno.test("a directory that cannot be written to is named", async () => {
  const file = await Deno.makeTempFile();
  const repository = await openRepository(`${file}/models`);
  const blob = await blobOf("x");
  for (
    const write of [
      () => repository.writeBlob(blob, streamOf(bytesOf("x")), 0),
      () => repository.moveAlias(MODEL, "production", { version: 1, by: "test" }),
      () => repository.deleteVersion(ref),
    ]
  ) {
    await assertRejects(write, RepositoryUnreachableError, `Cannot write to ${file}/models: `);
  }
  assertEquals(await repository.models(), []);
  await Deno.remove(file);
});

Deno.test("an address that nothing can be opened by is refused, and none of it repeated", async () => {
  for (const address of ["", "ftp://user:secret@host/", "memory:", "s3+x://key:secret@b"]) {
    const error = await assertRejects(() => openRepository(address), RangeError);
    assert(!error.message.includes("secret"), error.message);
    assert(error.message.includes("s3://BUCKET/PREFIX"), error.message);
  }
});
