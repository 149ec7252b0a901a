/**
 * Functions of std as the package has them: copied into its modules, and for Node 20, which has no
 * `ArrayBuffer.prototype.transfer`.
 * @module
 */

/** The package whose functions are copied. */
export const STD = "deno-std";

/** The bytes of a buffer in one of another length, in which they are copied where they cannot be moved. */
const helper = `function transferred(buffer, length) {
  if (buffer.transfer) return buffer.transfer(length);
  const copy = new Uint8Array(length);
  copy.set(new Uint8Array(buffer, 0, Math.min(length, buffer.byteLength)));
  return copy.buffer;
}
`;

/** The text of a module of std. */
export function rewriteStd(text: string): string {
  const rewritten = text.replaceAll(/([\w.]+)\s*\.transfer\(/g, "transferred($1, ");
  return rewritten === text ? text : `${rewritten}\n${helper}`;
}
