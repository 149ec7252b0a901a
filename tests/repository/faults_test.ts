import { assert } from "@std/assert";
import { killWorkers } from "./faults/faults.ts";
import { killServer } from "./faults/stores.ts";
import { kvToken, missing, startDenokv } from "./servers/servers.ts";

for (const store of ["directory", "kv"]) {
  Deno.test(`${store}: a process killed at any moment leaves whole versions alone`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "faults-" });
    const address = store === "kv" ? `kv:${directory}/models.db` : directory;
    const { checked } = await killWorkers(address, 6);
    assert(checked > 0, "no version was ever pushed");
    await Deno.remove(directory, { recursive: true });
  });
}

const reason = await missing("denokv");
Deno.test({
  name: `kv on a server (denokv): killed at any moment it has whole versions alone${
    reason ? ` (skipped: ${reason})` : ""
  }`,
  ignore: reason !== undefined,
  fn: async () => {
    Deno.env.set("DENO_KV_ACCESS_TOKEN", kvToken);
    await using server = await startDenokv();
    const { versions } = await killServer(server, `kv:http://127.0.0.1:${server.port}`, 4);
    assert(versions > 0, "no version was ever pushed");
  },
});
