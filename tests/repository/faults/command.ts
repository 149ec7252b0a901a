/**
 * `deno task faults`: kills processes while they push, at as many random moments as are asked for.
 * @module
 */
import { type Command, exitCodes, runCommand, runProgram } from "../../../src/cli/command.ts";
import type { FlagValues } from "../../../src/cli/flags.ts";
import { killWorkers } from "./faults.ts";

const command: Command = {
  usage: "deno task faults [flags]",
  about: "Kills processes while they push versions and move aliases; checks what is there.",
  flags: {
    kills: {
      kind: "integer",
      range: [1, 100_000],
      help: "how many, of each store",
      default: "200",
    },
    repository: {
      kind: "string",
      help: "address of an empty repository instead of a directory and a KV file of its own",
    },
  },
  run,
};

async function run({ kills = 200, repository }: FlagValues): Promise<number> {
  const directory = await Deno.makeTempDir({ prefix: "faults-" });
  const addresses = repository === undefined
    ? [`${directory}/models`, `kv:${directory}/models.db`]
    : [repository as string];
  for (const address of addresses) {
    const begin = performance.now();
    const faults = await killWorkers(address, kills as number, (kill) => {
      if (kill % 20 === 0) console.log(`${address}: ${kill} kills`);
    });
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    console.log(
      `${address}: ${faults.kills} kills in ${seconds} s; ${faults.checked} versions read whole, ` +
        `${faults.completed} pushes completed by repeating them`,
    );
  }
  await Deno.remove(directory, { recursive: true });
  return exitCodes.done;
}

if (import.meta.main) await runProgram(() => runCommand(command, Deno.args));
