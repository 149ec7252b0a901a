/**
 * Bearer tokens of those who may write to a repository (RFC 6750). A service knows only their SHA-256, and
 * several at once, so that a new one is in use before the old one ends.
 * @module
 */

/** What a token may do: send versions, move aliases and load versions, or only look. */
export const scopes = ["push", "promote", "read"] as const;

/** One of {@linkcode scopes}. */
export type Scope = typeof scopes[number];

/** A token as the service knows it. */
export interface TokenRecord {
  /** For the log and the history of aliases. */
  name: string;
  /** What it may do. */
  scopes: readonly Scope[];
  /** SHA-256 of the token, in hex. */
  sha256: string;
}

/** Tokens that cannot be read. The message never repeats them: somebody may have written a token itself. */
export class TokenError extends Error {
  override name = "TokenError";
}

/** The most tokens at once. */
const MAX_TOKENS = 100;
const NAME = /^[\w.@-]{1,64}$/;
const SHA256 = /^[0-9a-f]{64}$/i;
const PREFIX = "dbn_";
const TOKEN_BYTES = 32;

/**
 * Reads tokens: entries `NAME:SCOPE,…:SHA256`, one a line or with `;` between them; what follows `#` is a
 * comment.
 * @param source what the text is, for messages
 * @throws {TokenError} naming the entry and what it must be
 */
export function parseTokens(text: string, source: string): TokenRecord[] {
  const entries = text.split(/\r?\n/).flatMap((line) => line.replace(/#.*/, "").split(";"))
    .map((entry) => entry.trim()).filter((entry) => entry !== "");
  if (entries.length > MAX_TOKENS) {
    throw new TokenError(
      `Cannot read ${source}: at most ${MAX_TOKENS} tokens, got ${entries.length}`,
    );
  }
  const records = entries.map((entry, i) => parseEntry(entry, `${source}: entry ${i + 1}`));
  records.forEach(({ name }, i) => {
    if (records.findIndex((other) => other.name === name) === i) return;
    throw new TokenError(`Cannot read ${source}: entry ${i + 1} must have a name of its own`);
  });
  return records;
}

function parseEntry(entry: string, where: string): TokenRecord {
  const parts = entry.split(":").map((part) => part.trim());
  const fail = (what: string): never => {
    throw new TokenError(`Cannot read ${where} must be NAME:SCOPE,…:SHA256, with ${what}`);
  };
  if (parts.length !== 3) fail(`3 parts, got ${parts.length}`);
  const [name, list, sha256] = parts, given = list.split(",").map((scope) => scope.trim());
  if (!NAME.test(name)) fail("a name of 1 to 64 letters, digits, '_', '.', '@' or '-'");
  if (!given.every((scope): scope is Scope => scopes.includes(scope as Scope))) {
    return fail(`scopes of ${scopes.join(", ")}`);
  }
  if (!SHA256.test(sha256)) fail("64 hexadecimal digits, as `dbn token` prints them");
  return { name, scopes: given, sha256: sha256.toLowerCase() };
}

/** A new token, and the entry that makes a service know it. */
export async function createToken(
  { name, scopes: given }: Pick<TokenRecord, "name" | "scopes">,
): Promise<{ token: string; entry: string }> {
  const random = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  const base64 = btoa(String.fromCharCode(...random));
  const token = PREFIX + base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const sha256 = Array.from(await digestOf(token), (byte) => byte.toString(16).padStart(2, "0"));
  const entry = `${name}:${given.join(",")}:${sha256.join("")}`;
  parseTokens(entry, "the token");
  return { token, entry };
}

/** The record of a token, found in a time that does not depend on which it is, or how much of one fits. */
export async function findToken(
  records: readonly TokenRecord[],
  token: string,
): Promise<TokenRecord | undefined> {
  const given = await digestOf(token);
  let found: TokenRecord | undefined;
  for (const record of records) {
    let difference = 0;
    for (let i = 0; i < given.length; i++) {
      difference |= given[i] ^ parseInt(record.sha256.slice(2 * i, 2 * i + 2), 16);
    }
    if (difference === 0) found = record; // and goes on
  }
  return found;
}

async function digestOf(token: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token)));
}
