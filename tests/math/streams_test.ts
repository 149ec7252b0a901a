import { assert, assertThrows } from "@std/assert";
import {
  allRanges,
  MAX_GIBBS_STEPS,
  networkStreams,
  rbmStreams,
  stageStreamOf,
  streamOf,
  streams,
} from "../../src/math/streams.ts";

Deno.test("no two streams of random numbers overlap, and each stays within its stage", () => {
  for (const group of new Set(allRanges.map((range) => range.group))) {
    const sorted = allRanges.filter((range) => range.group === group)
      .sort((a, b) => a.first - b.first);
    sorted.forEach((range, i) => {
      const end = range.first + range.count, next = sorted[i + 1]?.first ?? range.within;
      assert(end <= next, `${group}.${range.name} ends at ${end}, the next begins at ${next}`);
    });
  }
});

Deno.test("every stage draws from words that no other stage and no other purpose has", () => {
  const seen = new Map<number, string>();
  const add = (word: number, name: string) => {
    assert(!seen.has(word), `${name} and ${seen.get(word)} both draw from ${word}`);
    seen.set(word, name);
  };
  for (const [name, range] of Object.entries(streams)) {
    for (let i = 0; i < range.count; i++) add(streamOf(range, i), `${name} ${i}`);
  }
  for (const stage of [0, 1, 2, 9]) {
    // A stage trains an RBM, or a network; never both.
    const table = stage === 2 ? networkStreams : rbmStreams;
    for (const [name, range] of Object.entries(table)) {
      for (let i = 0; i < range.count; i++) {
        add(stageStreamOf(stage, range, i), `stage ${stage} ${name} ${i}`);
      }
    }
  }
});

Deno.test("a stream that a range does not have is refused", () => {
  assertThrows(() => streamOf(streams.annealing, 3), RangeError, "[0, 2], got 3");
  assertThrows(() => stageStreamOf(64, rbmStreams.swap), RangeError, "[0, 63], got 64");
  assert(
    stageStreamOf(1, rbmStreams.gibbs, 3 * MAX_GIBBS_STEPS) < stageStreamOf(2, rbmStreams.gibbs),
  );
});
