/**
 * Base64 (RFC 4648) and hexadecimal digits, by what every platform has: std needs more than Node 20.
 * @module
 */

/** Characters that are made at once: more arguments than this overflow a stack. */
const PIECE = 0x8000;

/** Base64 of bytes. */
export function encodeBase64(bytes: Uint8Array): string {
  const { toBase64 } = bytes as { toBase64?: () => string }; // the types say that all platforms have it
  if (toBase64) return toBase64.call(bytes);
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE) {
    text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  }
  return btoa(text);
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** The bytes of base64. @throws {TypeError} if it is none */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  if (!BASE64.test(text) || text.length % 4 !== 0) throw new TypeError("it is not base64");
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Hexadecimal digits of bytes. */
export function encodeHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of hexadecimal digits. @throws {TypeError} if they are none */
export function decodeHex(text: string): Uint8Array<ArrayBuffer> {
  if (!/^(?:[\da-f]{2})*$/i.test(text)) throw new TypeError("it is not hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}
