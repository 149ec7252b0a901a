/**
 * Client or server killed at random moments of a push: what is in the repository is always whole versions, and
 * the same push again completes. `KILLS=200` kills as often.
 */
import { assert, assertEquals } from "@std/assert";
import { RepositoryClient } from "../../src/client/repository_client.ts";
import { describeVersion } from "../../src/repository/describe_version.ts";
import { openRepository } from "../../src/repository/open.ts";
import { MODEL, tokens } from "../http/repository/harness.ts";
import { delay } from "../serving/running_server.ts";
import { dbn, root } from "../train/cli/program.ts";
import { makeModel } from "./harness.ts";

const kills = Number(Deno.env.get("KILLS") ?? 12);
const environment = { DBN_TOKENS: tokens.all.entry, DBN_TOKEN: tokens.all.token, NO_COLOR: "1" };

/** Starts a service over a directory. */
async function startService(directory: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--lock=deno.dev.lock", "-A", "tests/client/serve_repository.ts", directory],
    cwd: root,
    env: environment,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const to = (await reader.read()).value!.trim();
  return {
    to,
    kill: async () => {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}

/** Starts `dbn push` of a directory. */
function startPush(path: string, to: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...dbn, "push", path, "--to", to, "--alias", "production"],
    cwd: root,
    env: environment,
    stdout: "null",
    stderr: "null",
  }).spawn();
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
  };
  return { kill, ended: child.status };
}

/** Every version is whole and what its manifest says, and aliases name versions that are there. */
async function checkRepository(directory: string): Promise<void> {
  const repository = await openRepository(directory);
  const versions = await repository.versions(MODEL);
  for (const ref of versions) {
    const { manifest } = (await repository.readManifest(ref))!;
    for (const file of manifest.files) await repository.readFile(ref, file);
  }
  for (const { version } of await repository.aliases(MODEL)) {
    assert(versions.some((entry) => entry.version === version), `${version} is not there`);
  }
  repository.close();
}

Deno.test(`of ${kills} pushes killed at random moments each leaves whole versions, and is completed by the same again`, async () => {
  const directory = await Deno.makeTempDir({ prefix: "killed " });
  let service = await startService(directory), interrupted = 0;
  const make = async (version: number) => {
    const model = await makeModel({ name: MODEL, version, seed: version });
    await Deno.writeFile(`${model.path}/more.bin`, new Uint8Array(2_000_000).fill(version));
    return model;
  };
  await using undisturbed = await make(kills + 1);
  const started = performance.now();
  assertEquals((await startPush(undisturbed.path, service.to).ended).code, 0);
  let wholeMs = performance.now() - started;
  for (let i = 1; i <= kills; i++) {
    await using model = await make(i);
    const push = startPush(model.path, service.to);
    // The process starts for a third of the time or so.
    await Promise.race([delay((0.3 + 0.7 * Math.random()) * wholeMs), push.ended]);
    const isServer = i % 2 === 0;
    if (isServer) await service.kill();
    push.kill();
    await push.ended;
    await checkRepository(directory);
    if (isServer) service = await startService(directory);
    const repository = await openRepository(directory);
    const [production] = await repository.aliases(MODEL);
    const isInterrupted = production?.version !== i;
    if (isInterrupted) interrupted++;
    wholeMs *= isInterrupted ? 1.1 : 0.7; // the speed of a shared machine changes meanwhile
    const { ended } = startPush(model.path, service.to);
    assertEquals((await ended).code, 0);
    const { digest } = await describeVersion(model.path);
    assertEquals((await repository.readManifest({ model: MODEL, version: i }))?.digest, digest);
    assertEquals((await repository.aliases(MODEL))[0].version, i);
    repository.close();
  }
  await checkRepository(directory);
  assert(interrupted > kills / 4, `only ${interrupted} were killed before their end`);
  const client = new RepositoryClient({ to: service.to, token: tokens.all.token });
  assertEquals((await client.versions(MODEL)).length, kills + 1);
  await service.kill();
  await Deno.remove(directory, { recursive: true });
});
