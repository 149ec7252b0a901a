/**
 * `dbn token`: a new token, printed once, and the line that makes a service know it.
 * @module
 */
import { createToken, type Scope, scopes, TokenError } from "../../../src/http/tokens.ts";
import type { Command } from "../../../src/cli/command.ts";
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
  const { token, entry } = await createToken({ name, scopes: given as Scope[] }).catch(asFlagError);
  console.log(`${token}

This is the token, shown once: give it to \`dbn push\` as DBN_TOKEN or in a file.
The service gets this line, in DBN_TOKENS (with ; between entries) or in the file of --tokens:

${entry}`);
}

function asFlagError(error: unknown): never {
  throw error instanceof TokenError
    ? new FlagError(
      "--name must be 1 to 64 letters, digits, '_', '.', '@' or '-'",
      { cause: error },
    )
    : error;
}
