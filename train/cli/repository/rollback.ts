/**
 * `dbn rollback`: production goes back to what it named before.
 * @module
 */
import { rollBack } from "../../../src/client/aliases.ts";
import type { Command } from "../../../src/cli/command.ts";
import type { FlagValues } from "../../../src/cli/flags.ts";
import { addressFlag, modelFlag, readService, tokenFlags } from "./service_flags.ts";

/** `dbn rollback`. */
export const command: Command = {
  usage: "deno task dbn rollback [flags]",
  about:
    `Makes the version that production named before its last move production again; twice is back
where it was. The version is still loaded if the move was not long ago, so that it answers at once.`,
  flags: { to: addressFlag("URL of the service"), model: modelFlag, ...tokenFlags },
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const service = await readService(flags, "to");
  const { model, from, alias } = await rollBack({
    ...service,
    model: flags.model as string | undefined,
  });
  console.log(`production of ${model}: ${from ?? "none"} → ${alias.version}`);
}
