import { assertEquals } from "@std/assert";
import { ObjectRepository } from "../../src/repository/objects/object_repository.ts";
import type { S3Bucket } from "../../src/repository/objects/s3_client.ts";
import { S3Store } from "../../src/repository/objects/s3_store.ts";
import { type Store, testConformance } from "./conformance.ts";
import { objectsStore } from "./object_stores.ts";
import {
  makeBucket,
  missing,
  type programs,
  type Server,
  startMoto,
  startSeaweed,
} from "./servers/servers.ts";

const starts = { moto: startMoto, seaweedfs: startSeaweed } satisfies Partial<
  Record<keyof typeof programs, () => Promise<Server>>
>;

/** A prefix of its own in a bucket. */
function makeStore(bucket: S3Bucket): Store {
  const prefix = `${crypto.randomUUID()}/`;
  const openObjects = () =>
    Promise.resolve(new S3Store(bucket, prefix, { pollMs: 100, pageKeys: 3 }));
  return objectsStore({
    openObjects,
    openRepository: async () => new ObjectRepository(await openObjects()),
    remove: () => Promise.resolve(),
  });
}

for (const name of ["moto", "seaweedfs"] as const) {
  const reason = await missing(name);
  let server: Server | undefined, bucket: S3Bucket | undefined;
  if (reason === undefined) {
    Deno.test.beforeAll(async () => {
      server = await starts[name]();
      bucket = await makeBucket(server);
    });
    Deno.test.afterAll(async () => await server?.[Symbol.asyncDispose]());
  }
  Deno.test({
    name: `s3 (${name}): a list has more keys than a page holds`,
    ignore: reason !== undefined,
    fn: async () => {
      const store = new S3Store(bucket!, `${crypto.randomUUID()}/`);
      const keys = Array.from({ length: 1_105 }, (_, i) => `many/${String(i).padStart(5, "0")}`);
      for (let i = 0; i < keys.length; i += 20) {
        await Promise.all(keys.slice(i, i + 20).map((key) => store.put(key, new Uint8Array(1))));
      }
      await store.put("manyother", new Uint8Array(1));
      const listed = await Array.fromAsync(store.list("many/"), ({ key }) => key);
      assertEquals(listed, keys);
    },
  });
  testConformance(`s3 (${name})`, () => Promise.resolve(makeStore(bucket!)), reason);
}
