/**
 * Lists of rows in the arena, as assembly/simd/row_lists.ts lays them out.
 * @module
 */
import { HEAD_BYTES, PANEL, ROW_BYTES } from "../generated/abi.ts";
import type { Arena } from "../runtime/arena.ts";
import { padded } from "../serving/dense.ts";

/** Lists of a part of the visible units, one a row. */
export interface Lists {
  address: number;
  /** Units of the part, and the first of them. */
  from: number;
  to: number;
  /** Words of an entry: an offset, or an offset and a value. */
  entryWords: 1 | 2;
}

const HEAD_WORDS = HEAD_BYTES / 4;

/** The bits of 1 as a float. */
const ONE = new Int32Array(Float32Array.of(1).buffer)[0];

/** 32-bit words of a list of at most `count` entries. */
export function listWords(count: number): number {
  return padded(HEAD_WORDS + 2 * count, PANEL);
}

/** Sets what lists have on to 1 in `states` (rows, width). */
export function readLists(arena: Arena, lists: Lists, states: Float32Array, width: number): void {
  const { from, to, entryWords, address } = lists, stride = listWords(to - from);
  const rows = states.length / width, words = arena.integers(address, rows * stride);
  for (let row = 0; row < rows; row++) {
    const list = row * stride, end = ((words[list] >>> 0) - address) / 4;
    for (let at = list + HEAD_WORDS; at < end; at += entryWords) {
      states[row * width + words[at] / ROW_BYTES] = 1;
    }
  }
}

/** Lists what is not 0 in binary `states` (rows, width). */
export function writeLists(arena: Arena, lists: Lists, states: Float32Array, width: number): void {
  const { from, to, entryWords, address } = lists, stride = listWords(to - from);
  const rows = states.length / width, words = arena.integers(address, rows * stride);
  for (let row = 0; row < rows; row++) {
    const list = row * stride;
    let at = list + HEAD_WORDS;
    for (let i = from; i < to; i++) {
      if (states[row * width + i] === 0) continue;
      words[at] = i * ROW_BYTES;
      if (entryWords === 2) words[at + 1] = ONE;
      at += entryWords;
    }
    words[list] = address + 4 * at;
  }
}
