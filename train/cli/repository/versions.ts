/**
 * `dbn versions`: what a service's repository has, and what answers.
 * @module
 */
import { RepositoryClient } from "../../../src/client/repository_client.ts";
import type { Command } from "../../../src/cli/command.ts";
import type { FlagValues } from "../../../src/cli/flags.ts";
import { cut } from "../../../src/outside/shown.ts";
import { formatAlias, formatBytes, formatRows } from "./format.ts";
import { addressFlag, modelFlag, readService, tokenFlags } from "./service_flags.ts";

const DIGITS_OF_DIGEST = 12;

/** `dbn versions`. */
export const command: Command = {
  usage: "deno task dbn versions [flags]",
  about: "Lists the versions that a service's repository has, with their aliases and states.",
  flags: {
    from: addressFlag("URL of the service"),
    model: modelFlag,
    json: { kind: "boolean", help: "print one JSON object" },
    ...tokenFlags,
  },
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const client = new RepositoryClient(await readService(flags, "from"));
  const model = (flags.model ?? await client.servedModel()) as string;
  const [versions, aliases] = await Promise.all([client.versions(model), client.aliases(model)]);
  if (flags.json) {
    return console.log(JSON.stringify({ model, versions, aliases: [...aliases.values()] }));
  }
  if (versions.length === 0) return console.log(`there is no version of ${model} yet`);
  const rows = versions.map(({ version, digest, size, state, reason }) => [
    `${model}/${version}`,
    digest.slice(0, DIGITS_OF_DIGEST),
    formatBytes(size),
    state.toLowerCase(),
    [
      ...[...aliases.values()].filter((alias) => alias.version === version).map(formatAlias),
      ...reason === "" || reason === "unloaded" ? [] : [cut(reason)],
    ].join(", "),
  ]);
  console.log(formatRows([["version", "digest", "size", "state", "aliases"], ...rows]));
}
