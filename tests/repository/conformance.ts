/**
 * What every model repository must do, whatever it stores versions in.
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ManifestFile, writeManifest } from "../../src/format/manifest.ts";
import {
  AliasMovedError,
  BlobMismatchError,
  BlobOffsetError,
  BlobsMissingError,
  CorruptFileError,
  NotFoundError,
  VersionConflictError,
  VersionInUseError,
} from "../../src/repository/errors.ts";
import { pause } from "../../src/repository/poll.ts";
import type { BlobRef, ModelRepository, VersionRef } from "../../src/repository/repository.ts";
import { sha256 } from "../../src/outside/sha256.ts";

/** A store of its own, which several instances open. */
export interface Store extends AsyncDisposable {
  open(): Promise<ModelRepository>;
  /** Changes bytes of a version's file behind the repository's back; absent where nobody can. */
  corrupt?(ref: VersionRef, file: ManifestFile, bytes: Uint8Array): Promise<void>;
}

/** A version to be pushed: paths and contents. */
export type Contents = Record<string, Uint8Array | string>;

export const MODEL = "digits";

/** The bytes of a content. */
export function bytesOf(content: Uint8Array | string): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

/** Bytes that cannot be told from random ones, the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, x = seed * 2654435761 >>> 0; i < length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x;
  }
  return bytes;
}

/** A body in pieces of `size` bytes. */
export function streamOf(bytes: Uint8Array, size = 10_000): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += size));
    },
  });
}

/** A body that breaks after so many bytes, as a connection does. */
export function brokenStream(bytes: Uint8Array, end: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= end) return controller.error(new Error("connection broke"));
      const next = Math.min(end, at + 5000);
      controller.enqueue(bytes.slice(at, next));
      at = next;
    },
  });
}

export async function blobOf(content: Uint8Array | string): Promise<BlobRef> {
  const bytes = bytesOf(content);
  return { sha256: await sha256(bytes), size: bytes.length };
}

/** A manifest of contents, and its files. */
export async function describe(contents: Contents, ref: VersionRef) {
  const files: ManifestFile[] = [];
  for (const [path, content] of Object.entries(contents)) {
    files.push({ path, ...await blobOf(content) });
  }
  return { bytes: writeManifest({ ...ref, files }), files };
}

/** Sends what is missing, from where it broke off, and makes the version. */
export async function push(
  repository: ModelRepository,
  contents: Contents,
  ref: Partial<VersionRef> = {},
): Promise<"created" | "unchanged"> {
  const { bytes } = await describe(contents, { model: MODEL, version: 1, ...ref });
  for (const content of Object.values(contents)) await send(repository, bytesOf(content));
  return await repository.createVersion(bytes);
}

async function send(repository: ModelRepository, bytes: Uint8Array): Promise<void> {
  const blob = await blobOf(bytes);
  for (;;) {
    const offset = await repository.blobOffset(blob);
    if (offset === bytes.length) return;
    try {
      await repository.writeBlob(blob, streamOf(bytes.subarray(offset)), offset);
    } catch (error) { // another sends the same
      if (!(error instanceof BlobOffsetError)) throw error;
    }
  }
}

const small: Contents = {
  "config.json": '{"name":"digits"}',
  "model.safetensors": noise(30_000),
  "images/samples.png": noise(500, 2),
  "empty.txt": "",
};

/** Registers the suite. `reason` says why a store is skipped, where it is. */
export function testConformance(
  name: string,
  make: () => Promise<Store>,
  reason?: string,
): void {
  const test = (sentence: string, body: (store: Store) => Promise<void>) =>
    Deno.test({
      name: `${name}: ${sentence}${reason ? ` (skipped: ${reason})` : ""}`,
      ignore: reason !== undefined,
      fn: async () => {
        await using store = await make();
        await body(store);
      },
    });

  test("an empty repository has no models, versions, aliases or history", async (store) => {
    const repository = await store.open();
    assertEquals(await repository.models(), []);
    assertEquals(await repository.versions(MODEL), []);
    assertEquals(await repository.readManifest({ model: MODEL, version: 1 }), undefined);
    assertEquals(await repository.aliases(MODEL), []);
    assertEquals(await repository.history(MODEL), []);
    assertEquals(await repository.collectGarbage({ olderThanMs: 0 }), { blobs: 0, bytes: 0 });
  });

  test("what was pushed is read back, by every instance", async (store) => {
    const [writer, reader] = [await store.open(), await store.open()];
    assertEquals(await push(writer, small, { version: 7 }), "created");
    assertEquals(await reader.models(), [MODEL]);
    const stored = await reader.readManifest({ model: MODEL, version: 7 });
    const expected = await describe(small, { model: MODEL, version: 7 });
    assertEquals(stored!.bytes, expected.bytes);
    assertEquals(stored!.digest, await sha256(expected.bytes));
    const size = Object.values(small).reduce((sum, content) => sum + bytesOf(content).length, 0);
    assertEquals(await reader.versions(MODEL), [
      { model: MODEL, version: 7, digest: stored!.digest, size },
    ]);
    for (const file of stored!.manifest.files) {
      const bytes = await reader.readFile({ model: MODEL, version: 7 }, file);
      assertEquals(bytes, bytesOf(small[file.path]), file.path);
    }
  });

  test("the same version again is unchanged, another content a conflict", async (store) => {
    const repository = await store.open();
    await push(repository, small);
    const { digest } = (await repository.readManifest({ model: MODEL, version: 1 }))!;
    assertEquals(await push(repository, small), "unchanged");
    const error = await assertRejects(
      () => push(repository, { ...small, "config.json": "{}" }),
      VersionConflictError,
    );
    assertEquals(error.digest, digest);
    assertEquals(await repository.versions(MODEL).then(([{ digest }]) => digest), digest);
  });

  test("a version with missing blobs is refused with their list, and is not there", async (store) => {
    const repository = await store.open();
    const { bytes } = await describe(small, { model: MODEL, version: 1 });
    await send(repository, bytesOf(small["config.json"]));
    const half = bytesOf(small["model.safetensors"]), halfBlob = await blobOf(half);
    await repository.writeBlob(halfBlob, streamOf(half.subarray(0, 15_000)), 0);
    const error = await assertRejects(() => repository.createVersion(bytes), BlobsMissingError);
    const missing = [halfBlob, await blobOf(small["images/samples.png"])];
    const bySha = (a: BlobRef, b: BlobRef) => a.sha256 < b.sha256 ? -1 : 1;
    assertEquals([...error.missing].sort(bySha), missing.sort(bySha));
    assertEquals(await repository.versions(MODEL), []);
    assertEquals(await repository.models(), []);
    assertEquals(await push(repository, small), "created");
  });

  test("of 20 different contents for one version at once, one wins", async (store) => {
    const repositories = [await store.open(), await store.open()];
    const outcomes = await Promise.allSettled(
      Array.from(
        { length: 20 },
        (_, i) => push(repositories[i % 2], { ...small, "README.md": `content ${i}` }),
      ),
    );
    const won = outcomes.filter(({ status }) => status === "fulfilled");
    assertEquals(won.length, 1, String(outcomes.map((each) => JSON.stringify(each))));
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") continue;
      assert(outcome.reason instanceof VersionConflictError, String(outcome.reason));
    }
    const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
    const ref = { model: MODEL, version: 1 };
    const { manifest } = (await repositories[0].readManifest(ref))!;
    const readme = manifest.files.find(({ path }) => path === "README.md")!;
    assertEquals(await repositories[1].readFile(ref, readme), bytesOf(`content ${winner}`));
  });

  test("the same version pushed 10 times at once is created once", async (store) => {
    const repositories = [await store.open(), await store.open()];
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, i) => push(repositories[i % 2], small)),
    );
    assertEquals(outcomes.filter((outcome) => outcome === "created").length, 1);
  });

  test("of 20 moves of an alias with one revision, one wins", async (store) => {
    const repositories = [await store.open(), await store.open()];
    await push(repositories[0], small);
    for (const [round, ifRevision] of [[1, 0], [2, 1]]) {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) =>
          repositories[i % 2].moveAlias(MODEL, "production", {
            ...{ version: 1, ifRevision, by: `mover ${i}` },
          })),
      );
      const won = outcomes.filter(({ status }) => status === "fulfilled");
      assertEquals(won.length, 1, String(outcomes.map((each) => JSON.stringify(each))));
      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled") continue;
        assert(outcome.reason instanceof AliasMovedError, String(outcome.reason));
        assertEquals(outcome.reason.revision, round);
      }
      assertEquals((await repositories[1].aliases(MODEL))[0].revision, round);
      assertEquals((await repositories[0].history(MODEL)).length, round);
    }
  });

  test("20 moves without a revision all count", async (store) => {
    const repositories = [await store.open(), await store.open()];
    await push(repositories[0], small);
    await Promise.all(
      Array.from(
        { length: 20 },
        (_, i) => repositories[i % 2].moveAlias(MODEL, `alias${i % 4}`, { version: 1, by: "test" }),
      ),
    );
    const aliases = await repositories[0].aliases(MODEL);
    assertEquals(aliases.map(({ revision }) => revision), [5, 5, 5, 5]);
    assertEquals((await repositories[1].history(MODEL)).length, 20);
  });

  test("an alias is made, moved, removed and made again, and history tells it", async (store) => {
    const repository = await store.open();
    await push(repository, small);
    await push(repository, { ...small, "README.md": "2" }, { version: 2 });
    const move = (version: number | null, ifRevision: number) =>
      repository.moveAlias(MODEL, "production", { version, ifRevision, by: "ci" });
    assertEquals(await move(1, 0), {
      ...{ alias: "production", version: 1, revision: 1, settings: {} },
    });
    await assertRejects(() => move(2, 0), AliasMovedError);
    assertEquals((await move(2, 1))?.revision, 2);
    assertEquals(await move(null, 2), undefined);
    assertEquals(await repository.aliases(MODEL), []);
    await assertRejects(() => move(1, 2), AliasMovedError);
    await assertRejects(() => move(null, 0), NotFoundError);
    assertEquals((await move(1, 0))?.revision, 4);
    const settings = { share: 0.1, shadow: 1 };
    await repository.moveAlias(MODEL, "candidate", { version: 2, settings, by: "me" });
    assertEquals(await repository.aliases(MODEL), [
      { alias: "candidate", version: 2, revision: 1, settings },
      { alias: "production", version: 1, revision: 4, settings: {} },
    ]);
    const history = await repository.history(MODEL);
    assertEquals(
      history.map(({ by, alias, from, to }) => [by, alias, from, to]),
      [
        ...[["me", "candidate", null, 2], ["ci", "production", null, 1]],
        ...[["ci", "production", 2, null], ["ci", "production", 1, 2]],
        ["ci", "production", null, 1],
      ],
    );
    for (const { at } of history) assert(Math.abs(Date.now() - Date.parse(at)) < 60_000, at);
  });

  test("an alias names only a version that is there, and has a name and settings", async (store) => {
    const repository = await store.open();
    await push(repository, small);
    const move = (model: string, alias: string, version: number, settings = {}) => () =>
      repository.moveAlias(model, alias, { version, settings, by: "test" });
    await assertRejects(move(MODEL, "production", 2), NotFoundError);
    await assertRejects(move("other", "production", 1), NotFoundError);
    for (const alias of ["", "1", "../x", "a/b", "a b", "x".repeat(65), ".hidden", "é"]) {
      await assertRejects(move(MODEL, alias, 1), RangeError);
    }
    for (const settings of [{ share: 1.1 }, { share: -1 }, { shadow: NaN }, { other: 1 }]) {
      await assertRejects(move(MODEL, "production", 1, settings), RangeError);
    }
    assertEquals(await repository.aliases(MODEL), []);
  });

  test("a blob that breaks off at any place goes on from there", async (store) => {
    const repository = await store.open();
    const bytes = noise(300_000), blob = await blobOf(bytes);
    assertEquals(await repository.blobOffset(blob), 0);
    let offset = 0, breaks = 0;
    while (offset < bytes.length) {
      const end = Math.min(bytes.length - offset, 1 + Math.floor(Math.random() * 120_000));
      const rest = bytes.subarray(offset);
      if (end < rest.length) {
        await assertRejects(() => repository.writeBlob(blob, brokenStream(rest, end), offset));
        const kept = await repository.blobOffset(blob);
        assert(kept >= offset && kept <= offset + end, `${kept}`);
        if (end > 70_000) assert(kept > offset, "nothing was kept of 70,000 bytes");
        offset = kept;
        breaks++;
      } else {
        offset = await repository.writeBlob(blob, streamOf(rest), offset);
      }
    }
    assertEquals(await repository.blobOffset(blob), bytes.length);
    assertEquals(await push(repository, { "big.bin": bytes }), "created");
    const file = { path: "big.bin", ...blob };
    assertEquals(await repository.readFile({ model: MODEL, version: 1 }, file), bytes);
    assert(breaks >= 0);
  });

  test("a blob is sent in calls, each from where the last ended", async (store) => {
    const repository = await store.open();
    const bytes = noise(9_001), blob = await blobOf(bytes);
    for (const [start, end] of [[0, 1], [1, 4_000], [4_000, 4_000], [4_000, 9_001]]) {
      const body = streamOf(bytes.subarray(start, end), 777);
      assertEquals(await repository.writeBlob(blob, body, start), end);
      assertEquals(await repository.blobOffset(blob), end);
    }
    for (const wrong of [0, 4_000, 9_002]) {
      const error = await assertRejects(
        () => repository.writeBlob(blob, streamOf(bytes), wrong),
        BlobOffsetError,
      );
      assertEquals(error.received, 9_001);
    }
    assertEquals(await repository.writeBlob(blob, streamOf(new Uint8Array()), 9_001), 9_001);
  });

  test("a wrong offset is refused with the right one", async (store) => {
    const repository = await store.open();
    const bytes = noise(5_000), blob = await blobOf(bytes);
    for (const [received, wrong] of [[0, 1], [2_000, 0], [2_000, 1_999], [2_000, 5_000]]) {
      if (received > 0 && await repository.blobOffset(blob) === 0) {
        await repository.writeBlob(blob, streamOf(bytes.subarray(0, received)), 0);
      }
      const error = await assertRejects(
        () => repository.writeBlob(blob, streamOf(bytes.subarray(wrong)), wrong),
        BlobOffsetError,
      );
      assertEquals(error.received, received);
    }
    assertEquals(await repository.writeBlob(blob, streamOf(bytes.subarray(2_000)), 2_000), 5_000);
  });

  test("bytes that are not the blob's leave nothing", async (store) => {
    const repository = await store.open();
    const bytes = noise(70_001), blob = await blobOf(bytes);
    const wrong = bytes.slice();
    wrong[40_000] ^= 1;
    const bodies = [streamOf(wrong), streamOf(noise(70_002)), streamOf(noise(1_000_000))];
    for (const body of bodies) {
      await assertRejects(() => repository.writeBlob(blob, body, 0), BlobMismatchError);
      assertEquals(await repository.blobOffset(blob), 0);
    }
    await repository.writeBlob(blob, streamOf(wrong.subarray(0, 60_000)), 0);
    const end = bytes.subarray(60_000);
    await assertRejects(() => repository.writeBlob(blob, streamOf(end), 60_000), BlobMismatchError);
    assertEquals(await repository.blobOffset(blob), 0);
    assertEquals(await repository.writeBlob(blob, streamOf(bytes), 0), 70_001);
  });

  test("more bytes after a whole blob are refused, and it stays", async (store) => {
    const repository = await store.open();
    const bytes = noise(1_000), blob = await blobOf(bytes);
    await repository.writeBlob(blob, streamOf(bytes), 0);
    const body = streamOf(noise(1));
    await assertRejects(() => repository.writeBlob(blob, body, 1_000), BlobMismatchError);
    assertEquals(await repository.blobOffset(blob), 1_000);
  });

  test("names of blobs that are tricks are refused", async (store) => {
    const repository = await store.open();
    const { sha256 } = await blobOf("x");
    const tricks = ["", "..", "../../etc/passwd", sha256.toUpperCase(), `${sha256}/`, `${sha256}0`];
    for (
      const blob of [
        ...tricks.map((trick) => ({ sha256: trick, size: 1 })),
        ...[-1, 0.5, NaN, 2 ** 40, Infinity].map((size) => ({ sha256, size })),
      ]
    ) {
      await assertRejects(() => repository.blobOffset(blob), RangeError);
      await assertRejects(() => repository.writeBlob(blob, streamOf(noise(1)), 0), RangeError);
    }
  });

  test("names of models and versions that are tricks are nowhere", async (store) => {
    const repository = await store.open();
    await push(repository, small);
    const file = { path: "config.json", ...await blobOf(small["config.json"]) };
    for (const model of ["", ".", "..", "../x", "digits/1", "digits/", "DIGITS\0", ".repository"]) {
      assertEquals(await repository.versions(model), []);
      assertEquals(await repository.readManifest({ model, version: 1 }), undefined);
      assertEquals(await repository.aliases(model), []);
      assertEquals(await repository.history(model), []);
      await assertRejects(() => repository.readFile({ model, version: 1 }, file), CorruptFileError);
      await assertRejects(() => repository.deleteVersion({ model, version: 1 }), NotFoundError);
    }
    for (const version of [0, -1, 0.5, NaN, 2 ** 31, 1e21]) {
      assertEquals(await repository.readManifest({ model: MODEL, version }), undefined);
      await assertRejects(() => repository.deleteVersion({ model: MODEL, version }), NotFoundError);
    }
    for (const path of ["../1/config.json", "/etc/hostname", "", ".", "manifest.json"]) {
      const ref = { model: MODEL, version: 1 };
      await assertRejects(() => repository.readFile(ref, { ...file, path }), CorruptFileError);
    }
  });

  test("a version that an alias names cannot be deleted, another can", async (store) => {
    const repository = await store.open();
    await push(repository, small);
    await push(repository, { ...small, "README.md": "2" }, { version: 2 });
    await repository.moveAlias(MODEL, "production", { version: 1, by: "test" });
    const error = await assertRejects(
      () => repository.deleteVersion({ model: MODEL, version: 1 }),
      VersionInUseError,
    );
    assertEquals(error.aliases, ["production"]);
    await repository.deleteVersion({ model: MODEL, version: 2 });
    assertEquals((await repository.versions(MODEL)).map(({ version }) => version), [1]);
    assertEquals(await repository.readManifest({ model: MODEL, version: 2 }), undefined);
    await assertRejects(
      () => repository.deleteVersion({ model: MODEL, version: 2 }),
      NotFoundError,
    );
    await repository.moveAlias(MODEL, "production", { version: null, by: "test" });
    await repository.deleteVersion({ model: MODEL, version: 1 });
    assertEquals(await repository.models(), []);
    assertEquals(await push(repository, small), "created");
  });

  test("garbage is what no version uses and what is old", async (store) => {
    const repository = await store.open();
    await push(repository, small);
    await push(repository, { ...small, "README.md": "gone" }, { version: 2 });
    await repository.deleteVersion({ model: MODEL, version: 2 });
    await send(repository, noise(2_000, 5));
    const partial = noise(3_000, 6), partialBlob = await blobOf(partial);
    await repository.writeBlob(partialBlob, streamOf(partial.subarray(0, 1_000)), 0);
    assertEquals(
      await repository.collectGarbage({ olderThanMs: 3_600_000 }),
      { blobs: 0, bytes: 0 },
    );
    assertEquals(await repository.blobOffset(partialBlob), 1_000);
    await pause(5);
    const { blobs, bytes } = await repository.collectGarbage({ olderThanMs: 0 });
    // A directory keeps no blob of a version that is gone.
    assert(blobs === 2 && bytes === 3_000 || blobs === 3 && bytes === 3_004, `${blobs} ${bytes}`);
    assertEquals(await repository.blobOffset(partialBlob), 0);
    assertEquals(await repository.blobOffset(await blobOf(noise(2_000, 5))), 0);
    const { manifest } = (await repository.readManifest({ model: MODEL, version: 1 }))!;
    for (const file of manifest.files) {
      await repository.readFile({ model: MODEL, version: 1 }, file);
      assertEquals(await repository.blobOffset(file), file.size);
    }
    assertEquals(await repository.collectGarbage({ olderThanMs: 0 }), { blobs: 0, bytes: 0 });
  });

  test("garbage collection beside pushes removes nothing that a version uses", async (store) => {
    const [pusher, collector] = [await store.open(), await store.open()];
    let isPushing = true;
    const collecting = (async () => {
      for (; isPushing; await pause(200 * Math.random())) {
        await collector.collectGarbage({ olderThanMs: 0 });
      }
    })();
    const versions = [1, 2, 3, 4, 5, 6];
    for (const version of versions) {
      const contents = { "a.bin": noise(20_000, version), "same.bin": noise(20_000, 99) };
      for (let tries = 0;; tries++) {
        try {
          await push(pusher, contents, { version });
          break;
        } catch (error) { // its blobs were collected before the version was there
          if (!(error instanceof BlobsMissingError) || tries > 200) throw error;
        }
      }
    }
    isPushing = false;
    await collecting;
    for (const version of versions) {
      const { manifest } = (await pusher.readManifest({ model: MODEL, version }))!;
      for (const file of manifest.files) await pusher.readFile({ model: MODEL, version }, file);
    }
  });

  test("blobs of one version are there for the next", async (store) => {
    const repository = await store.open();
    await push(repository, small);
    for (const content of Object.values(small)) {
      const blob = await blobOf(content);
      assertEquals(await repository.blobOffset(blob), blob.size);
    }
    const { bytes } = await describe(small, { model: "other", version: 3 });
    assertEquals(await repository.createVersion(bytes), "created");
    assertEquals(await repository.models(), [MODEL, "other"]);
    await repository.deleteVersion({ model: MODEL, version: 1 });
    await repository.collectGarbage({ olderThanMs: 0 });
    const { manifest } = (await repository.readManifest({ model: "other", version: 3 }))!;
    for (const file of manifest.files) {
      await repository.readFile({ model: "other", version: 3 }, file);
    }
  });

  test("a file of other bytes, size or none is found when it is read", async (store) => {
    if (!store.corrupt) return;
    const repository = await store.open(), ref = { model: MODEL, version: 1 };
    const bytes = bytesOf(small["model.safetensors"]);
    const flipped = bytes.slice();
    flipped[12_345] ^= 4;
    const cases = [flipped, bytes.subarray(1), new Uint8Array(bytes.length + 1), noise(0)];
    await push(repository, small);
    const file = { path: "model.safetensors", ...await blobOf(bytes) };
    for (const other of cases) {
      await store.corrupt(ref, file, other);
      await assertRejects(() => repository.readFile(ref, file), CorruptFileError, file.path);
    }
    await store.corrupt(ref, file, bytes);
    assertEquals(await repository.readFile(ref, file), bytes);
  });

  test("versions are listed in ascending order", async (store) => {
    const repository = await store.open();
    for (const version of [10, 9, 2, 2 ** 31 - 1, 1]) await push(repository, small, { version });
    const versions = (await repository.versions(MODEL)).map(({ version }) => version);
    assertEquals(versions, [1, 2, 9, 10, 2 ** 31 - 1]);
  });

  test("two instances see each other's changes", async (store) => {
    const [mover, watcher] = [await store.open(), await store.open()];
    await push(mover, small);
    const abort = new AbortController();
    let seen = 0;
    const watching = (async () => {
      for await (const _ of watcher.changes(MODEL, abort.signal)) seen++;
    })();
    const waitFor = async (count: number) => {
      for (let i = 0; i < 1_000 && seen < count; i++) {
        await pause(10);
      }
      assert(seen >= count, `saw ${seen} of ${count} changes`);
    };
    await waitFor(1); // what is there at first
    for (let i = 0; i < 3; i++) {
      const before = seen;
      await mover.moveAlias(MODEL, "production", { version: 1, by: `test ${i}` });
      await waitFor(before + 1);
      assertEquals((await watcher.aliases(MODEL))[0].revision, i + 1);
    }
    abort.abort();
    await watching;
  });

  test("watching ends at its signal and when the repository is closed", async (store) => {
    const repository = await store.open();
    const watch = async (signal: AbortSignal) => {
      for await (const _ of repository.changes(MODEL, signal));
    };
    await watch(AbortSignal.abort());
    const never = new AbortController(), watching = watch(never.signal);
    await pause(20);
    repository.close();
    await watching;
  });
}
