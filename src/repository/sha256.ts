/**
 * SHA-256 of bytes in memory. Loading std would keep a server's first answer waiting where the platform
 * can write hex itself.
 * @module
 */

/** SHA-256 in hex. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
  const { toHex } = digest as { toHex?: () => string }; // the types say that all platforms have it
  if (toHex) return toHex.call(digest);
  return (await import("@std/encoding/hex")).encodeHex(digest);
}

/** SHA-256 of nothing: the blob that is there before anything was sent. */
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
