import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { createSimdEngine } from "../../src/engine/simd/simd.ts";
import { softplus } from "../../src/math/activations.ts";
import { affine as plainAffine, affineTransposed } from "../../src/math/matrix.ts";
import { fillNormal, fillUniform } from "../../src/math/random.ts";
import { expandMatrix } from "../../src/math/weight_matrix.ts";
import { generateFrame, gibbsChain, type GibbsOptions } from "../../src/sampling/gibbs.ts";
import { Arena } from "../../src/kernels/runtime/arena.ts";
import { buildKernels, programs, readSources } from "../../src/kernels/build.ts";
import { packRbm, runChains } from "../../src/kernels/serving/chains.ts";
import {
  padded,
  placeLayer,
  placeRows,
  readRows,
  runLayer,
} from "../../src/kernels/serving/dense.ts";
import { Team } from "../../src/kernels/runtime/team.ts";
import type { ChainState } from "../../src/sampling/options.ts";
import type { LabelRbm } from "../../src/model/rbm.ts";
import { tinyModel, type TinySizes } from "../model/tiny_model.ts";

const GUARD = 12345.678;

function normal(length: number, layer: number): Float32Array {
  const out = new Float32Array(length);
  fillNormal(out, { seed: 3, chain: 0, step: 0, layer });
  return out;
}

for (const source of programs) {
  Deno.test(`the committed ${source.output} is what the compiler makes of the source`, async () => {
    const built = await buildKernels(await readSources(), source);
    const generated = new URL(`../../src/kernels/${source.output}`, import.meta.url);
    const committed = await Deno.readTextFile(generated);
    const plain = (text: string) => text.replace(/\s+/g, "");
    assert(plain(built) === plain(committed), "run `deno task kernels` and commit what it writes");
  });
}

Deno.test("the kernel's random numbers are the twin's, for every key", () => {
  const arena = new Arena();
  const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  fc.assert(fc.property(fc.maxSafeNat(), word, word, word, (seed, chain, step, layer) => {
    const count = 48, expected = new Float32Array(count);
    fillUniform(expected, { seed, chain, step, layer });
    arena.scratch(() => {
      const out = arena.allocate(count), high = Math.floor(seed / 2 ** 32);
      arena.kernels.fillUniform(out, 0, count, layer | 0, step | 0, chain | 0, seed | 0, high | 0);
      assertEquals(arena.floats(out, count).slice(), expected);
    });
  }));
});

Deno.test("dense layers of odd sizes agree with the plain twin and write nowhere else", async () => {
  const teams = [1, 2, 3].map((workers) => new Team(workers));
  for (const team of teams) await team.start();
  const sizes = [1, 3, 31, 32, 33, 65, 785];
  let largest = 0;
  for (const inputs of sizes) {
    for (const outputs of sizes) {
      for (const batch of [1, 2, 3, 4, 5, 9, 99]) {
        if (inputs * outputs > 100_000 && batch > 3) continue;
        const w = normal(inputs * outputs, 1), b = normal(outputs, 2);
        const x = normal(batch * inputs, 3).map((v) => v < 0 ? 0 : v);
        const expected = plainAffine(new Float32Array(batch * outputs), x, w, b);
        const layer = { weights: w, bias: b, inputSize: inputs };
        const results = teams.map((team) => runGuarded(team, layer, x));
        for (const result of results) assertEquals(result, results[0]);
        largest = Math.max(largest, largestError(results[0], expected));
      }
    }
  }
  for (const team of teams) team.dispose();
  console.log(`largest relative difference ${largest.toExponential(1)}`);
  assert(largest < 2e-5);
});

/** The largest difference from what is right, of numbers above 1 relative. */
function largestError(values: Float32Array, expected: Float32Array): number {
  return values.reduce(
    (largest, value, i) =>
      Math.max(largest, Math.abs(value - expected[i]) / (1 + Math.abs(expected[i]))),
    0,
  );
}

/** A layer's linear output, from memory between two guards. */
function runGuarded(
  team: Team,
  given: Parameters<typeof placeLayer>[1],
  x: Float32Array,
): Float32Array {
  const { arena } = team, { bias, inputSize } = given;
  return arena.scratch(() => {
    const layer = placeLayer(arena, given);
    const before = arena.place(new Float32Array(64).fill(GUARD));
    const rows = placeRows(arena, x, inputSize), out = runLayer(team, layer, rows);
    const after = arena.place(new Float32Array(64).fill(GUARD));
    const again = runLayer(team, layer, rows); // the same, beside the guard
    for (const guard of [before, after]) {
      const floats = arena.floats(guard, 64);
      assert(floats.every((v) => v === Math.fround(GUARD)), "a guard was written");
    }
    const linear = readRows(arena, out, bias.length);
    assertEquals(readRows(arena, again, bias.length), linear);
    const soft = readRows(arena, runLayer(team, layer, rows, { temperature: 2 }), bias.length);
    soft.forEach((p, i) => assert(Math.abs(p - 1 / (1 + Math.exp(-linear[i] / 2))) < 1e-6));
    return linear;
  });
}

Deno.test("dense layers of 8-bit weights agree with the plain twin, one way and transposed", async () => {
  const teams = [1, 3].map((workers) => new Team(workers));
  for (const team of teams) await team.start();
  const sizes = [1, 3, 31, 32, 33, 65];
  let largest = 0;
  for (const inputSize of sizes) {
    for (const outputs of sizes) {
      for (const transposed of [false, true]) {
        const columns = transposed ? inputSize : outputs;
        const values = Int8Array.from(normal(inputSize * outputs, 1), (w) => 60 * w);
        const scales = normal(columns, 4).map((x) => 0.01 + Math.abs(x) / 60);
        const weights = { values, scales }, floats = expandMatrix(weights);
        const bias = normal(outputs, 2), most = 9;
        const x = normal(most * inputSize, 3).map((v) => v < 0 ? 0 : v);
        const expected = new Float32Array(most * outputs);
        (transposed ? affineTransposed : plainAffine)(expected, x, floats, bias);
        for (const batch of [1, 3, 4, 5, most]) {
          const rows = x.subarray(0, batch * inputSize);
          const results = teams.map((team) =>
            runGuarded(team, { weights, bias, inputSize, transposed }, rows)
          );
          assertEquals(results[1], results[0]);
          largest = Math.max(largest, largestError(results[0], expected));
        }
      }
    }
  }
  for (const team of teams) team.dispose();
  console.log(`largest relative difference ${largest.toExponential(1)}`);
  assert(largest < 2e-5);
});

Deno.test("softplus and sigmoid are right from -1000 to 1000", () => {
  const arena = new Arena();
  const xs = [-1000, -100, -88, -40, -10, -1, -1e-3, 0, 1e-3, 0.5, 1, 3, 10, 40, 88, 1000];
  for (const x of xs) {
    arena.scratch(() => {
      const a = arena.place(Float32Array.of(x, -1000, -1000, -1000));
      const expected = softplus(x);
      const got = arena.kernels.sumSoftplus(a, 4);
      assert(Math.abs(got - expected) <= 2e-7 * Math.max(1, expected), `softplus(${x}) = ${got}`);
      arena.kernels.sigmoidInPlace(a, 4, 1);
      const sigma = arena.floats(a, 1)[0], twin = 1 / (1 + Math.exp(-x));
      assert(Math.abs(sigma - twin) < 2e-7, `σ(${x}) = ${sigma}`);
    });
  }
});

const odd: TinySizes[] = [
  { height: 1, width: 1, hidden: [1], top: 1, labels: 2 },
  { height: 2, width: 3, hidden: [3], top: 31, labels: 3 },
  { height: 2, width: 3, hidden: [31], top: 33, labels: 10 },
  { height: 3, width: 5, hidden: [33, 65], top: 95, labels: 7 },
];

Deno.test("chains in one call give the bits of the plain chain, for odd sizes and every option", async () => {
  for (const sizes of odd) {
    const model = tinyModel(sizes),
      simd = createSimdEngine(model),
      twin = createReferenceEngine(model);
    const options: GibbsOptions[] = [
      { n: 5, steps: 40, seed: 3 },
      { n: 3, steps: 120, seed: 2 ** 40 + 7, label: 1 },
      { n: 4, steps: 30, seed: 5, label: [0, 1, 0, 1], start: "noise", temperature: 1.7 },
      { n: 2, steps: 25, seed: 9, start: "mean", temperature: 0.6 },
      { n: 11, steps: 12, seed: 7 }, // as many as make the kernel prefetch
    ];
    for (const option of options) {
      const a = await generateFrame(simd, option), b = await generateFrame(twin, option);
      assertEquals(a.visible, b.visible, JSON.stringify({ sizes, option }));
      a.labels.forEach((p, i) => assert(Math.abs(p - b.labels[i]) < 1e-4));
      a.images.forEach((p, i) => assert(Math.abs(p - b.images[i]) < 1e-4));
    }
  }
});

Deno.test("how chains are cut into calls, batches and frames changes no bit", async () => {
  const simd = createSimdEngine(tinyModel({ hidden: [61], top: 130 }));
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1000),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 50 }),
      fc.option(fc.nat(9), { nil: undefined }),
      async (seed, batchSize, thin, label) => {
        const whole = await generateFrame(simd, { n: 9, steps: 50, seed, label });
        let last;
        const options = { n: 9, steps: 50, seed, label, batchSize, thin };
        for await (const frame of gibbsChain(simd, options)) last = frame;
        assertEquals(last, whole);
      },
    ),
    { numRuns: 30 },
  );
});

function stateOf({ visibleSize, labelSize }: LabelRbm, chains: number): ChainState {
  const labels = new Float32Array(chains * labelSize);
  for (let chain = 0; chain < chains; chain++) labels[chain * labelSize] = 1;
  return {
    visible: new Float32Array(chains * visibleSize),
    visibleProbabilities: new Float32Array(chains * visibleSize),
    labels,
    labelProbabilities: new Float32Array(chains * labelSize),
  };
}

Deno.test("any number of workers gives the bits of one, in the first run and in the tenth", async () => {
  for (const sizes of odd) {
    const { dbn: { top } } = tinyModel(sizes);
    for (const chains of [1, 5, 17]) { // fewer than workers, some, and as many as make it prefetch
      const teams = [1, 2, 3].map((workers) => new Team(workers));
      for (const team of teams) await team.start();
      const results = teams.map((team) => {
        const rbm = packRbm(team.arena, top), state = stateOf(top, chains);
        for (let run = 0, step = 1; run < 10; run++) {
          const steps = 1 + run, labelGain = new Float32Array(steps).fill(1);
          const clamped = run < 5;
          const segment = { firstChain: 3, firstStep: step, steps, seed: 7, temperature: 1 };
          runChains(team, rbm, state, { ...segment, clamped, labelGain });
          step += steps;
        }
        const { workers } = team;
        team.dispose();
        return { workers, state };
      });
      assertEquals(results.map(({ workers }) => workers), [1, 2, 3]);
      for (const { state } of results) assertEquals(state, results[0].state);
    }
  }
});

Deno.test("chains write nowhere beside any of their buffers, with lists as full as can be", async () => {
  const teams = [1, 2, 3].map((workers) => new Team(workers));
  for (const team of teams) {
    await team.start();
    const { arena } = team, allocate = arena.allocate.bind(arena), guards: number[] = [];
    const guard = () => {
      const at = allocate(32);
      arena.floats(at, 32).fill(GUARD);
      guards.push(at);
    };
    arena.allocate = (count) => {
      guard();
      const address = allocate(count);
      guard();
      return address;
    };
    for (const sizes of odd) {
      const { dbn: { top } } = tinyModel(sizes);
      for (const chains of [1, 17]) {
        // All units come on at once, then all that are on go off.
        for (const bias of [50, -50]) {
          const rbm = packRbm(arena, {
            ...top,
            visibleBias: top.visibleBias.map(() => bias),
            hiddenBias: top.hiddenBias.map(() => 50),
          });
          const state = stateOf(top, chains), labelGain = new Float32Array(3).fill(1);
          state.visible.fill(bias > 0 ? 0 : 1);
          const segment = { firstChain: 0, firstStep: 1, steps: 3, seed: 7, temperature: 1 };
          runChains(team, rbm, state, { ...segment, clamped: false, labelGain });
          assert(state.visible.every((v) => v === (bias > 0 ? 1 : 0)));
          for (const at of guards) {
            assert(
              arena.floats(at, 32).every((x) => x === Math.fround(GUARD)),
              "a guard was written",
            );
          }
          guards.length = 0;
        }
      }
    }
    team.dispose();
  }
});

Deno.test("the arena grows, gives scratch memory back and refuses what passes 4 GiB", () => {
  const arena = new Arena(), used = arena.usedBytes;
  arena.scratch(() => assertEquals(arena.floats(arena.allocate(1_000_000), 1_000_000)[999_999], 0));
  assertEquals(arena.usedBytes, used);
  assertThrows(() => arena.allocate(2 ** 30), RangeError, "below 4294901760 bytes");
  assertEquals(padded(33), 64);
});
