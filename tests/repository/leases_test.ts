import { assert, assertEquals, assertRejects } from "@std/assert";
import { RepositoryBusyError } from "../../src/repository/errors.ts";
import { whileCollecting, whileMaking } from "../../src/repository/objects/leases.ts";
import { KvStore } from "../../src/repository/objects/kv_store.ts";
import { pause } from "../../src/repository/poll.ts";

/** A store of objects in memory, with leases of 1500 ms. */
async function makeLeases() {
  const kv = await Deno.openKv(":memory:"), store = new KvStore(kv, "kv:test");
  return { store, leaseMs: 1500, [Symbol.dispose]: () => store.close() };
}

Deno.test("a collection of garbage never runs beside a version that is being made", async () => {
  using leases = await makeLeases();
  let making = 0, collecting = 0, made = 0, collected = 0;
  const make = async () => {
    for (let i = 0; i < 8; i++, await pause(20 * Math.random())) {
      await whileMaking(leases, async (lease) => {
        making++;
        assertEquals(collecting, 0);
        await pause(10 * Math.random());
        assertEquals(collecting, 0);
        lease.check();
        making--;
        made++;
      });
    }
  };
  const collect = async () => {
    for (let i = 0; i < 4; i++, await pause(50 * Math.random())) {
      await whileCollecting(leases, async (lease) => {
        collecting++;
        assertEquals([making, collecting], [0, 1]);
        await pause(10 * Math.random());
        assertEquals([making, collecting], [0, 1]);
        lease.check();
        collecting--;
        collected++;
      });
    }
  };
  const retry = async (work: () => Promise<void>) => { // few may wait for each other too long
    try {
      await work();
    } catch (error) {
      if (!(error instanceof RepositoryBusyError)) throw error;
    }
  };
  await Promise.all(
    [make(), make(), make(), collect(), collect()].map((work) => retry(() => work)),
  );
  assert(made > 8, `${made} made`);
  assert(collected > 0, `${collected} collected`);
});

Deno.test("who holds a lease for long renews it, and the other side waits", async () => {
  using leases = await makeLeases();
  const order: string[] = [];
  const collection = whileCollecting(leases, async (lease) => {
    await pause(1.8 * leases.leaseMs);
    lease.check();
    order.push("collected");
  });
  await pause(50);
  await assertRejects(
    () => whileMaking(leases, () => Promise.resolve(order.push("made"))),
    RepositoryBusyError,
  );
  await collection;
  await whileMaking(leases, () => Promise.resolve(order.push("made")));
  assertEquals(order, ["collected", "made"]);
});

Deno.test("who died with a lease is waited for as long as the lease, and forgotten", async () => {
  for (
    const [key, work] of [
      ["leases/collector", whileMaking],
      ["leases/collector", whileCollecting],
      ["leases/makers/one", whileCollecting],
    ] as const
  ) {
    using leases = await makeLeases();
    await leases.store.put(key, new Uint8Array(1));
    const begin = performance.now();
    await work(leases, () => Promise.resolve());
    const waited = performance.now() - begin;
    assert(waited > 0.9 * leases.leaseMs && waited < 2.5 * leases.leaseMs, `${key}: ${waited} ms`);
    const left = await Array.fromAsync(leases.store.list("leases/"), ({ key }) => key);
    assertEquals(left, key === "leases/collector" && work === whileMaking ? [key] : []);
  }
});

Deno.test("who cannot renew a lease stops before it ends", async () => {
  using leases = await makeLeases();
  await whileMaking(leases, async (lease) => {
    lease.check();
    for await (const { key } of leases.store.list("leases/makers/")) await leases.store.delete(key);
    await pause(leases.leaseMs / 3);
    try {
      lease.check();
    } catch (error) {
      assert(error instanceof RepositoryBusyError, String(error));
      return;
    }
    throw new Error("it went on");
  });
});
