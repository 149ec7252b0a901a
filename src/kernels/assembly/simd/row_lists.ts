/**
 * Sparse vectors as lists of the rows of a table that count, and the sums of those rows.
 *
 * A list is 64 bytes of head, whose first word is the address of its end, then entries: the offset of a row
 * in bytes and the value it is multiplied by, or the offset alone where every value is 1. Rows are of a
 * panel, 32 floats. A sum runs over its list in order, so its bits do not depend on who makes it.
 * @module
 */
import { ROW_BYTES } from "./panel";

/** How a vector is given. */
export enum Form {
  /** A list of rows with values. */
  Values,
  /** A list of rows whose values are 1. */
  Ones,
  /** All its numbers, for a product. */
  Dense,
}

export const HEAD_BYTES: i32 = 64;

/** Bytes of a list of at most `count` entries. */
// @inline
export function listBytes(count: i32): i32 {
  return (HEAD_BYTES + (count << 3) + 127) & -128;
}

// @inline
export function entryBytes(form: Form): i32 {
  return form == Form.Ones ? 4 : 8;
}

// @inline
export function clear(list: usize): void {
  store<u32>(list, <u32> (list + HEAD_BYTES));
}

// @inline
export function listEnd(list: usize): usize {
  return <usize> load<u32>(list);
}

/** Adds an entry to a list. */
// @inline
export function push(list: usize, offset: i32, value: f32, form: Form): void {
  store<u32>(list, <u32> pushAt(listEnd(list), offset, value, form));
}

/** Writes an entry at `end` of a list, whose head is not changed; returns the new end. */
// @inline
export function pushAt(end: usize, offset: i32, value: f32, form: Form): usize {
  store<u32>(end, offset);
  if (form == Form.Values) store<f32>(end, value, 4);
  return end + entryBytes(form);
}

/** Writes the rows of the bits that are on in a word, from row `first`, as {@linkcode pushAt} does. */
// @inline
export function pushBitsAt(end: usize, first: i32, word: u32): usize {
  while (word) {
    store<u32>(end, (first + ctz(word)) * ROW_BYTES);
    end += 4;
    word &= word - 1;
  }
  return end;
}

// @inline
function plus4(a: v128, w0: usize, w1: usize, w2: usize, w3: usize, at: usize): v128 {
  const two = f32x4.add(f32x4.add(a, v128.load(w0 + at)), v128.load(w1 + at));
  return f32x4.add(f32x4.add(two, v128.load(w2 + at)), v128.load(w3 + at));
}

// @inline
function minus4(a: v128, w0: usize, w1: usize, w2: usize, w3: usize, at: usize): v128 {
  const two = f32x4.sub(f32x4.sub(a, v128.load(w0 + at)), v128.load(w1 + at));
  return f32x4.sub(f32x4.sub(two, v128.load(w2 + at)), v128.load(w3 + at));
}

/**
 * sums (32) ← start (32) + Σ value · row. Four rows at a time where values are 1, because V8 checks the
 * bounds of every load and four share what that takes.
 */
export function sumRows(sums: usize, start: usize, table: usize, list: usize, form: Form): void {
  let a0 = v128.load(start), a1 = v128.load(start, 16), a2 = v128.load(start, 32);
  let a3 = v128.load(start, 48), a4 = v128.load(start, 64), a5 = v128.load(start, 80);
  let a6 = v128.load(start, 96), a7 = v128.load(start, 112);
  const end = <usize> load<u32>(list);
  let at = list + HEAD_BYTES;
  if (form == Form.Ones) {
    for (; at + 12 < end; at += 16) {
      const p = load<u64>(at), q = load<u64>(at, 8);
      const w0 = table + <usize> (<u32> p), w1 = table + <usize> (p >> 32);
      const w2 = table + <usize> (<u32> q), w3 = table + <usize> (q >> 32);
      a0 = plus4(a0, w0, w1, w2, w3, 0);
      a1 = plus4(a1, w0, w1, w2, w3, 16);
      a2 = plus4(a2, w0, w1, w2, w3, 32);
      a3 = plus4(a3, w0, w1, w2, w3, 48);
      a4 = plus4(a4, w0, w1, w2, w3, 64);
      a5 = plus4(a5, w0, w1, w2, w3, 80);
      a6 = plus4(a6, w0, w1, w2, w3, 96);
      a7 = plus4(a7, w0, w1, w2, w3, 112);
    }
    for (; at < end; at += 4) {
      const w = table + load<u32>(at);
      a0 = f32x4.add(a0, v128.load(w));
      a1 = f32x4.add(a1, v128.load(w, 16));
      a2 = f32x4.add(a2, v128.load(w, 32));
      a3 = f32x4.add(a3, v128.load(w, 48));
      a4 = f32x4.add(a4, v128.load(w, 64));
      a5 = f32x4.add(a5, v128.load(w, 80));
      a6 = f32x4.add(a6, v128.load(w, 96));
      a7 = f32x4.add(a7, v128.load(w, 112));
    }
  } else {
    for (; at < end; at += 8) {
      const w = table + load<u32>(at), x = v128.load32_splat(at, 4);
      a0 = f32x4.add(a0, f32x4.mul(x, v128.load(w)));
      a1 = f32x4.add(a1, f32x4.mul(x, v128.load(w, 16)));
      a2 = f32x4.add(a2, f32x4.mul(x, v128.load(w, 32)));
      a3 = f32x4.add(a3, f32x4.mul(x, v128.load(w, 48)));
      a4 = f32x4.add(a4, f32x4.mul(x, v128.load(w, 64)));
      a5 = f32x4.add(a5, f32x4.mul(x, v128.load(w, 80)));
      a6 = f32x4.add(a6, f32x4.mul(x, v128.load(w, 96)));
      a7 = f32x4.add(a7, f32x4.mul(x, v128.load(w, 112)));
    }
  }
  v128.store(sums, a0);
  v128.store(sums, a1, 16);
  v128.store(sums, a2, 32);
  v128.store(sums, a3, 48);
  v128.store(sums, a4, 64);
  v128.store(sums, a5, 80);
  v128.store(sums, a6, 96);
  v128.store(sums, a7, 112);
}

/** sums (32) ← sums − Σ row, over a list whose values are 1. */
export function subtractRows(sums: usize, table: usize, list: usize): void {
  let a0 = v128.load(sums), a1 = v128.load(sums, 16), a2 = v128.load(sums, 32);
  let a3 = v128.load(sums, 48), a4 = v128.load(sums, 64), a5 = v128.load(sums, 80);
  let a6 = v128.load(sums, 96), a7 = v128.load(sums, 112);
  const end = <usize> load<u32>(list);
  let at = list + HEAD_BYTES;
  for (; at + 12 < end; at += 16) {
    const p = load<u64>(at), q = load<u64>(at, 8);
    const w0 = table + <usize> (<u32> p), w1 = table + <usize> (p >> 32);
    const w2 = table + <usize> (<u32> q), w3 = table + <usize> (q >> 32);
    a0 = minus4(a0, w0, w1, w2, w3, 0);
    a1 = minus4(a1, w0, w1, w2, w3, 16);
    a2 = minus4(a2, w0, w1, w2, w3, 32);
    a3 = minus4(a3, w0, w1, w2, w3, 48);
    a4 = minus4(a4, w0, w1, w2, w3, 64);
    a5 = minus4(a5, w0, w1, w2, w3, 80);
    a6 = minus4(a6, w0, w1, w2, w3, 96);
    a7 = minus4(a7, w0, w1, w2, w3, 112);
  }
  for (; at < end; at += 4) {
    const w = table + load<u32>(at);
    a0 = f32x4.sub(a0, v128.load(w));
    a1 = f32x4.sub(a1, v128.load(w, 16));
    a2 = f32x4.sub(a2, v128.load(w, 32));
    a3 = f32x4.sub(a3, v128.load(w, 48));
    a4 = f32x4.sub(a4, v128.load(w, 64));
    a5 = f32x4.sub(a5, v128.load(w, 80));
    a6 = f32x4.sub(a6, v128.load(w, 96));
    a7 = f32x4.sub(a7, v128.load(w, 112));
  }
  v128.store(sums, a0);
  v128.store(sums, a1, 16);
  v128.store(sums, a2, 32);
  v128.store(sums, a3, 48);
  v128.store(sums, a4, 64);
  v128.store(sums, a5, 80);
  v128.store(sums, a6, 96);
  v128.store(sums, a7, 112);
}
