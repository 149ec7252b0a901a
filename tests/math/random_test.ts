import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  checkSeed,
  fillNormal,
  fillUniform,
  permutation,
  philox4x32,
  sampleBernoulli,
  sampleOneHot,
} from "../../src/math/random.ts";
import { chiSquareQuantile } from "./chi_square.ts";

// Known answers of Philox4x32-10 from the Random123 distribution (file kat_vectors).
const known = [
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    out: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    out: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    out: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
] as const;

Deno.test("philox4x32 gives the known answers of Random123", () => {
  for (const { counter, key, out } of known) {
    const block = new Uint32Array(4);
    philox4x32(block, 0, counter, key);
    assertEquals([...block], [...out]);
  }
});

Deno.test("uniforms are a function of the key and the unit, not of how many are drawn", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31), fc.nat(500), fc.integer({ min: 1, max: 70 }), (seed, chain, n) => {
      const long = new Float32Array(100), short = new Float32Array(n);
      const key = { seed, chain, step: 3, layer: 2 };
      fillUniform(long, key);
      fillUniform(short, key);
      assertEquals(short, long.slice(0, n));
      const tail = new Float32Array(60);
      fillUniform(tail, key, 40);
      assertEquals(tail, long.slice(40));
      assert(long.every((u) => u >= 0 && u < 1));
    }),
  );
});

Deno.test("every word of the key changes the numbers", () => {
  const draw = (key: Partial<Record<"seed" | "chain" | "step" | "layer", number>>) => {
    const out = new Float32Array(8);
    fillUniform(out, { seed: 1, chain: 2, step: 3, layer: 4, ...key });
    return out.join();
  };
  const draws = [{}, { seed: 2 }, { seed: 2 ** 32 + 1 }, { chain: 3 }, { step: 4 }, { layer: 5 }];
  assertEquals(new Set(draws.map(draw)).size, draws.length);
});

Deno.test("uniforms fill 100 bins evenly (χ²)", () => {
  const n = 200_000, bins = new Array(100).fill(0);
  const out = new Float32Array(n);
  fillUniform(out, { seed: 5, chain: 0, step: 0, layer: 1 });
  out.forEach((u) => bins[Math.floor(u * 100)]++);
  const statistic = bins.reduce((sum, count) => sum + (count - n / 100) ** 2 / (n / 100), 0);
  console.log(`χ² = ${statistic.toFixed(1)}, 99 degrees of freedom`);
  assert(statistic < chiSquareQuantile(99, 3.5));
});

Deno.test("neighbouring chains, steps and units are uncorrelated", () => {
  const n = 50_000;
  const draw = (chain: number, step: number) => {
    const out = new Float32Array(n);
    fillUniform(out, { seed: 9, chain, step, layer: 1 });
    return out;
  };
  const base = draw(0, 0);
  const pairs = { chain: draw(1, 0), step: draw(0, 1), unit: draw(0, 0).copyWithin(0, 1) };
  for (const [name, other] of Object.entries(pairs)) {
    let sum = 0;
    for (let i = 0; i < n - 1; i++) sum += (base[i] - 0.5) * (other[i] - 0.5);
    const correlation = 12 * sum / n;
    console.log(`correlation with the next ${name}: ${correlation.toFixed(5)}`);
    assert(Math.abs(correlation) < 4 / Math.sqrt(n));
  }
});

Deno.test("normal numbers have mean 0, variance 1 and kurtosis 3", () => {
  const n = 200_001;
  const out = new Float32Array(n);
  fillNormal(out, { seed: 3, chain: 0, step: 0, layer: 1 });
  const moment = (power: number) => out.reduce((sum, x) => sum + x ** power, 0) / n;
  const moments = [moment(1), moment(2), moment(3), moment(4)];
  console.log("moments", moments.map((m) => m.toFixed(4)).join(" "));
  [0, 1, 0, 3].forEach((expected, i) => assert(Math.abs(moments[i] - expected) < 0.06));
});

Deno.test("a permutation holds every index once and depends on seed and epoch", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 400 }), fc.nat(1000), (n, seed) => {
    const order = permutation(n, seed, 1);
    assertEquals([...order].sort((a, b) => a - b), Array.from({ length: n }, (_, i) => i));
    assertEquals(order, permutation(n, seed, 1));
  }));
  assert(permutation(100, 1, 0).join() !== permutation(100, 1, 1).join());
  assert(permutation(100, 1, 0).join() !== permutation(100, 2, 0).join());
});

Deno.test("every order of three comes up equally often (χ²)", () => {
  const counts = new Map<string, number>();
  const trials = 6000;
  for (let seed = 0; seed < trials; seed++) {
    const order = permutation(3, seed).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assertEquals(counts.size, 6);
  const statistic = [...counts.values()].reduce(
    (sum, c) => sum + (c - trials / 6) ** 2 / (trials / 6),
    0,
  );
  assert(statistic < chiSquareQuantile(5, 3.5), `χ² = ${statistic}`);
});

Deno.test("Bernoulli and one-hot samples have the frequencies asked for", () => {
  const n = 100_000;
  const uniform = new Float32Array(n);
  fillUniform(uniform, { seed: 8, chain: 0, step: 0, layer: 1 });
  const p = new Float32Array(n).fill(0.3);
  const on = sampleBernoulli(new Float32Array(n), p, uniform).reduce((a, b) => a + b);
  assert(Math.abs(on / n - 0.3) < 4 * Math.sqrt(0.21 / n));
  const weights = Float32Array.of(0.1, 0, 0.6, 0.3), counts = [0, 0, 0, 0];
  const row = new Float32Array(4);
  for (let i = 0; i < n; i++) {
    sampleOneHot(row, weights, 0, 4, uniform[i]);
    counts[row.indexOf(1)]++;
    row.set(weights);
    if (i === 0) assertEquals(row.reduce((a, b) => a + b), weights.reduce((a, b) => a + b));
  }
  assertEquals(counts[1], 0);
  [0.1, 0, 0.6, 0.3].forEach((share, i) =>
    assert(Math.abs(counts[i] / n - share) <= 4 * Math.sqrt(0.25 / n))
  );
});

Deno.test("probabilities 0 and 1 are certain", () => {
  const uniform = Float32Array.of(0, 0.5, 1 - 2 ** -24);
  assertEquals([...sampleBernoulli(new Float32Array(3), new Float32Array(3), uniform)], [0, 0, 0]);
  assertEquals([...sampleBernoulli(new Float32Array(3), new Float32Array(3).fill(1), uniform)], [
    1,
    1,
    1,
  ]);
});

Deno.test("a seed out of range is refused with its bound and value", () => {
  for (const seed of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => checkSeed(seed), RangeError, `got ${seed}`);
  }
});
