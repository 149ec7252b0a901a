/**
 * `dbn versions`: what a service's repository has, and what answers.
 * @module
 */
import { type ListedVersion, RepositoryClient } from "../../../src/client/repository_client.ts";
import type { Command } from "../../../src/cli/command.ts";
import type { FlagValues } from "../../../src/cli/flags.ts";
import { cut } from "../../../src/outside/shown.ts";
import { formatAlias, formatBytes, formatRows } from "./format.ts";
import { addressFlag, modelFlag, readService, tokenFlags } from "./service_flags.ts";

const DIGITS_OF_DIGEST = 12;
/** Why Triton's index calls a version unavailable that is only not in memory. */
const UNLOADED = "unloaded";

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
  const rows = versions.map((listed) => [
    `${model}/${listed.version}`,
    listed.digest.slice(0, DIGITS_OF_DIGEST),
    formatBytes(listed.size),
    stateOf(listed),
    [...aliases.values()].filter(({ version }) => version === listed.version).map(formatAlias)
      .join(", "),
    isRefused(listed) ? cut(listed.reason) : "",
  ]);
  const why = versions.some(isRefused) ? "why" : "";
  console.log(formatRows([["version", "digest", "size", "state", "aliases", why], ...rows]));
}

/** As `GET /v2/models/{model}/versions/{v}` says it. */
function stateOf(listed: ListedVersion): string {
  if (isRefused(listed)) return "refused";
  return listed.reason === UNLOADED ? UNLOADED : listed.state.toLowerCase();
}

function isRefused({ reason }: ListedVersion): boolean {
  return reason !== "" && reason !== UNLOADED;
}
