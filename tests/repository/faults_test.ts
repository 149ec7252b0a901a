import { assert } from "@std/assert";
import { killWorkers } from "./faults/faults.ts";

for (const store of ["directory", "kv"]) {
  Deno.test(`${store}: a process killed at any moment leaves whole versions alone`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "faults-" });
    const address = store === "kv" ? `kv:${directory}/models.db` : directory;
    const { checked } = await killWorkers(address, 6);
    assert(checked > 0, "no version was ever pushed");
    await Deno.remove(directory, { recursive: true });
  });
}
