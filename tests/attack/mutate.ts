/**
 * Bytes and JSON values with something broken in them.
 * @module
 */
import type { CaseRandom } from "./random.ts";

type Mutation = (bytes: Uint8Array, random: CaseRandom) => Uint8Array;

const mutations: readonly Mutation[] = [
  function flipBits(bytes, random) {
    const out = bytes.slice();
    for (let i = 1 + random.below(4); i > 0; i--) {
      out[random.below(out.length)] ^= 1 << random.below(8);
    }
    return out;
  },
  (bytes, random) => bytes.slice(0, random.below(bytes.length)),
  function insert(bytes, random) {
    const at = random.below(bytes.length);
    return join(bytes.slice(0, at), random.bytes(1 + random.below(16)), bytes.slice(at));
  },
  function remove(bytes, random) {
    const at = random.below(bytes.length);
    return join(bytes.slice(0, at), bytes.slice(at + 1 + random.below(16)));
  },
  function repeat(bytes, random) {
    const from = random.below(bytes.length), to = from + 1 + random.below(bytes.length - from);
    return join(bytes.slice(0, to), bytes.slice(from));
  },
  function overwrite(bytes, random) {
    const out = bytes.slice(), from = random.below(out.length);
    return out.fill(random.pick([0, 0x20, 0x7f, 0x80, 0xff]), from, from + 1 + random.below(32));
  },
];

/** `bytes` with one to three mutations. */
export function mutated(bytes: Uint8Array, random: CaseRandom): Uint8Array {
  let out = bytes;
  for (let i = 1 + random.below(3); i > 0 && out.length > 0; i--) {
    out = random.pick(mutations)(out, random);
  }
  return out;
}

/** All of the parts, one after the other. */
export function join(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A JSON text that few readers expect: odd numbers, wrong kinds, deep nesting, long texts. */
export function oddJson(random: CaseRandom): string {
  const deep = 1 + random.below(random.chance(0.1) ? 20_000 : 50);
  return random.pick([
    ...["null", "true", "-0", "1e999", "-1e308", "0.1", "4294967296", "9007199254740993", '""'],
    ...["[]", "{}", "[[]]", "NaN", "Infinity", "[1,", '{"a":', "'1'", "01", '"\\ud800"', "\u202e"],
    "[".repeat(deep) + "]".repeat(deep),
    '{"a":'.repeat(deep) + "1" + "}".repeat(deep),
    JSON.stringify("\u0085<".repeat(1 + random.below(3000))),
    `[${new Array(1 + random.below(3000)).fill(random.below(300)).join()}]`,
    '{"__proto__":{"pixels":[]},"constructor":1}',
  ]);
}

/** A JSON text in which one value is replaced by an odd one, or its bytes are mutated. */
export function oddDocument(value: unknown, random: CaseRandom): Uint8Array {
  const text = JSON.stringify(value);
  if (random.chance(0.3)) return mutated(new TextEncoder().encode(text), random);
  const values = [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|\[\]|\{\}/g)];
  const { 0: old, index } = random.pick(values);
  const odd = text.slice(0, index) + oddJson(random) + text.slice(index + old.length);
  return new TextEncoder().encode(odd);
}
