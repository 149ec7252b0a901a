/**
 * The checksum of a checkpoint: a SHA-256, in the metadata of the file itself, of all its other bytes. So a
 * file is checked and replaced as one.
 * @module
 */
import { createHash } from "node:crypto";
import { WeightsFormatError } from "../../src/format/safetensors.ts";

/** Metadata, to stand first, in whose place the checksum is put. */
export const unsealed = { sha256: "0".repeat(64) };

/** What a file with a checksum begins with, after the eight bytes of its header's length. */
const PREFIX = new TextEncoder().encode('{"__metadata__":{"sha256":"');

/** Where the checksum's hexadecimal digits are, in bytes from the start of the file. */
const START = 8 + PREFIX.length, END = START + unsealed.sha256.length;

/** Puts the checksum into the bytes of a safetensors file whose metadata begin with `unsealed`. */
export function seal(bytes: Uint8Array): void {
  bytes.set(new TextEncoder().encode(checksum(bytes)), START);
}

/**
 * @param required whether the file must have a checksum; without, one that it has is checked all the same
 * @throws {WeightsFormatError} naming the file, the checksum expected and the one found.
 */
export function checkSeal(bytes: Uint8Array, file: string, required: boolean): void {
  const hasSeal = PREFIX.every((byte, i) => bytes[8 + i] === byte);
  if (!hasSeal && !required) return;
  const expected = hasSeal ? new TextDecoder().decode(bytes.subarray(START, END)) : "none";
  const found = checksum(bytes);
  if (expected === found) return;
  throw new WeightsFormatError(
    `Cannot read ${file}: it was changed after it was written; ` +
      `by its header its SHA-256 must be ${expected}, got ${found}`,
  );
}

function checksum(bytes: Uint8Array): string {
  const hash = createHash("sha256").update(bytes.subarray(0, START));
  return hash.update(bytes.subarray(END)).digest("hex");
}
