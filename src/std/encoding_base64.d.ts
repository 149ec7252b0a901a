/** Types of what we use of `@std/encoding/base64`, whose republication on npm has none. @module */

/** Base64 (RFC 4648) of bytes or of a text as UTF-8. */
export function encodeBase64(data: ArrayBuffer | Uint8Array | string): string;
/** The bytes of Base64. @throws {TypeError} if it is none */
export function decodeBase64(b64: string): Uint8Array<ArrayBuffer>;
