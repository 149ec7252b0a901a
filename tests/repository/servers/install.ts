/**
 * `deno task servers`: installs the servers that repositories are tested against, each by its own language's
 * package manager, beside the temporary files; says which are there.
 * @module
 */
import { type Command, exitCodes, runCommand, runProgram } from "../../../src/cli/command.ts";
import type { FlagValues } from "../../../src/cli/flags.ts";
import { home, missing, programs } from "./servers.ts";

type Name = keyof typeof programs;

/** Each server's commands: program and arguments, in a directory of its own. */
const installations: Record<Name, { tool: string; steps: string }> = {
  moto: {
    tool: "python3",
    steps: `python3 -m venv "$HOME_OF_SERVERS/moto"
      "$HOME_OF_SERVERS/moto/bin/pip" install --quiet --disable-pip-version-check "moto[server]==5.2.5"`,
  },
  seaweedfs: {
    tool: "go",
    steps: `module=github.com/seaweedfs/seaweedfs@v0.0.0-20261109003541-7506e5f91cd6
      source=$(go mod download -json "$module" | sed -n 's/^.*"Dir": "\\(.*\\)".*$/\\1/p')
      cp -r "$source" seaweedfs && chmod -R u+w seaweedfs && cd seaweedfs
      go build -o "$HOME_OF_SERVERS/bin/weed" ./weed`,
  },
  denokv: {
    tool: "cargo",
    steps: `cargo install --quiet --locked --root "$HOME_OF_SERVERS" denokv@0.14.0`,
  },
};

const command: Command = {
  usage: "deno task servers [server]",
  about: "Installs the servers that model repositories are tested against (minutes to build).",
  positionals: {
    server: { kind: "string", help: "which", choices: Object.keys(programs), isOptional: true },
  },
  flags: {},
  run,
};

async function run({ server }: FlagValues): Promise<number> {
  const names = server === undefined ? Object.keys(installations) as Name[] : [server as Name];
  await Deno.mkdir(`${home}/bin`, { recursive: true });
  let areAll = true;
  for (const name of names) {
    if (await missing(name) !== undefined) await install(name);
    const isThere = await missing(name) === undefined;
    console.log(`${name}: ${isThere ? programs[name] : "not installed"}`);
    areAll &&= isThere;
  }
  return areAll ? exitCodes.done : exitCodes.failed;
}

async function install(name: Name): Promise<void> {
  const { tool, steps } = installations[name];
  console.log(`${name}: installing by ${tool}`);
  const directory = await Deno.makeTempDir();
  const { code } = await new Deno.Command("bash", {
    args: ["-euo", "pipefail", "-c", steps],
    cwd: directory,
    env: { HOME_OF_SERVERS: home },
  }).output();
  await Deno.remove(directory, { recursive: true });
  if (code !== 0) console.error(`${name}: ${tool} ended with code ${code}; is it on this machine?`);
}

if (import.meta.main) await runProgram(() => runCommand(command, Deno.args));
