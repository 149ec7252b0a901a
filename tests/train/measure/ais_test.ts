import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { program } from "../../../src/kernels/generated/training.ts";
import { PathAnnealing, TemperatureAnnealing } from "../../../src/kernels/training/annealing.ts";
import { Team } from "../../../src/kernels/runtime/team.ts";
import { fillNormal } from "../../../src/math/random.ts";
import { logSumExp } from "../../../src/math/activations.ts";
import {
  enumerateStates,
  freeEnergy,
  labelFreeEnergies,
  type LabelRbm,
  logPartition,
  logPartitionWithLabels,
  type Rbm,
} from "../../../src/model/rbm.ts";
import {
  annealingSchedule,
  estimateLogPartition,
  logLikelihoodBounds,
  logLikelihoods,
} from "../../../train/measure/ais.ts";
import { checkPossible } from "../../../train/measure/likelihood.ts";

const teams = [1, 2, 3].map((workers) => new Team(workers, program));
for (const team of teams) await team.start();

function normal(count: number, layer: number, scale: number): Float32Array {
  const out = new Float32Array(count);
  fillNormal(out, { seed: 8, chain: 0, step: 0, layer });
  return out.map((x) => scale * x);
}

function rbmOf(visibleSize: number, hiddenSize: number, scale = 1, layer = 0): Rbm {
  return {
    visibleSize,
    hiddenSize,
    weights: normal(visibleSize * hiddenSize, layer + 1, scale),
    visibleBias: normal(visibleSize, layer + 2, 1),
    hiddenBias: normal(hiddenSize, layer + 3, 1),
  };
}

function labelRbmOf(visibleSize: number, labelSize: number, hiddenSize: number): LabelRbm {
  return {
    ...rbmOf(visibleSize, hiddenSize),
    labelSize,
    labelWeights: normal(labelSize * hiddenSize, 4, 1),
    labelBias: normal(labelSize, 5, 1),
  };
}

const options = { runs: 100, steps: 1000, seed: 2 };

Deno.test("annealed log Z of small RBMs is within 0.05 nats of the exact one", async () => {
  for (const [visible, hidden] of [[1, 1], [10, 8], [33, 12], [64, 10]]) {
    const rbm = rbmOf(visible, hidden, 0.7), exact = logPartition(rbm);
    for (const baseBias of [new Float32Array(visible), normal(visible, 9, 0.5)]) {
      const results = [];
      for (const team of teams) {
        results.push(await estimateLogPartition(team, rbm, { ...options, baseBias }));
      }
      for (const result of results) assertAlmostEquals(result.logZ, results[0].logZ, 1e-9);
      const { logZ, interval: [low, high] } = results[0];
      console.log(`${visible}-${hidden}: ${logZ.toFixed(3)}, exactly ${exact.toFixed(3)}`);
      assertAlmostEquals(logZ, exact, 0.05);
      assert(low < logZ && logZ < high);
    }
  }
});

Deno.test("log Z annealed back from samples is the exact one too, with labels or without", async () => {
  for (const rbm of [rbmOf(12, 9), labelRbmOf(9, 3, 7)] as (Rbm | LabelRbm)[]) {
    const labelSize = "labelSize" in rbm ? rbm.labelSize : 0, { visibleSize } = rbm;
    const exact = "labelSize" in rbm ? logPartitionWithLabels(rbm) : logPartition(rbm);
    const samples = exactSamples(rbm, exact, options.runs);
    const baseBias = normal(visibleSize, 9, 0.5), results = [];
    for (const team of teams) {
      results.push(await estimateLogPartition(team, rbm, { ...options, baseBias, samples }));
    }
    for (const result of results) assertAlmostEquals(result.logZ, results[0].logZ, 1e-9);
    const { logZ, interval: [low, high] } = results[0];
    console.log(`${visibleSize}+${labelSize}: ${logZ.toFixed(3)}, exactly ${exact.toFixed(3)}`);
    assertAlmostEquals(logZ, exact, 0.05);
    assert(low < logZ && logZ < high);
  }
});

Deno.test("log Z along a path from another RBM is the exact one, from below and from above", async () => {
  const origin = rbmOf(10, 6), rbm = rbmOf(10, 9, 1, 30), exact = logPartition(rbm);
  const path = { ...options, runs: 300, steps: 300, baseBias: normal(10, 9, 0.5), origin };
  for (const samples of [undefined, exactSamples(rbm, exact, path.runs)]) {
    const results = [];
    for (const team of teams) {
      results.push(await estimateLogPartition(team, rbm, { ...path, samples }));
    }
    for (const result of results) assertAlmostEquals(result.logZ, results[0].logZ, 1e-9);
    const side = samples ? "from above" : "from below", { logZ } = results[0];
    console.log(`${side} ${logZ.toFixed(3)}, exactly ${exact.toFixed(3)}`);
    assertAlmostEquals(logZ, exact, 0.05);
  }
});

Deno.test("a path between RBMs of other units is refused, and one with labels", () => {
  const sizes = { inputSize: 5, hiddenSize: 4, maxRows: 2 };
  const [from, to, other] = [rbmOf(5, 4), rbmOf(5, 4, 1, 30), rbmOf(5, 3)];
  const refused = (message: string, run: () => unknown) => assertThrows(run, RangeError, message);
  refused(
    "parameters must be (5, 4), (5) and (4), got 15, 5 and 3",
    () => new PathAnnealing(teams[0], { ...sizes, from, to: other }),
  );
  refused(
    "a path has no labels",
    () => new PathAnnealing(teams[0], { ...sizes, labelSize: 2, from, to }),
  );
});

Deno.test("a step along a path weighs log p*(v) at the next RBM − at this one", () => {
  // Sizes of no whole panel, and more than one.
  for (const [V, H, runs] of [[1, 1, 1], [33, 31, 3], [5, 70, 7]]) {
    const from = rbmOf(V, H), to = rbmOf(V, H, 0.5, 30);
    const states = normal(runs * V, 50, 1).map((x) => x > 0 ? 1 : 0);
    const shares = Float32Array.of(0.25, 0.625), key = { seed: 3, step: 4 };
    const sizes = { inputSize: V, hiddenSize: H, maxRows: runs };
    const mixed = [...shares].map((share) => blendOf(from, to, share));
    const energies = mixed.map((rbm) => freeEnergy(rbm, states));
    for (const team of teams) {
      const chains = new PathAnnealing(team, { ...sizes, from, to });
      chains.setStates(states);
      chains.anneal(shares, key);
      chains.logWeights().forEach((weight, run) =>
        assertAlmostEquals(weight, energies[0][run] - energies[1][run], 1e-4)
      );
      const parameters = chains.parameters();
      mixed[1].weights.forEach((w, i) => assertAlmostEquals(parameters.weights[i], w, 1e-6));
      // The Gibbs step is one of the RBM that it came to.
      const one = new TemperatureAnnealing(team, { ...sizes, parameters });
      one.setStates(states);
      one.anneal(Float32Array.of(1, 1), key);
      assertEquals(chains.states(), one.states());
    }
  }
});

Deno.test("a worker that leaves a run late takes no step of the next one, which is longer", () => {
  const [from, to] = [rbmOf(40, 9), rbmOf(40, 9, 1, 30)], states = normal(20 * 40, 50, 1);
  const start = states.map((x) => x > 0 ? 1 : 0),
    sizes = { inputSize: 40, hiddenSize: 9, maxRows: 20 };
  const [one, ...others] = teams.map((team) => {
    const release = team.arena.mark();
    const runs = [
      new PathAnnealing(team, { ...sizes, from, to }),
      new TemperatureAnnealing(team, { ...sizes, parameters: from }),
    ];
    const ends = runs.map((chains) => {
      chains.setStates(start);
      for (let step = 0; step < 300; step++) {
        chains.anneal(new Float32Array(2 + step % 3).fill(0.5), { seed: 3, step: 4 * step });
      }
      return chains.states();
    });
    release();
    return ends;
  });
  for (const other of others) assertEquals(other, one);
});

/** The RBM at a share of the line of parameters. */
function blendOf(from: Rbm, to: Rbm, share: number): Rbm {
  const mix = (a: Float32Array, b: Float32Array) => a.map((x, i) => x + share * (b[i] - x));
  return {
    ...from,
    weights: mix(from.weights, to.weights),
    visibleBias: mix(from.visibleBias, to.visibleBias),
    hiddenBias: mix(from.hiddenBias, to.hiddenBias),
  };
}

/** Visible states (runs, V + L) by inversion of p(v, y), enumerated. */
function exactSamples(rbm: Rbm | LabelRbm, logZ: number, runs: number): Float32Array {
  const { visibleSize } = rbm, labelSize = "labelSize" in rbm ? rbm.labelSize : 0;
  const states = enumerateStates(visibleSize), size = visibleSize + labelSize;
  const energies = "labelSize" in rbm ? labelFreeEnergies(rbm, states) : freeEnergy(rbm, states);
  const out = new Float32Array(runs * size);
  let state = 0, total = 0;
  for (let run = 0; run < runs; run++) {
    while (total + Math.exp(-energies[state] - logZ) < (run + 0.5) / runs) {
      total += Math.exp(-energies[state++] - logZ);
    }
    const row = Math.floor(state / Math.max(1, labelSize));
    out.set(states.subarray(row * visibleSize, (row + 1) * visibleSize), run * size);
    if (labelSize > 0) out[run * size + visibleSize + state % labelSize] = 1;
  }
  return out;
}

Deno.test("two far modes are missed from below, and found from above", async () => {
  // All on or all off: runs from the base distribution at the first end up there.
  const V = 20, strength = 6;
  const rbm: Rbm = {
    visibleSize: V,
    hiddenSize: 1,
    weights: new Float32Array(V).fill(strength),
    visibleBias: new Float32Array(V).fill(-strength / 2),
    hiddenBias: Float32Array.of(0),
  };
  const exact = logPartition(rbm), baseBias = new Float32Array(V).fill(-3);
  const few = { runs: 20, steps: 30, seed: 2, baseBias };
  const below = await estimateLogPartition(teams[0], rbm, few);
  const samples = new Float32Array(20 * V); // half of them in each mode
  samples.fill(1, 10 * V);
  const above = await estimateLogPartition(teams[0], rbm, { ...few, samples });
  console.log(`${below.logZ.toFixed(2)} and ${above.logZ.toFixed(2)}, exactly ${exact.toFixed(2)}`);
  assert(below.logZ < exact - 0.4 && above.logZ > exact - 0.05);
});

Deno.test("annealed log Z of small RBMs with labels is within 0.05 nats of the exact one", async () => {
  for (const [visible, labels, hidden] of [[6, 3, 7], [31, 10, 10]]) {
    const rbm = labelRbmOf(visible, labels, hidden), exact = logPartitionWithLabels(rbm);
    const baseBias = normal(visible, 9, 0.5);
    const { logZ } = await estimateLogPartition(teams[1], rbm, { ...options, baseBias });
    console.log(`${visible}+${labels}-${hidden}: ${logZ.toFixed(3)}, exactly ${exact.toFixed(3)}`);
    assertAlmostEquals(logZ, exact, 0.05);
  }
});

Deno.test("the schedule rises from 0 to 1 with most of its steps at the end", () => {
  const schedule = annealingSchedule(14500);
  assertEquals([schedule[0], schedule[500], schedule[14500]], [0, 0.5, 1]);
  assertAlmostEquals(schedule[4500], 0.9, 1e-6);
  for (let i = 0; i < 14500; i++) assert(schedule[i + 1] > schedule[i]);
});

Deno.test("log-likelihoods of all states sum to 1, with labels or without", () => {
  const states = enumerateStates(7);
  for (const rbm of [rbmOf(7, 5), labelRbmOf(7, 3, 5)] as (Rbm | LabelRbm)[]) {
    const logZ = "labelSize" in rbm ? logPartitionWithLabels(rbm) : logPartition(rbm);
    assertAlmostEquals(logSumExp(logLikelihoods(rbm, logZ, states)), 0, 1e-5);
  }
});

Deno.test("the bound of a small DBN lies below its exact log-likelihood, and near it", () => {
  const below = rbmOf(6, 5, 0.5, 20), top = rbmOf(5, 4, 0.5, 40), logZ = logPartition(top);
  const images = enumerateStates(6), hidden = enumerateStates(5);
  const logTop = logLikelihoods(top, logZ, hidden);
  const bounds = logLikelihoodBounds({ stack: [below], top }, logZ, images, {
    samples: 400,
    seed: 3,
  });
  let gap = 0;
  for (let n = 0; n < 64; n++) {
    const v = images.subarray(6 * n, 6 * n + 6);
    const exact = logSumExp(
      Array.from(logTop, (value, m) => {
        const h = hidden.subarray(5 * m, 5 * m + 5);
        return v.reduce((sum, x, i) => {
          const logit = h.reduce(
            (total, on, j) => total + on * below.weights[i * 5 + j],
            below.visibleBias[i],
          );
          return sum + x * logit - Math.log1p(Math.exp(logit));
        }, value);
      }),
    );
    assert(bounds[n] < exact + 0.1, `${bounds[n]} above ${exact}`);
    gap += (exact - bounds[n]) / 64;
  }
  console.log(`mean gap ${gap.toFixed(3)} nats`);
  assert(gap > 0 && gap < 1, `${gap}`);
});

Deno.test("a log-likelihood above 0 is refused, as is too short a schedule", () => {
  checkPossible(-86, 393, 14500);
  assertThrows(() => checkPossible(18.49, 328.13, 14500), RangeError, "got 18.49 nats");
  assertThrows(() => annealingSchedule(10), RangeError, "steps must be an integer >= 30, got 10");
  assertEquals([...annealingSchedule(30).slice(0, 2)], [0, 0.5]);
});

Deno.test("annealed log Z of a large RBM of independent blocks is the sum of theirs, enumerated", async () => {
  const BLOCKS = 20, V = 10, H = 20, visibleSize = BLOCKS * V, hiddenSize = BLOCKS * H;
  const large: Rbm = {
    visibleSize,
    hiddenSize,
    weights: new Float32Array(visibleSize * hiddenSize),
    visibleBias: new Float32Array(visibleSize).fill(-0.5),
    hiddenBias: new Float32Array(hiddenSize).fill(-1),
  };
  let exact = 0;
  for (let block = 0; block < BLOCKS; block++) {
    const weights = normal(V * H, 40 + block, 1);
    for (let i = 0; i < V; i++) {
      const row = (block * V + i) * hiddenSize + block * H;
      large.weights.set(weights.subarray(i * H, (i + 1) * H), row);
    }
    exact += logPartition({
      visibleSize: V,
      hiddenSize: H,
      weights,
      visibleBias: large.visibleBias.slice(0, V),
      hiddenBias: large.hiddenBias.slice(0, H),
    });
  }
  const baseBias = new Float32Array(visibleSize);
  const options = { runs: 100, steps: 3000, seed: 1, baseBias };
  const { logZ } = await estimateLogPartition(teams[1], large, options);
  console.log(`${visibleSize}-${hiddenSize}: ${logZ.toFixed(2)}, exactly ${exact.toFixed(2)}`);
  assertAlmostEquals(logZ, exact, 0.5);
});
