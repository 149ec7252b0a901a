import { assert, assertEquals, assertRejects } from "@std/assert";
import { openRepository } from "../../src/repository/open.ts";
import { KvStore } from "../../src/repository/objects/kv_store.ts";
import { ObjectTooLargeError } from "../../src/repository/objects/object_store.ts";
import { noise, testConformance } from "./conformance.ts";
import { objectsStore } from "./object_stores.ts";

/** Deno KV in a file that is removed in the end. */
async function makeFile() {
  const directory = await Deno.makeTempDir({ prefix: "model kv " });
  const path = `${directory}/models.db`;
  const remove = () => Deno.remove(directory, { recursive: true });
  return { path, [Symbol.asyncDispose]: remove };
}

testConformance("kv in a file", async () => {
  const file = await makeFile();
  return objectsStore({
    openRepository: () => openRepository(`kv:${file.path}`, { pollMs: 50 }),
    openObjects: async () => new KvStore(await Deno.openKv(file.path), "kv:test"),
    remove: () => file[Symbol.asyncDispose](),
  });
});

const root = "dbn-edge";

async function countChunks(kv: Deno.Kv): Promise<number> {
  return (await Array.fromAsync(kv.list({ prefix: [root, "chunks"] }))).length;
}

Deno.test("an object in KV is chunks below the bound of a value, of any size", async () => {
  await using file = await makeFile();
  using kv = await Deno.openKv(file.path);
  const store = new KvStore(kv, "kv:test");
  for (const size of [0, 1, 59_999, 60_000, 60_001, 65_536, 120_000, 120_001, 1_500_000]) {
    const bytes = noise(size, size + 1);
    assert(await store.put("a/b", bytes));
    assertEquals((await store.get("a/b", size))!.bytes, bytes);
    assertEquals((await store.stat("a/b"))!.size, size);
    if (size > 0) await assertRejects(() => store.get("a/b", size - 1), ObjectTooLargeError);
    assertEquals(await countChunks(kv), size <= 60_000 ? 0 : Math.ceil(size / 60_000));
  }
  await store.delete("a/b");
  assertEquals(await store.get("a/b", 10), undefined);
  assertEquals(await countChunks(kv), 0);
  assertEquals((await Array.fromAsync(kv.list({ prefix: [root, "pending"] }))).length, 0);
});

Deno.test("an object in KV that is replaced while it is read is the old or the new", async () => {
  await using file = await makeFile();
  using kv = await Deno.openKv(file.path);
  const store = new KvStore(kv, "kv:test"), size = 200_000;
  const contents = [1, 2, 3].map((seed) => noise(size, seed));
  await store.put("x", contents[0]);
  let isWriting = true;
  const writing = (async () => {
    for (let i = 1; i < 60; i++) await store.put("x", contents[i % 3]);
    isWriting = false;
  })();
  let reads = 0;
  for (; isWriting; reads++) {
    const { bytes } = (await store.get("x", size))!;
    assert(contents.some((content) => content.every((byte, i) => byte === bytes[i])));
  }
  await writing;
  assert(reads > 5, `${reads} reads`);
});

Deno.test("chunks of a write to KV that was killed are collected when they are old", async () => {
  await using file = await makeFile();
  using kv = await Deno.openKv(file.path);
  const store = new KvStore(kv, "kv:test");
  await store.put("whole", noise(200_000));
  for (const [name, hours] of [["old", 2], ["young", 0.5]] as const) {
    await kv.set([root, "pending", name], Date.now() - hours * 3_600_000);
    for (let i = 0; i < 120; i++) await kv.set([root, "chunks", name, i], noise(10));
  }
  await store.collect(0);
  assertEquals(await countChunks(kv), 4 + 120);
  assertEquals((await store.get("whole", 200_000))!.bytes, noise(200_000));
});

Deno.test("processes on one KV file wait for each other", async () => {
  await using file = await makeFile();
  const code = `
    import { openRepository } from ${
    JSON.stringify(new URL("../../src/repository/open.ts", import.meta.url).href)
  };
    import { push } from ${JSON.stringify(new URL("./conformance.ts", import.meta.url).href)};
    const repository = await openRepository(${JSON.stringify(`kv:${file.path}`)});
    await push(repository, { "a.bin": new Uint8Array(300_000).fill(Number(Deno.args[0])) },
      { version: Number(Deno.args[0]) });
    for (let i = 0; i < 10; i++) {
      await repository.moveAlias("digits", "production", { version: Number(Deno.args[0]), by: "x" });
    }
    repository.close();`;
  const script = `${file.path}.ts`;
  await Deno.writeTextFile(script, code);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const outputs = await Promise.all([1, 2, 3].map((i) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "--no-check", `--config=${config}`, script, String(i)],
    }).output()
  ));
  for (const { code, stderr } of outputs) assertEquals(code, 0, new TextDecoder().decode(stderr));
  const repository = await openRepository(`kv:${file.path}`);
  assertEquals((await repository.versions("digits")).map(({ version }) => version), [1, 2, 3]);
  assertEquals((await repository.aliases("digits"))[0].revision, 30);
  repository.close();
});

Deno.test("an address of a KV server holds no password", async () => {
  const error = await assertRejects(
    () => openRepository("kv:http://me:secret@localhost:1/"),
    RangeError,
  );
  assert(!error.message.includes("secret"), error.message);
  assert(error.message.includes("DENO_KV_ACCESS_TOKEN"), error.message);
});
