/** Pushes to a server as users start it: the whole way from a directory to answers. */
import { assert, assertEquals } from "@std/assert";
import { rollBack } from "../../src/client/aliases.ts";
import { pushModel } from "../../src/client/push.ts";
import { PROBE_FILE } from "../../src/format/probe.ts";
import { saveModel } from "../../src/repository/model_directory.ts";
import { tokens } from "../http/repository/harness.ts";
import { tinyModel } from "../model/tiny_model.ts";
import { tinyProbe } from "../model/tiny_probe.ts";
import { startBy } from "../serving/running_server.ts";

/** A model directory of another name, that answers its probe. */
async function makeModel(seed: number) {
  const path = await Deno.makeTempDir({ prefix: "pushed " }), model = tinyModel({ seed });
  await saveModel(path, model);
  await Deno.writeFile(`${path}/${PROBE_FILE}`, await tinyProbe(model));
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Status and version of one classification. */
async function classify(origin: string): Promise<[status: number, version: number]> {
  const response = await fetch(`${origin}/classify`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: new Uint8Array(784).map((_, i) => i % 200),
  });
  await response.body?.cancel();
  return [response.status, Number(response.headers.get("model-version"))];
}

Deno.test("what is pushed to a running server answers next, and after kill −9 and a start too", async () => {
  const directory = await Deno.makeTempDir({ prefix: "served " });
  const file = `${directory}/tokens`, repository = `${directory}/models`;
  await Deno.mkdir(repository);
  await Deno.writeTextFile(file, tokens.all.entry);
  const command = [Deno.execPath(), "run", "--no-prompt", "-A", "src/serve.ts"];
  const start = () => startBy(command, ["--repository", repository, "--tokens", file]);
  let server = await start();
  const options = () => ({ to: server.origin, token: tokens.all.token });
  const [status, bundled] = await classify(server.origin);
  assertEquals(status, 200);
  const pushed: number[] = [];
  for (const seed of [1, 2]) {
    await using model = await makeModel(seed);
    const { model: name, version } = await pushModel(model.path, {
      ...options(),
      alias: "production",
    });
    assertEquals(name, "mnist-dbn");
    assertEquals(await classify(server.origin), [200, version]);
    pushed.push(version);
  }
  assert(bundled > 0 && pushed[0] !== pushed[1], `${pushed}`);
  const [first, second] = pushed;
  assertEquals((await rollBack(options())).alias.version, first);
  assertEquals(await classify(server.origin), [200, first]);
  await server.stop("SIGKILL");
  server = await start();
  assertEquals(await classify(server.origin), [200, first]);
  assertEquals((await rollBack(options())).alias.version, second);
  assertEquals(await classify(server.origin), [200, second]);
  assertEquals((await server.stop()).code, 0);
  assert(!server.log().includes(tokens.all.token));
  await Deno.remove(directory, { recursive: true });
});
