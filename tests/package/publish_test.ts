/** What `deno publish` would publish: the sources that users need, and nothing else. */
import { assert, assertEquals } from "@std/assert";
import { releasedModel } from "../../src/repository/model_directory.ts";
import { root } from "./installed.ts";

Deno.test("the sources can be published, without slow types, tests, results or pictures", async () => {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--lock=deno.dev.lock", "--dry-run", "--allow-dirty"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stderr);
  assert(success, said);
  assert(!said.includes("slow-type"), said);
  const paths = [...said.matchAll(/^ +(file:\S+) \(/gm)]
    .map(([, url]) => decodeURIComponent(url).slice(`file://${root}`.length));
  const allowed = [
    /^(LICENSE|README\.md|deno\.json|mod\.ts)$/,
    /^(src|train)\/(?!.*assembly).*\.ts$/,
    /^train\/recipes\/[\w-]+\.json$/,
    new RegExp(`^${releasedModel}/[\\w.]+\\.(json|md|safetensors|onnx)$`),
  ];
  for (const path of paths) assert(allowed.some((kind) => kind.test(path)), path);
  const entries = ["mod.ts", "src/server.ts", "src/client/client.ts", "train/mod.ts"];
  for (
    const path of [...entries, `${releasedModel}/config.json`, "src/kernels/runtime/worker.ts"]
  ) {
    assert(paths.includes(path), `${path} is left out`);
  }
  assertEquals(paths.filter((path) => path.endsWith("manifest.json")), [], "it lists pictures");
});
