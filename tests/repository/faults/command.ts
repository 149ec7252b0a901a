/**
 * `deno task faults`: kills processes while they push, at as many random moments as are asked for.
 * @module
 */
import { type Command, exitCodes, runCommand, runProgram } from "../../../src/cli/command.ts";
import { FlagError, type FlagValues } from "../../../src/cli/flags.ts";
import {
  credentials,
  kvToken,
  makeBucket,
  missing,
  type Server,
  startDenokv,
  startMoto,
  startSeaweed,
} from "../servers/servers.ts";
import { killWorkers } from "./faults.ts";
import { killServer } from "./stores.ts";

const starts = { denokv: startDenokv, seaweedfs: startSeaweed, moto: startMoto };
const serverNames = Object.keys(starts) as (keyof typeof starts)[];

const command: Command = {
  usage: "deno task faults [flags]",
  about: "Kills processes while they push versions and move aliases; checks what is there.",
  flags: {
    kills: { kind: "integer", range: [1, 100_000], help: "how many", default: "200" },
    store: {
      kind: "string",
      choices: ["directory", "kv", ...serverNames],
      help: "what is pushed to (a directory and a KV file)",
    },
    victim: {
      kind: "string",
      choices: ["client", "server"],
      help: "what is killed; moto's data die with it",
      default: "client",
    },
  },
  run,
};

async function run({ kills = 200, store, victim = "client" }: FlagValues): Promise<number> {
  const stores = store === undefined ? ["directory", "kv"] : [store as string];
  for (const name of stores) {
    await using opened = await openStore(name);
    const begin = performance.now();
    if (victim === "server" && (!opened.server || name === "moto")) {
      throw new FlagError(`--victim server needs --store denokv or seaweedfs, got ${name}`);
    }
    const faults = victim === "server"
      ? await killServer(opened.server!, opened.address, kills as number)
      : await killWorkers(opened.address, kills as number, (kill) => {
        if (kill % 20 === 0) console.log(`${name}: ${kill} kills`);
      });
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    console.log(
      `${name}: ${faults.kills} kills in ${seconds} s; ${faults.checked} versions read whole, ` +
        `${faults.completed} pushes completed by repeating them`,
    );
  }
  return exitCodes.done;
}

/** An empty store: files, or a server of its own. */
async function openStore(name: string) {
  const directory = await Deno.makeTempDir({ prefix: "faults-" });
  const server = await startServer(name);
  return {
    server,
    address: await addressOf(name, directory, server),
    async [Symbol.asyncDispose]() {
      await server?.[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function startServer(name: string): Promise<Server | undefined> {
  const server = serverNames.find((each) => each === name);
  if (!server) return undefined;
  const reason = await missing(server);
  if (reason !== undefined) throw new FlagError(`${server} is not installed: ${reason}`);
  return await starts[server]();
}

async function addressOf(name: string, directory: string, server?: Server): Promise<string> {
  if (!server) return name === "kv" ? `kv:${directory}/models.db` : directory;
  const url = `http://127.0.0.1:${server.port}`;
  if (name === "denokv") {
    Deno.env.set("DENO_KV_ACCESS_TOKEN", kvToken);
    return `kv:${url}`;
  }
  for (const [variable, value] of Object.entries(credentials)) Deno.env.set(variable, value);
  Deno.env.set("AWS_ENDPOINT_URL", url);
  await makeBucket(server);
  return "s3://models/faults";
}

if (import.meta.main) await runProgram(() => runCommand(command, Deno.args));
