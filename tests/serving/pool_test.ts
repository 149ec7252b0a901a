/**
 * The pool of loaded versions against what must always hold, over random interleavings of requests, moves
 * of aliases, loads that fail or hang, and a store that does not answer.
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Compute } from "../../src/compute/compute.ts";
import type { Classification } from "../../src/engine/classify.ts";
import {
  NotFoundError,
  RepositoryUnreachableError,
  VersionInUseError,
} from "../../src/repository/errors.ts";
import type { Alias, ModelRepository } from "../../src/repository/repository.ts";
import { ModelPool } from "../../src/serving/pool.ts";
import { shareOf } from "../../src/serving/routing.ts";
import {
  type Lease,
  type ServedVersion,
  VersionNotServedError,
  VersionRefusedError,
} from "../../src/serving/served.ts";
import { tinyModel } from "../model/tiny_model.ts";

const { config } = tinyModel();

/** A repository of aliases alone, and what became of the versions that were loaded from it. */
class World {
  readonly aliases = new Map<string, Alias>();
  readonly broken = new Set<number>();
  isReachable = true;
  /** Whether versions can be read, where aliases can. */
  isReadable = true;
  /** What reading a manifest waits for. */
  reading: Promise<void> | undefined;
  /** Versions that are being opened, and the most that ever were. */
  opening = 0;
  mostOpening = 0;
  /** Versions that were opened, and those that were freed. */
  readonly opened: ServedVersion[] = [];
  readonly freed = new Set<ServedVersion>();
  readonly pool: ModelPool;

  constructor(maxVersions = 3, bundledDigest = "digest 1") {
    const reached = () => {
      if (!this.isReachable) throw new RepositoryUnreachableError("the store does not answer");
    };
    const repository = {
      address: "a test",
      aliases: () => {
        reached();
        return Promise.resolve([...this.aliases.values()]);
      },
      changes: async function* (_: string, signal: AbortSignal) {
        yield;
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
      readManifest: async ({ version }: { version: number }) => {
        reached();
        await this.reading;
        return { digest: `digest ${version}` };
      },
    } as unknown as ModelRepository;
    this.pool = new ModelPool({
      repository: () => Promise.resolve(repository),
      bundled: this.#open(1, bundledDigest),
      load: async ({ version }) => {
        this.mostOpening = Math.max(this.mostOpening, ++this.opening);
        await new Promise<void>((resolve) => setTimeout(resolve, version % 3));
        this.opening--;
        reached();
        if (!this.isReadable) throw new RepositoryUnreachableError("it breaks off");
        if (version > 6) throw new NotFoundError(`There is no version ${version}`);
        if (this.broken.has(version)) throw new VersionRefusedError(`version ${version} is broken`);
        return this.#open(version);
      },
      maxVersions,
      retryMs: 5,
    });
  }

  #open(version: number, digest = `digest ${version}`): ServedVersion {
    const served: ServedVersion = {
      ...{ model: "tiny", version, digest, config },
      compute: {
        imageSize: 784,
        classify: () => Promise.resolve([{ label: version % 2 }]),
        dispose: () => {
          assert(!this.freed.has(served), `version ${version} is freed twice`);
          this.freed.add(served);
        },
      } as unknown as Compute,
      readCard: () => Promise.resolve(undefined),
    };
    this.opened.push(served);
    return served;
  }

  move(alias: string, version: number | undefined, settings = {}): void {
    const revision = 1 + (this.aliases.get(alias)?.revision ?? 0);
    if (version === undefined) this.aliases.delete(alias);
    else this.aliases.set(alias, { alias, version, revision, settings });
  }

  /** Versions in memory. */
  get held(): number {
    return this.opened.length - this.freed.size;
  }
}

const version = fc.integer({ min: 1, max: 7 });
const action = fc.oneof(
  fc.record({ kind: fc.constant("ask" as const), pinned: fc.option(version, { nil: undefined }) }),
  fc.record({ kind: fc.constant("end" as const), which: fc.nat(20) }),
  fc.record({
    kind: fc.constant("move" as const),
    alias: fc.constantFrom("production", "candidate"),
    version: fc.option(version, { nil: undefined }),
    share: fc.constantFrom(0, 0.3, 1),
  }),
  fc.record({
    kind: fc.constantFrom("load" as const, "unload" as const, "break" as const),
    version,
  }),
  fc.record({ kind: fc.constant("sync" as const), isAwaited: fc.boolean() }),
  fc.record({ kind: fc.constant("reach" as const), isReachable: fc.boolean() }),
);

Deno.test("whatever comes in whatever order, no request meets a version that is freed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
      const world = new World(), { pool } = world;
      const leases: Lease[] = [], running: Promise<unknown>[] = [];
      for (const [i, act] of actions.entries()) {
        if (act.kind === "ask") {
          try {
            leases.push(pool.lease({ pinned: act.pinned, key: String(i) }));
          } catch (error) {
            if (!(error instanceof VersionNotServedError)) throw error;
            assert(act.pinned !== undefined, "a request that pins nothing is always answered");
          }
        } else if (act.kind === "end") {
          leases.splice(act.which, 1).forEach((lease) => lease.release());
        } else if (act.kind === "move") {
          world.move(act.alias, act.version, { share: act.share });
        } else if (act.kind === "break") world.broken.add(act.version);
        else if (act.kind === "reach") world.isReachable = act.isReachable;
        else if (act.kind === "sync") {
          const sync = pool.control.sync();
          running.push(sync);
          if (act.isAwaited) await sync;
        } else running.push(Promise.allSettled([pool.control[act.kind](act.version)]));
        for (const { served } of leases) {
          assert(!world.freed.has(served), `${served.version} freed`);
        }
      }
      await Promise.all(running);
      for (const lease of leases) lease.release();
      world.isReachable = true;
      world.move("production", 2); // a change, so that what was refused is tried again
      world.broken.delete(2);
      await pool.control.sync();
      const { served, release } = pool.lease({ key: "after", pinned: 2 });
      assertEquals([served.version, pool.readiness()], [2, { version: 2 }]);
      release();
      assert(world.held <= 4, `${world.held} versions are in memory`); // 3, and the candidate's worth
      pool.dispose();
      assertEquals(world.held, 0, "every version is freed in the end");
    }),
    { numRuns: 300 },
  );
});

Deno.test("a version that fails a check leaves the old one answering, with the reason", async () => {
  const world = new World(), { pool } = world;
  world.broken.add(3);
  world.move("production", 3);
  await pool.control.sync();
  const { served, release } = pool.lease({ key: "a" });
  release();
  assertEquals(served.version, 1);
  assertEquals(pool.readiness(), { version: 1, fallback: "version 3 is broken" });
  const refused = pool.states().find(({ version }) => version === 3)!;
  assertEquals([refused.status, refused.aliases], ["refused", ["production"]]);
  assertEquals(pool.metrics().refusals, 1);
  await pool.control.sync();
  assertEquals(pool.metrics().refusals, 1, "it is not tried again while nothing has changed");
  world.broken.clear();
  world.move("production", 3);
  await pool.control.sync();
  assertEquals(pool.readiness(), { version: 3 });
  pool.dispose();
});

Deno.test("the way back is warm: a second move loads nothing", async () => {
  const world = new World(), { pool } = world;
  for (const version of [2, 1, 2]) {
    world.move("production", version);
    await pool.control.sync();
    assertEquals(pool.readiness().version, version);
  }
  assertEquals([world.opened.length, pool.metrics().switches], [2, 3]);
  pool.dispose();
});

Deno.test("a stream keeps its version until it ends, however many come after it", async () => {
  const world = new World(2), { pool } = world;
  const stream = pool.lease({ key: "a" });
  for (const version of [2, 3, 4, 5]) {
    world.move("production", version);
    await pool.control.sync();
  }
  assert(!world.freed.has(stream.served));
  assertThrows(() => pool.lease({ key: "b", pinned: 1 }), VersionNotServedError);
  stream.release();
  stream.release(); // more than once is harmless
  assert(world.freed.has(stream.served));
  pool.dispose();
});

Deno.test("a candidate answers its share of keys, and a key always meets the same version", async () => {
  const world = new World(), { pool } = world;
  world.move("candidate", 2, { share: 0.1 });
  await pool.control.sync();
  const versionOf = (key: string) => {
    const { served, release } = pool.lease({ key });
    release();
    return served.version;
  };
  const keys = Array.from({ length: 20_000 }, (_, i) => String(i));
  const first = keys.map(versionOf);
  assertEquals(keys.map(versionOf), first);
  const share = first.filter((version) => version === 2).length / keys.length;
  assert(Math.abs(share - 0.1) < 4 * Math.sqrt(0.1 * 0.9 / keys.length), `${share}`);
  assertEquals(first.every((version, i) => (version === 2) === shareOf(keys[i]) < 0.1), true);
  pool.dispose();
});

Deno.test("a shadow compares unseen, and the rate of its other labels is counted", async () => {
  const world = new World(), { pool } = world;
  world.move("candidate", 2, { shadow: 1 });
  await pool.control.sync();
  for (let i = 0; i < 5; i++) {
    const { served, shadow, release } = pool.lease({ key: String(i) });
    assertEquals(served.version, 1);
    shadow!.compare(new Float32Array(784), await served.compute.classify(new Float32Array(784)));
    release();
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
  assertEquals(pool.metrics().shadow, { compared: 5, disagreed: 5 });
  pool.dispose();
});

Deno.test("a bundled version gives way to the repository's own of the same number", async () => {
  const world = new World(3, "another digest"), { pool } = world;
  const stream = pool.lease({ key: "a" });
  world.move("production", 1);
  await pool.control.sync();
  const { served, release } = pool.lease({ key: "b", pinned: 1 });
  release();
  assertEquals([served.digest, stream.served.digest], ["digest 1", "another digest"]);
  assertEquals(world.held, 2);
  stream.release();
  assertEquals(world.held, 1);
  pool.dispose();
});

Deno.test("what is not there cannot be loaded, what answers cannot be unloaded", async () => {
  const { pool } = new World();
  await assertRejects(() => pool.control.load(7), NotFoundError);
  await assertRejects(() => pool.control.unload(7), NotFoundError);
  await assertRejects(() => pool.control.unload(1), VersionInUseError, "it answers requests");
  pool.dispose();
});

Deno.test("a move that a failing store kept from being followed is followed when the store is well", async () => {
  const world = new World(), { pool } = world, stop = new AbortController();
  world.isReadable = false;
  world.move("production", 2);
  const watching = pool.watch(stop.signal);
  const until = async (isSo: () => boolean) => {
    for (let i = 0; i < 200 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
    assert(isSo(), JSON.stringify(pool.readiness()));
  };
  await until(() => pool.readiness().fallback === "it breaks off");
  world.isReadable = true; // of which no repository tells: its aliases are as they were
  await until(() => pool.readiness().version === 2);
  assertEquals(pool.readiness(), { version: 2 });
  world.isReachable = false;
  await pool.control.sync();
  assertEquals(pool.readiness().fallback, "the store does not answer");
  world.isReachable = true;
  await until(() => pool.readiness().fallback === undefined);
  stop.abort();
  await watching;
  pool.dispose();
});

Deno.test("however many versions are asked for at once, few are opened at a time", async () => {
  const world = new World(), { pool } = world;
  const loads = [1, 2, 3, 4, 5, 6].map((version) => pool.control.load(version));
  world.move("production", 6);
  await Promise.all([...loads, pool.control.sync()]);
  assertEquals([world.mostOpening, pool.readiness()], [2, { version: 6 }]);
  pool.dispose();
});

Deno.test("refusals are remembered within a bound", async () => {
  const { pool } = new World();
  for (let version = 1000; version < 1200; version++) {
    await assertRejects(() => pool.control.load(version), NotFoundError);
  }
  const versions = pool.states().map(({ version }) => version);
  assertEquals(versions, [1, ...Array.from({ length: 100 }, (_, i) => 1100 + i)]);
  pool.dispose();
});

Deno.test("images of another size than a shadow's are not compared", async () => {
  const world = new World(), { pool } = world;
  world.move("candidate", 2, { shadow: 1 });
  await pool.control.sync();
  const { shadow, release } = pool.lease({ key: "a" });
  shadow!.compare(new Float32Array(2 * 784), [{ label: 1 } as Classification]);
  await new Promise<void>((resolve) => setTimeout(resolve, 1));
  assertEquals(pool.metrics().shadow, { compared: 0, disagreed: 0 });
  release();
  pool.dispose();
});

Deno.test("a version that is freed while an alias moves to it is loaded anew", async () => {
  for (const alias of ["production", "candidate"]) {
    const world = new World(), { pool } = world;
    await pool.control.load(2);
    const { promise, resolve } = Promise.withResolvers<void>();
    world.reading = promise;
    world.move(alias, 2, { share: 1 });
    const moving = pool.control.sync();
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
    await pool.control.unload(2);
    resolve();
    await moving;
    const { served, release } = pool.lease({ key: "a" });
    assertEquals([served.version, world.freed.has(served)], [2, false]);
    release();
    pool.dispose();
  }
});

Deno.test("loads that push each other out leave no freed version where requests go", async () => {
  const world = new World(2), { pool } = world;
  for (let i = 0; i < 200; i++) {
    world.move("production", 1 + i % 3);
    world.move("candidate", 4 + i % 3, { share: 0.5 });
    const loads = [1, 2, 3, 4, 5, 6].map((version) => pool.control.load(version));
    await Promise.all([pool.control.sync(), ...loads, pool.control.sync()]);
    for (const key of ["a", "b", "c", "d", "e", "f"]) {
      const { served, release } = pool.lease({ key });
      assert(!world.freed.has(served), `${served.version} is freed`);
      release();
    }
  }
  pool.dispose();
});
