/**
 * Bringing memory near before it is used in an order that the processor cannot foresee.
 * @module
 */

/** Bytes of four lines, which {@linkcode prefetch} looks into at a time. */
const STRIDE: usize = 256;

/**
 * Looks into every line of `bytes` in order, less what the last 256 bytes are cut short by, so that rows of
 * a table can then be taken from it in any order: a processor fetches ahead where lines follow each other.
 * WebAssembly has no other way to ask for that. `out` gets 16 bytes of no meaning, because a compiler leaves
 * out what nobody reads.
 */
export function prefetch(from: usize, bytes: usize, out: usize): void {
  let sum = i32x4.splat(0);
  for (const end = from + (bytes & -STRIDE); from < end; from += STRIDE) {
    const a = v128.or(v128.load(from), v128.load(from, 64));
    const b = v128.or(v128.load(from, 128), v128.load(from, 192));
    sum = v128.or(sum, v128.or(a, b));
  }
  v128.store(out, sum);
}
