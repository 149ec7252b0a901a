/**
 * The entry point as Deno Deploy runs it: no flags, settings from the environment alone, another working
 * directory, no disk to write to but the KV's, no second process.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { pushModel } from "../../src/client/push.ts";
import { PROBE_FILE } from "../../src/format/probe.ts";
import { saveModel } from "../../src/repository/model_directory.ts";
import { tinyModel } from "../model/tiny_model.ts";
import { tinyProbe } from "../model/tiny_probe.ts";
import { delay, type RunningServer, startBy } from "./running_server.ts";

const root = new URL("../../", import.meta.url).pathname;
const token = `dbn_${"A".repeat(43)}`;

/** The lines that make the token known: see docs/pushing.md. */
async function tokenLine(): Promise<string> {
  const bytes = new TextEncoder().encode(token);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `ci:push,promote:${digest.toHex()}`;
}

async function startAsDeploy(
  kv: string,
  variables: Record<string, string>,
): Promise<RunningServer> {
  const { unstable } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  assertEquals(unstable, ["kv"], "what Deploy reads instead of flags");
  const permissions = ["--allow-net", "--allow-read", "--allow-env", `--allow-write=${kv}`];
  const run = [Deno.execPath(), "run", "--no-prompt", ...permissions, `--config=${root}deno.json`];
  return await startBy([...run, `${root}src/serve.ts`], [], {
    directory: await Deno.makeTempDir(),
    withPortFlag: false,
    env: { PORT: "0", ...variables },
  });
}

async function version(origin: string): Promise<string | null> {
  const response = await fetch(`${origin}/generate?steps=1&seed=3`);
  await response.bytes();
  assertEquals(response.status, 200);
  return response.headers.get("model-version");
}

Deno.test("on Deploy the bundled model answers, and a pushed version outlives the isolate", async () => {
  const kv = `${await Deno.makeTempDir()}/kv`;
  await Deno.mkdir(kv);
  const variables = { DBN_REPOSITORY: `kv:${kv}/models.sqlite3`, DBN_TOKENS: await tokenLine() };
  const first = await startAsDeploy(kv, variables);
  assertEquals(await version(first.origin), "3");
  const path = await Deno.makeTempDir(), model = tinyModel();
  await saveModel(path, model);
  await Deno.writeFile(`${path}/${PROBE_FILE}`, await tinyProbe(model));
  const pushed = await pushModel(path, { to: first.origin, token, alias: "production" });
  assertEquals([pushed.model, await version(first.origin)], ["mnist-dbn", `${pushed.version}`]);
  assertEquals((await first.stop()).code, 0);
  const second = await startAsDeploy(kv, variables);
  assertEquals(await version(second.origin), `${pushed.version}`, "from its first answer");
  assertEquals((await second.stop()).code, 0);
});

Deno.test("where the repository does not answer the bundled model does, and readiness says so", async () => {
  const kv = await Deno.makeTempDir();
  const server = await startAsDeploy(kv, {
    DBN_REPOSITORY: "s3://models/dbn",
    AWS_ENDPOINT_URL: "http://127.0.0.1:9", // the port of discard: nobody listens
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "very-secret",
  });
  assertEquals(await version(server.origin), "3");
  const ready = await (await fetch(`${server.origin}/health/ready`)).json();
  assertEquals([ready.status, ready.version], ["ready", 3]);
  assertMatch(ready.fallback, /s3:\/\/models\/dbn/);
  await delay(100);
  await server.stop();
  assert(!server.log().includes("very-secret") && !ready.fallback.includes("very-secret"));
});
