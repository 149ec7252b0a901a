/**
 * SHA-256 of bytes in memory.
 * @module
 */
import { encodeHex } from "./encoding.ts";

/**
 * SHA-256 in hex.
 * @throws {Error} on a page that is no secure context: browsers hash on pages of https and localhost alone.
 */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const { subtle } = crypto as Partial<Crypto>; // the types say that all pages have it
  if (!subtle) throw new Error("Cannot check SHA-256: the page must be of https or localhost");
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes as BufferSource));
  return encodeHex(digest);
}

/** SHA-256 of nothing: the blob that is there before anything was sent. */
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
