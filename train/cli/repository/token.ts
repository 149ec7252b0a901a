/**
 * `dbn token`: a new token, printed once, and the line that makes a service know it.
 * @module
 */
import { createToken, type Scope, scopes, TokenError } from "../../../src/http/tokens.ts";
import type { Command } from "../../../src/cli/command.ts";
import { shown } from "../../../src/outside/shown.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../../src/cli/flags.ts";

const flagTable: FlagTable = {
  name: {
    kind: "string",
    help: "whom it is for, as the log and the history of aliases will say",
    default: "ci",
  },
  scopes: {
    kind: "string",
    help: `what it may do, with commas between: ${scopes.join(", ")}`,
    default: "push,promote",
  },
};

/** `dbn token`. */
export const command: Command = {
  usage: "deno task dbn token [flags]",
  about:
    `Makes a token for pushing to a service. The service knows its SHA-256 alone; the token itself is
shown once. Several are good at once, so that a new one is in use before the old one ends.`,
  flags: flagTable,
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const name = (flags.name ?? "ci") as string;
  const given = ((flags.scopes ?? "push,promote") as string).split(",").map((text) => text.trim());
  const wrong = given.find((scope) => !scopes.includes(scope as Scope));
  if (wrong !== undefined) {
    throw new FlagError(
      `--scopes must be some of ${scopes.join(", ")}, got ${JSON.stringify(wrong)}`,
    );
  }
  const { token, entry } = await createToken({ name, scopes: given as Scope[] })
    .catch((error) => throwAsFlagError(error, name));
  console.log(`${token}

The line above is the token, shown once. Who pushes has it in the variable DBN_TOKEN or in the file of
--token-file. The service is started with the line below in the variable DBN_TOKENS (with ; between
lines) or in a file: deno task start --tokens FILE

${entry}`);
}

function throwAsFlagError(error: unknown, name: string): never {
  if (!(error instanceof TokenError)) throw error;
  throw new FlagError(
    `--name must be 1 to 64 letters, digits, '_', '.', '@' or '-', got ${shown(name)}`,
    { cause: error },
  );
}
