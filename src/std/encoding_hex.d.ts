/** Types of what we use of `@std/encoding/hex`, whose republication on npm has none. @module */

/** Hexadecimal digits of bytes or of a text as UTF-8. */
export function encodeHex(src: string | Uint8Array | ArrayBuffer): string;
/** The bytes of hexadecimal digits. @throws {TypeError} if they are none */
export function decodeHex(src: string): Uint8Array<ArrayBuffer>;
