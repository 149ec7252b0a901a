import { assert, assertEquals } from "@std/assert";
import { openRepository } from "../../src/repository/open.ts";
import { MODEL, push } from "./conformance.ts";

/** Tells each revision of an alias that it sees, as soon as it is told of a change. */
const watcher = `
  import { openRepository } from ${
  JSON.stringify(new URL("../../src/repository/open.ts", import.meta.url).href)
};
  const repository = await openRepository(Deno.args[0]);
  for await (const _ of repository.changes("digits", AbortSignal.timeout(60_000))) {
    console.log((await repository.aliases("digits"))[0]?.revision ?? 0);
  }`;

for (const store of ["directory", "kv"]) {
  Deno.test(`${store}: three processes see a move of an alias within seconds`, async () => {
    const directory = await Deno.makeTempDir();
    const address = store === "kv" ? `kv:${directory}/models.db` : `${directory}/models`;
    await Deno.writeTextFile(`${directory}/watcher.ts`, watcher);
    const repository = await openRepository(address);
    await push(repository, { "a.txt": "a" });
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const processes = [1, 2, 3].map(() =>
      new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "-A", "--no-lock", "--no-check", `--config=${config}`],
          ...[`${directory}/watcher.ts`, address],
        ],
        ...{ stdout: "piped", stderr: "inherit" },
      }).spawn()
    );
    const outputs = processes.map(({ stdout }) =>
      stdout.pipeThrough(new TextDecoderStream()).getReader()
    );
    const waitFor = async (revision: number) => {
      await Promise.all(outputs.map(async (output) => {
        for (let seen = ""; !seen.split("\n").includes(String(revision));) {
          const { value, done } = await output.read();
          assert(!done, `a process ended after ${seen}`);
          seen += value;
        }
      }));
    };
    await waitFor(0);
    for (const revision of [1, 2]) {
      await repository.moveAlias(MODEL, "production", { version: 1, by: "test" });
      const begin = performance.now();
      await waitFor(revision);
      const ms = performance.now() - begin;
      assert(ms < 3500, `took ${ms} ms`);
    }
    for (const process of processes) process.kill("SIGKILL");
    for (const output of outputs) await output.cancel();
    const ends = await Promise.all(processes.map(({ status }) => status));
    assertEquals(ends.map(({ signal }) => signal), ["SIGKILL", "SIGKILL", "SIGKILL"]);
    repository.close();
    await Deno.remove(directory, { recursive: true });
  });
}
