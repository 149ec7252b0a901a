import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { createSimdEngine } from "../../src/engine/simd/simd.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { generateFrame, gibbsChain, type GibbsOptions } from "../../src/sampling/gibbs.ts";
import { enumerateStates, labelFreeEnergies, labelPosterior } from "../../src/model/rbm.ts";
import { logSumExp } from "../../src/math/activations.ts";
import { chiSquareQuantile } from "../math/chi_square.ts";
import { tinyModel } from "../model/tiny_model.ts";

const P = 4, L = 3;
const tiny = tinyModel({
  height: 2,
  width: 3,
  hidden: [P],
  top: 5,
  labels: L,
  scale: 0.7,
  seed: 6,
});
const engine = createReferenceEngine(tiny);
/** The step-by-step path, and the one that runs whole chains. */
const samplers = { reference: engine, simd: createSimdEngine(tiny) };

async function frames(options: GibbsOptions, of: Engine = engine) {
  const all = [];
  for await (const frame of gibbsChain(of, options)) all.push(frame);
  return all;
}

/** Exact p(v, y) over the 2^P·L states of the tiny top RBM, in the order of the rows. */
function exactJoint(): Float64Array {
  const scores = labelFreeEnergies(tiny.dbn.top, enumerateStates(P)).map((f) => -f);
  const logZ = logSumExp(scores);
  return scores.map((s) => Math.exp(s - logZ));
}

function stateIndex(visible: Float32Array, row: number): number {
  let index = 0;
  for (let i = 0; i < P; i++) index += visible[row * P + i] * 2 ** i;
  return index;
}

/** χ² of counts against probabilities; independent chains, so the counts are independent too. */
function chiSquare(counts: number[], probabilities: ArrayLike<number>, total: number): number {
  return counts.reduce((sum, count, i) => {
    const expected = probabilities[i] * total;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
}

for (const [name, sampler] of Object.entries(samplers)) {
  Deno.test(`${name}: many free chains visit each state as often as the exact distribution says (χ²)`, async () => {
    const n = 20_000;
    const { visible } = await generateFrame(sampler, { n, steps: 60, seed: 3, batchSize: 1000 });
    const exact = exactJoint();
    const marginal = Array.from(
      { length: 2 ** P },
      (_, i) => exact.slice(i * L, (i + 1) * L).reduce((a, b) => a + b),
    );
    const counts = new Array(2 ** P).fill(0);
    for (let row = 0; row < n; row++) counts[stateIndex(visible, row)]++;
    const statistic = chiSquare(counts, marginal, n);
    console.log(`χ² = ${statistic.toFixed(1)}, ${2 ** P - 1} degrees of freedom`);
    assert(statistic < chiSquareQuantile(2 ** P - 1, 3.5));
  });

  for (const start of ["noise", "mean", "label"] as const) {
    Deno.test(`${name}: chains clamped to a label, from ${start}, follow p(v|y) (χ²)`, async () => {
      const n = 20_000, label = 1;
      const { visible } = await generateFrame(sampler, {
        n,
        label,
        start,
        steps: 140,
        seed: 4,
        batchSize: 5000,
      });
      const exact = exactJoint().filter((_, i) => i % L === label);
      const total = exact.reduce((a, b) => a + b);
      const counts = new Array(2 ** P).fill(0);
      for (let row = 0; row < n; row++) counts[stateIndex(visible, row)]++;
      const statistic = chiSquare(counts, exact.map((p) => p / total), n);
      console.log(`χ² = ${statistic.toFixed(1)}, ${2 ** P - 1} degrees of freedom`);
      assert(statistic < chiSquareQuantile(2 ** P - 1, 3.5));
    });
  }

  Deno.test(`${name}: one long chain's visit frequencies approach the exact distribution`, async () => {
    const exact = exactJoint(), counts = new Array(exact.length).fill(0);
    const steps = 30_000;
    for await (const { visible, labels } of gibbsChain(sampler, { steps, burnIn: 100, seed: 12 })) {
      const posterior = labels; // p(y|h) of the same half-step: Rao–Blackwell, less noise than samples
      for (let y = 0; y < L; y++) counts[stateIndex(visible, 0) * L + y] += posterior[y];
    }
    const total = counts.reduce((a, b) => a + b);
    const largest = Math.max(...counts.map((count, i) => Math.abs(count / total - exact[i])));
    console.log(`largest difference of a state's frequency: ${largest.toFixed(5)}`);
    assert(largest < 0.006);
  });

  Deno.test(`${name}: the labels of free chains have the exact marginal`, async () => {
    const n = 20_000;
    const { labels } = await generateFrame(sampler, { n, steps: 60, seed: 8, batchSize: 5000 });
    const exact = exactJoint();
    for (let y = 0; y < L; y++) {
      const expected = exact.reduce((sum, p, i) => sum + (i % L === y ? p : 0), 0);
      let mean = 0;
      for (let row = 0; row < n; row++) mean += labels[row * L + y] / n;
      assert(
        Math.abs(mean - expected) < 4 * Math.sqrt(0.25 / n),
        `label ${y}: ${mean}, ${expected}`,
      );
    }
  });
}

Deno.test("a higher temperature flattens the distribution", async () => {
  const n = 4000;
  const entropy = async (temperature: number) => {
    const options = { n, steps: 50, seed: 1, temperature, batchSize: n };
    const { visible } = await generateFrame(engine, options);
    const counts = new Array(2 ** P).fill(0);
    for (let row = 0; row < n; row++) counts[stateIndex(visible, row)]++;
    return -counts.reduce((sum, c) => sum + (c ? (c / n) * Math.log(c / n) : 0), 0);
  };
  const [cold, one, hot] = [await entropy(0.3), await entropy(1), await entropy(5)];
  assert(cold < one && one < hot, `${cold} ${one} ${hot}`);
});

Deno.test("the same seed gives the same digits for every batch size and number of chains", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), fc.integer({ min: 1, max: 9 }), async (seed, batchSize) => {
      const [all] = await frames({ n: 7, steps: 5, thin: 5, seed });
      const [split] = await frames({ n: 7, steps: 5, thin: 5, seed, batchSize });
      assertEquals(split, all);
      const [first] = await frames({ n: 3, steps: 5, thin: 5, seed });
      assertEquals(first.images, all.images.slice(0, first.images.length));
    }),
    { numRuns: 20 },
  );
});

Deno.test("different seeds and different chains give different digits", async () => {
  const a = await generateFrame(engine, { n: 2, seed: 1, steps: 3 });
  const b = await generateFrame(engine, { n: 2, seed: 2, steps: 3 });
  assert(a.images.join() !== b.images.join());
  assert(a.images.slice(0, 6).join() !== a.images.slice(6).join());
});

Deno.test("frames are kept after the burn-in, every thin steps, and at the end", async () => {
  const steps = async (options: GibbsOptions) => (await frames(options)).map(({ step }) => step);
  assertEquals(await steps({ steps: 5 }), [1, 2, 3, 4, 5]);
  assertEquals(await steps({ steps: 10, burnIn: 4, thin: 3 }), [7, 10]);
  assertEquals(await steps({ steps: 10, thin: 4 }), [4, 8, 10]);
  const [last] = (await frames({ steps: 8, seed: 5 })).slice(-1);
  assertEquals((await generateFrame(engine, { steps: 8, seed: 5 })).images, last.images);
});

Deno.test("a clamped label stays, one label a chain where asked", async () => {
  const { labels } = await generateFrame(engine, { n: 3, label: [2, 0, 1], steps: 4 });
  assertEquals([...labels], [0, 0, 1, 1, 0, 0, 0, 1, 0]);
});

Deno.test("clamped pixels keep their value in every frame, the others are sampled", async () => {
  const pixels = Float32Array.of(1, 0, 0.5, 0, 0, 0), mask = [1, 1, 1, 0, 0, 0];
  for (const frame of await frames({ n: 2, steps: 4, clamp: { pixels, mask } })) {
    for (const row of [0, 6]) {
      assertEquals(frame.images.slice(row, row + 3), pixels.slice(0, 3));
      assert(frame.images.slice(row + 3, row + 6).every((p) => p > 0 && p < 1));
    }
  }
});

Deno.test("clamped pixels steer the chain", async () => {
  const free = await generateFrame(engine, { n: 200, steps: 20 });
  const pixels = new Float32Array(6).fill(1), mask = new Array(6).fill(true);
  const held = await generateFrame(engine, { n: 200, steps: 20, clamp: { pixels, mask } });
  const mean = (x: Float32Array) => x.reduce((a, b) => a + b) / x.length;
  assert(Math.abs(mean(free.visible) - mean(held.visible)) > 0.02);
});

Deno.test("chains from data start at the data's up-pass", async () => {
  const n = 50, ones = new Float32Array(6 * n).fill(1);
  const a = await generateFrame(engine, { n, start: ones, steps: 1, seed: 2 });
  const b = await generateFrame(engine, { n, start: ones.map(() => 0), steps: 1, seed: 2 });
  assert(a.visible.join() !== b.visible.join());
});

Deno.test("a chain ends quietly when aborted, and generateFrame says so", async () => {
  const controller = new AbortController();
  let seen = 0;
  for await (const { step } of gibbsChain(engine, { steps: 1000, signal: controller.signal })) {
    seen = step;
    if (step === 3) controller.abort();
  }
  assertEquals(seen, 3);
  await assertRejects(
    () => generateFrame(engine, { steps: 10, signal: controller.signal }),
    DOMException,
    "aborted",
  );
});

Deno.test("a long chain leaves turns of the event loop to others", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const wide = createReferenceEngine(tinyModel({ hidden: [60], top: 500 }));
  await generateFrame(wide, { n: 64, steps: 60 });
  clearInterval(timer);
  assert(turns > 5, `${turns} turns`);
});

Deno.test("bad options are refused with the bound and the value", async () => {
  const image = new Float32Array(6);
  const bad: [GibbsOptions, string][] = [
    [{ steps: 0 }, "steps must be an integer in [1, 4294967295], got 0"],
    [{ steps: 1.5 }, "got 1.5"],
    [{ n: 0 }, "n must be an integer in [1, 65536], got 0"],
    [{ n: 65537 }, "got 65537"],
    [{ batchSize: 0 }, "batchSize must be an integer in [1, 65536], got 0"],
    [{ steps: 5, burnIn: 5 }, "burnIn must be an integer in [0, 4], got 5"],
    [{ steps: 5, thin: 6 }, "thin must be an integer in [1, 5], got 6"],
    [{ seed: -1 }, "seed must be an integer in [0, 9007199254740991], got -1"],
    [{ temperature: 0 }, "temperature must be a finite number > 0, got 0"],
    [{ temperature: NaN }, "got NaN"],
    [{ label: 3 }, "label must be an integer in [0, 2], got 3"],
    [{ label: -1 }, "got -1"],
    [{ n: 2, label: [1] }, "one label a chain, 2, got 1"],
    [{ start: "label" }, 'start "label" needs a label'],
    [{ start: "data" as never }, "got data"],
    [{ start: new Float32Array(5) }, "(1, 6) = 6 numbers, got 5"],
    [{ clamp: { pixels: new Float32Array(5), mask: image } }, "clamp pixels"],
    [{ clamp: { pixels: image, mask: [1] } }, "clamp mask"],
  ];
  for (const [options, message] of bad) {
    const error = await assertRejects(() => frames(options), Error);
    assert(error.message.includes(message), `${error.message} lacks ${message}`);
  }
});

Deno.test("the posterior of the tiny model is not trivial", () => {
  const posterior = labelPosterior(labelFreeEnergies(tiny.dbn.top, enumerateStates(P)), L);
  assert(Math.max(...posterior) > 0.5 && Math.min(...posterior) < 0.2);
});
