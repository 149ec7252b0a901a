import { assert, assertEquals } from "@std/assert";
import { commands } from "../../../train/cli/dbn.ts";
import { root, run, shell } from "./program.ts";

for (const name of Object.keys(commands)) {
  Deno.test(`dbn ${name} -h prints its flags`, async () => {
    const { code, out, err } = await run(name, "-h");
    assertEquals([code, err], [0, ""]);
    assert(out.startsWith("Usage: deno task "), out);
    const { flags } = (await commands[name].load()).command;
    for (const flag of Object.keys(flags)) assert(out.includes(`  --${flag} `), `${name} ${flag}`);
  });
}

Deno.test("dbn lists its commands, and help NAME tells of one", async () => {
  const plain = await run();
  for (const args of [["-h"], ["--help"], ["help"]]) assertEquals(await run(...args), plain);
  assertEquals([plain.code, plain.err], [0, ""]);
  for (const name of Object.keys(commands)) assert(plain.out.includes(`  ${name} `), name);
  assertEquals(await run("help", "train"), await run("train", "--help"));
});

Deno.test("a misspelt command or flag names the nearest", async () => {
  const cases: [string[], string][] = [
    [["trian"], "Unknown command trian; did you mean train?"],
    [["train", "--epoch", "3"], "Unknown argument --epoch; did you mean --epochs?"],
    [["help", "evalute"], "Unknown command evalute; did you mean evaluate?"],
    [["dream"], "Unknown command dream; the commands are train, evaluate, "],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await run(...args);
    assertEquals([code, out, err.trim().split("\n").length], [2, "", 1]);
    assert(err.includes(message), `${err} lacks ${message}`);
  }
});

/** Tasks that run commands of Deno itself. */
const denoTasks = ["check", "fmt", "ok", "api", "lint-api", "publish-check"];

/** Tasks that pass what follows them to a program of ours. */
const tasks = Object.entries(
  JSON.parse(await Deno.readTextFile(`${root}deno.json`)).tasks as Record<
    string,
    { command: string }
  >,
).filter(([name]) => !denoTasks.includes(name)).map(([name]) => name);

for (const task of tasks) {
  Deno.test(`deno task ${task} --help prints help and does nothing else`, async () => {
    const { code, out, err } = await shell(`'${Deno.execPath()}' task --quiet ${task} --help`);
    assertEquals(code, 0, err);
    assert(out.startsWith("Usage: deno task "), out);
  });
}
