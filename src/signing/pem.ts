/**
 * PEM, the text form of keys: base64 between two lines that say what it is (RFC 7468).
 * @module
 */
import { decodeBase64, encodeBase64 } from "../outside/encoding.ts";
import { KeyError } from "./errors.ts";

/** A block of a PEM file. */
export interface PemBlock {
  /** What it says that it is, such as `PUBLIC KEY`. */
  label: string;
  der: Uint8Array;
}

/** The most that a file of keys may hold, in characters: a key has some 250. */
export const MAX_PEM_LENGTH = 16 * 1024;
const LINE_LENGTH = 64;

/**
 * The blocks of a PEM file, and none of the text between them.
 * @throws {KeyError} naming the file and what is wrong.
 */
export function readPem(text: string, from: string): PemBlock[] {
  if (text.length > MAX_PEM_LENGTH) {
    throw new KeyError(
      `Cannot read key ${from}: the file must have at most ${MAX_PEM_LENGTH} characters, got ${text.length}`,
    );
  }
  if (text.includes("ENCRYPTED")) { // in the label, or in a header of the block
    throw new KeyError(
      `Cannot read key ${from}: it is encrypted; decrypt it with openssl pkey -in FILE -out PLAIN`,
    );
  }
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----/g);
  return [...blocks].map(([, label, body]) => ({
    label,
    der: decode(body.replace(/\s/g, ""), from),
  }));
}

function decode(base64: string, from: string): Uint8Array {
  try {
    return decodeBase64(base64);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new KeyError(`Cannot read key ${from}: its PEM block is not base64`, { cause });
  }
}

/** A block as OpenSSL writes it, with a line break at its end. */
export function writePem({ label, der }: PemBlock): string {
  const lines = encodeBase64(der).match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
