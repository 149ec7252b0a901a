/**
 * Which service a command asks, and with which token.
 * @module
 */
import process from "node:process";
import { Connection, type ServiceOptions } from "../../../src/client/connection.ts";
import { PushError } from "../../../src/client/errors.ts";
import {
  FlagError,
  type FlagRow,
  type FlagTable,
  type FlagValues,
} from "../../../src/cli/flags.ts";
import { FileRefused, readRegularFile } from "../../../src/outside/regular_file.ts";
import { isNotFound } from "../../../src/outside/system_failure.ts";
import { visible } from "../../../src/outside/shown.ts";

const DEFAULT_SERVICE = "http://localhost:8000";
const MAX_TOKEN_FILE_BYTES = 4096;

/** A row for the service's address. */
export function addressFlag(help: string): FlagRow {
  return { kind: "string", help, default: `$DBN_SERVICE, or ${DEFAULT_SERVICE}` };
}

/** The token, and the model where it is not the served one. */
export const tokenFlags: FlagTable = {
  "token-file": { kind: "path", help: "file that holds the token", default: "$DBN_TOKEN" },
};

/** A row for the model. */
export const modelFlag: FlagRow = {
  kind: "string",
  help: "name of the model",
  default: "the one that is served",
};

/** What the flags say of the service. @throws {FlagError} naming the flag; never the token */
export async function readService(
  flags: FlagValues,
  address: "to" | "from",
): Promise<ServiceOptions> {
  const given = flags[address] as string | undefined;
  const to = given ?? process.env.DBN_SERVICE ?? DEFAULT_SERVICE;
  const file = flags["token-file"] as string | undefined, token = await readToken(file);
  const options: ServiceOptions = { to, token, onRetry: tellRetry };
  const { origin } = connect(given === undefined ? "DBN_SERVICE" : `--${address}`, { to });
  connect(file === undefined ? "DBN_TOKEN" : `--token-file ${file}`, options);
  warnOfPlainText(origin, token);
  return options;
}

/** @throws {FlagError} naming what the address or the token came from */
function connect(source: string, options: ServiceOptions): Connection {
  try {
    return new Connection(options);
  } catch (error) {
    if (!(error instanceof PushError)) throw error;
    throw new FlagError(`${source}: ${error.message}`);
  }
}

/** The token of a file's first line, or of the environment. */
async function readToken(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return process.env.DBN_TOKEN?.trim() || undefined;
  let bytes: Uint8Array;
  try {
    bytes = await readRegularFile(file, { maxBytes: MAX_TOKEN_FILE_BYTES });
  } catch (error) {
    if (!(error instanceof FileRefused || isNotFound(error))) throw error;
    throw new FlagError(`--token-file ${file}: ${error.message}`);
  }
  const token = new TextDecoder().decode(bytes).trim();
  if (token === "") throw new FlagError(`--token-file ${file}: it must hold a token, got nothing`);
  return token;
}

/** A token that others on the way can read. */
function warnOfPlainText(origin: string, token: string | undefined): void {
  const { protocol, hostname } = new URL(origin);
  const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  if (token === undefined || protocol === "https:" || isHere) return;
  console.error(`warning: ${origin} has no TLS; whoever is on the way can read the token`);
}

function tellRetry(failure: Error, waitMs: number): void {
  if (waitMs < 1000) return; // it is over before it is read
  console.error(`${visible(failure.message)}; again in ${Math.round(waitMs / 1000)} s`);
}
