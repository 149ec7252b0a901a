/**
 * The routes of Triton's model repository extension, called by PyPI's tritonclient. Its argument is the Python
 * that has it.
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  bearer,
  json,
  MODEL,
  pushVersion,
  repositoryApp,
  tokens,
} from "../http/repository/harness.ts";

const { app, models } = repositoryApp();
for (const version of [2, 3]) await pushVersion(app, version, { "config.json": `${version}` });
models.bad.set(3, "its probe differs");
const move = json("PUT", { version: 2 }, { ...bearer(), "if-none-match": "*" });
assertEquals(
  (await app.request(`/v2/repository/models/${MODEL}/aliases/production`, move)).status,
  201,
);
models.calls.length = 0;
const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, app.fetch);
const { code, stdout, stderr } = await new Deno.Command(Deno.args[0], {
  args: ["tests/judges/repository.py", `127.0.0.1:${server.addr.port}`, tokens.promote.token],
}).output();
await server.shutdown();
assertEquals(code, 0, new TextDecoder().decode(stderr));
assertEquals(JSON.parse(new TextDecoder().decode(stdout)), {
  index: [
    { name: MODEL, version: "1", state: "READY", reason: "" },
    { name: MODEL, version: "2", state: "READY", reason: "" },
    { name: MODEL, version: "3", state: "UNAVAILABLE", reason: "its probe differs" },
  ],
  load: "done",
  loadOther: `This service serves ${MODEL}, not other`,
  loadWithout: "A token is needed: Authorization: Bearer …",
  loadConfig: 'parameters has the members version, got "config"',
  unload:
    'parameters.version must be given: a model whose alias names it stays loaded, {"parameters": {"version": 2}} unloads one version',
});
assertEquals(models.calls, ["sync"]);
console.log("ok: tritonclient lists and loads versions, and reads why it cannot");
