import { openRepository } from "../../src/repository/open.ts";
import { KvStore } from "../../src/repository/objects/kv_store.ts";
import { testConformance } from "./conformance.ts";
import { objectsStore } from "./object_stores.ts";
import { kvToken, missing, type Server, startDenokv } from "./servers/servers.ts";

const reason = await missing("denokv");
let server: Server | undefined;
if (reason === undefined) {
  Deno.test.beforeAll(async () => {
    Deno.env.set("DENO_KV_ACCESS_TOKEN", kvToken);
    server = await startDenokv();
  });
  Deno.test.afterAll(async () => await server?.[Symbol.asyncDispose]());
}

/** The server's one KV, empty. */
async function makeStore() {
  const url = `http://127.0.0.1:${server!.port}`;
  const kv = await Deno.openKv(url);
  for await (const { key } of kv.list({ prefix: [] })) await kv.delete(key);
  kv.close();
  return objectsStore({
    openRepository: () => openRepository(`kv:${url}`, { pollMs: 200 }),
    openObjects: async () => new KvStore(await Deno.openKv(url), "kv:test"),
    remove: () => Promise.resolve(),
  });
}

testConformance("kv on a server (denokv)", makeStore, reason);
