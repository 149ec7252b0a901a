import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { FlagError } from "../../../src/cli/flags.ts";
import { loadModel } from "../../../src/repository/model_directory.ts";
import { lockFirstNew, lockOutput, lockRun } from "../../../train/run/lock.ts";
import { root, shellEnvironment, tiny } from "./program.ts";

const directory = await Deno.makeTempDir();

/** A training in a directory of its own, as a child process. */
function start(...args: string[]): { pid: number; text(): string; child: Deno.ChildProcess } {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", `--lock=${root}deno.dev.lock`, `--config=${root}deno.json`, "-A"],
      ...[`${root}train/cli/dbn.ts`, "train", ...args],
    ],
    cwd: directory,
    env: shellEnvironment,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    (async () => {
      for await (const chunk of stream.pipeThrough(new TextDecoderStream())) text += chunk;
    })();
  }
  return { pid: child.pid, text: () => text, child };
}

async function finish(running: ReturnType<typeof start>): Promise<number> {
  return (await running.child.status).code;
}

async function until(what: () => boolean, text: () => string): Promise<void> {
  for (let i = 0; !what(); i++) {
    assert(i < 3000, text());
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const long = tiny.with(tiny.indexOf("--epochs") + 1, "5000");

Deno.test("a second training on a run or an output is refused, and one after a killed one goes on", async () => {
  const first = start(...long, "--run", "r", "--out", "m/1");
  await until(() => first.text().includes("rbm1 2/5000"), first.text);
  const sameRun = start("--resume", "--run", "r", "--out", "m/2");
  assertEquals(await finish(sameRun), 2, sameRun.text());
  const refused = `another training is at work there (process ${first.pid})`;
  assert(sameRun.text().includes(`--run r: ${refused}`), sameRun.text());
  const sameOut = start(...tiny, "--run", "s", "--out", "m/1", "--force");
  assertEquals(await finish(sameOut), 2, sameOut.text());
  assert(sameOut.text().includes(`--out m/1: ${refused}`), sameOut.text());
  await assertRejects(() => Deno.stat(join(directory, "s")), Deno.errors.NotFound); // nothing is left

  first.child.kill("SIGKILL");
  await finish(first);
  assert((await Deno.stat(join(directory, "r", ".lock"))).isFile);
  const next = start(...tiny, "--restart", "--run", "r", "--out", "m/1");
  assertEquals(await finish(next), 0, next.text());
  const names = (path: string) =>
    [...Deno.readDirSync(join(directory, path))].map(({ name }) => name).sort();
  assertEquals(names("m"), ["1"]);
  assertEquals(names("r"), ["checkpoint.safetensors", "log.jsonl", "result.json"]);
});

Deno.test("two trainings at once without --out write two versions", async () => {
  const both = [start(...tiny, "--run", "a"), start(...tiny, "--run", "b", "--seed", "2")];
  for (const one of both) assertEquals(await finish(one), 0, one.text());
  const outs = both.map((one) => /model: (.*)/.exec(one.text())![1]);
  assertEquals(outs.toSorted(), ["models/mnist-dbn-quick/1", "models/mnist-dbn-quick/2"]);
  for (const [i, out] of outs.entries()) {
    const { config } = await loadModel(join(directory, out));
    assertEquals((config.training as { recipe: { seed: number } }).recipe.seed, i + 1);
    assertEquals(config.version, Number(out.at(-1)));
  }
  const left = [...Deno.readDirSync(join(directory, "models/mnist-dbn-quick"))];
  assertEquals(left.map(({ name }) => name).sort(), ["1", "2"]);
});

Deno.test("a lock is free again after it, and leaves nothing", async () => {
  const run = join(directory, "new/run"), out = join(directory, "new/m/1");
  for (let i = 0; i < 2; i++) {
    using _run = await lockRun(run);
    using _out = await lockOutput(out);
    await assertRejects(() => lockRun(run), FlagError, `--run ${run}: another training`);
    await assertRejects(() => lockOutput(out), FlagError, `(process ${Deno.pid})`);
  }
  await assertRejects(() => Deno.stat(join(directory, "new")), Deno.errors.NotFound);
});

Deno.test("the first new directory is one that nobody holds and that is not there", async () => {
  const at = (name: string) => join(directory, "first", name);
  await Deno.mkdir(at("1"), { recursive: true });
  using _held = await lockOutput(at("2"));
  const { directory: found, lock } = await lockFirstNew(["1", "2", "3"].map(at));
  lock[Symbol.dispose]();
  assertEquals(found, at("3"));
  await assertRejects(() => lockFirstNew([at("1"), at("2")]), RangeError, "Cannot lock an output");
});

Deno.test("Ctrl-C while results are written leaves none of them, and says how to write them", async () => {
  const whole = start(...tiny, "--run", "whole", "--out", "w/1");
  assertEquals(await finish(whole), 0, whole.text());
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const stopped = start(...tiny, "--restart", "--run", "stopped", "--out", "s/1");
    await until(() => stopped.text().includes("writing s/1"), stopped.text);
    stopped.child.kill(signal);
    assertEquals(await finish(stopped), 130, stopped.text());
    assert(stopped.text().includes("interrupted; s/1 is not written\nwrite it with: "));
    await assertRejects(() => Deno.stat(join(directory, "s")), Deno.errors.NotFound);
  }
  const again = start("--resume", "--run", "stopped", "--out", "s/1");
  assertEquals(await finish(again), 0, again.text());
  const [first, second] = await Promise.all(
    ["w/1", "s/1"].map((m) => loadModel(`${directory}/${m}`)),
  );
  assertEquals(second.config.sha256, first.config.sha256);
  assertEquals([...Deno.readDirSync(join(directory, "s"))].map(({ name }) => name), ["1"]);
});
