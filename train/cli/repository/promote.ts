/**
 * `dbn promote`: the candidate becomes production.
 * @module
 */
import { promoteCandidate } from "../../../src/client/aliases.ts";
import type { Command } from "../../../src/cli/command.ts";
import type { FlagValues } from "../../../src/cli/flags.ts";
import { addressFlag, modelFlag, readService, tokenFlags } from "./service_flags.ts";

/** `dbn promote`. */
export const command: Command = {
  usage: "deno task dbn promote [flags]",
  about: "Makes a service's candidate its production version, and ends the candidate.",
  flags: { to: addressFlag("URL of the service"), model: modelFlag, ...tokenFlags },
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const service = await readService(flags, "to");
  const { model, from, alias } = await promoteCandidate({
    ...service,
    model: flags.model as string | undefined,
  });
  console.log(`production of ${model}: ${from ?? "none"} → ${alias.version}`);
}
