import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { logSumExp } from "../../src/math/activations.ts";
import { fillNormal, fillUniform } from "../../src/math/random.ts";
import {
  checkRbm,
  energy,
  enumerateStates,
  freeEnergy,
  gibbsStep,
  hiddenGivenVisible,
  hiddenGivenVisibleAndLabel,
  labelFreeEnergies,
  labelGivenHidden,
  labelPosterior,
  logPartition,
  logPartitionWithLabels,
  MAX_ENUMERATED_UNITS,
  visibleGivenHidden,
} from "../../src/model/rbm.ts";
import { type LabelRbm, zeroLabelRbm, zeroRbm } from "../../src/model/rbm.ts";
import { chiSquareQuantile } from "../math/chi_square.ts";

const V = 6, H = 5, L = 3;

function randomRbm(seed: number, scale = 0.8): LabelRbm {
  const rbm = zeroLabelRbm(V, L, H);
  let layer = 0;
  for (const data of Object.values(rbm)) {
    if (!(data instanceof Float32Array)) continue;
    fillNormal(data, { seed, chain: 0, step: 0, layer: layer++ });
    data.forEach((x, i) => data[i] = scale * x);
  }
  return rbm;
}

/** −E(v, y, h) by the definition, with the labels' terms written out. */
function negativeEnergy(rbm: LabelRbm, v: Float32Array, label: number, h: Float32Array): number {
  let sum = -energy(rbm, v, h) + rbm.labelBias[label];
  h.forEach((on, j) => sum += on * rbm.labelWeights[label * H + j]);
  return sum;
}

const seeds = fc.nat(10_000);

Deno.test("free energy is the energy with the hidden units summed out", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const rbm = randomRbm(seed);
      const hidden = enumerateStates(H), visible = enumerateStates(V);
      const free = freeEnergy(rbm, visible);
      for (const row of [0, 7, 33, 63]) {
        const v = visible.slice(row * V, (row + 1) * V);
        const energies = Array.from(
          { length: 2 ** H },
          (_, i) => -energy(rbm, v, hidden.slice(i * H, (i + 1) * H)),
        );
        assertAlmostEquals(free[row], -logSumExp(energies), 1e-5);
      }
    }),
    { numRuns: 20 },
  );
});

Deno.test("log Z by free energies equals the sum over every joint state", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const rbm = randomRbm(seed);
      const hidden = enumerateStates(H), visible = enumerateStates(V);
      const all: number[] = [], withLabels: number[] = [];
      for (let i = 0; i < 2 ** V; i++) {
        const v = visible.slice(i * V, (i + 1) * V);
        for (let j = 0; j < 2 ** H; j++) {
          const h = hidden.slice(j * H, (j + 1) * H);
          all.push(-energy(rbm, v, h));
          for (let y = 0; y < L; y++) withLabels.push(negativeEnergy(rbm, v, y, h));
        }
      }
      assertAlmostEquals(logPartition(rbm), logSumExp(all), 1e-5);
      assertAlmostEquals(logPartitionWithLabels(rbm), logSumExp(withLabels), 1e-5);
    }),
    { numRuns: 10 },
  );
});

Deno.test("the conditionals are those of the joint distribution", () => {
  const rbm = randomRbm(4);
  const hidden = enumerateStates(H), visible = enumerateStates(V);
  const v = visible.slice(37 * V, 38 * V), h = hidden.slice(19 * H, 20 * H);
  const label = 2, labels = new Float32Array(L);
  labels[label] = 1;
  const weights = Array.from(
    { length: 2 ** H },
    (_, i) => Math.exp(negativeEnergy(rbm, v, label, hidden.slice(i * H, (i + 1) * H))),
  );
  const total = weights.reduce((a, b) => a + b);
  const given = hiddenGivenVisibleAndLabel(rbm, v, labels);
  for (let j = 0; j < H; j++) {
    const on = weights.reduce((sum, w, i) => sum + w * hidden[i * H + j], 0) / total;
    assertAlmostEquals(given[j], on, 1e-6);
  }
  // p(y|h) from energies, with any v: the visible term is common to all labels.
  const scores = Array.from({ length: L }, (_, y) => negativeEnergy(rbm, v, y, h));
  const logZ = logSumExp(scores);
  labelGivenHidden(rbm, h).forEach((p, y) =>
    assertAlmostEquals(p, Math.exp(scores[y] - logZ), 1e-6)
  );
  // p(v_i|h) from two energies that differ in unit i alone.
  const onUnits = visibleGivenHidden(rbm, h);
  for (let i = 0; i < V; i++) {
    const on = v.slice(), off = v.slice();
    on[i] = 1;
    off[i] = 0;
    const odds = Math.exp(energy(rbm, off, h) - energy(rbm, on, h));
    assertAlmostEquals(onUnits[i], odds / (1 + odds), 1e-6);
  }
});

Deno.test("Gibbs steps keep the exact joint distribution of v and h (χ²)", () => {
  const rbm = randomRbm(9, 0.6), chains = 3000, steps = 40;
  let visible: Float32Array = new Float32Array(chains * V),
    hidden: Float32Array = new Float32Array(chains * H);
  for (let step = 0; step < steps; step++) {
    const random = { hidden: new Float32Array(chains * H), visible: new Float32Array(chains * V) };
    fillUniform(random.hidden, { seed: 5, chain: 0, step, layer: 1 });
    fillUniform(random.visible, { seed: 5, chain: 0, step, layer: 2 });
    ({ hidden, visible } = gibbsStep(rbm, visible, random));
  }
  const logZ = logPartition(rbm), states = enumerateStates(V);
  const exact = freeEnergy(rbm, states).map((f) => Math.exp(-f - logZ));
  const counts = new Array(2 ** V).fill(0);
  for (let row = 0; row < chains; row++) {
    let index = 0;
    for (let i = 0; i < V; i++) index += visible[row * V + i] * 2 ** i;
    counts[index]++;
  }
  const statistic = counts.reduce(
    (sum, count, i) => sum + (count - chains * exact[i]) ** 2 / (chains * exact[i]),
    0,
  );
  console.log(`χ² = ${statistic.toFixed(1)}, ${2 ** V - 1} degrees of freedom`);
  assert(statistic < chiSquareQuantile(2 ** V - 1, 3.5));
  const mean = hidden.reduce((a, b) => a + b) / (chains * H);
  let expected = 0;
  for (let i = 0; i < 2 ** V; i++) {
    const p = hiddenGivenVisible(rbm, states.slice(i * V, (i + 1) * V));
    expected += exact[i] * p.reduce((a, b) => a + b) / H;
  }
  assert(Math.abs(mean - expected) < 4 * Math.sqrt(0.25 / (chains * H)), `${mean}, ${expected}`);
});

Deno.test("the label posterior is Bayes' rule on the enumerated joint distribution", () => {
  const rbm = randomRbm(11), hidden = enumerateStates(H);
  const v = enumerateStates(V).slice(21 * V, 22 * V);
  const scores = Array.from({ length: L }, (_, y) =>
    logSumExp(
      Array.from({ length: 2 ** H }, (_, i) =>
        negativeEnergy(rbm, v, y, hidden.slice(i * H, (i + 1) * H))),
    ));
  const posterior = labelPosterior(labelFreeEnergies(rbm, v), L);
  const logZ = logSumExp(scores);
  posterior.forEach((p, y) => assertAlmostEquals(p, Math.exp(scores[y] - logZ), 1e-6));
});

Deno.test("free energies are finite for logits of ±1000", () => {
  const rbm = zeroRbm(2, 2);
  rbm.weights.set([1000, -1000, 1000, -1000]);
  for (const f of freeEnergy(rbm, Float32Array.of(1, 1, 0, 0))) assert(Number.isFinite(f));
});

Deno.test("temperature divides the logits", () => {
  const rbm = randomRbm(2);
  const v = enumerateStates(V).slice(5 * V, 6 * V);
  const cold = hiddenGivenVisible(rbm, v, 0.5), warm = hiddenGivenVisible(rbm, v, 1);
  const logit = (p: number) => Math.log(p / (1 - p));
  warm.forEach((p, j) => assertAlmostEquals(logit(cold[j]), 2 * logit(p), 1e-4));
});

Deno.test("wrong shapes are refused with both shapes", () => {
  const rbm = randomRbm(1);
  assertThrows(() => freeEnergy(rbm, new Float32Array(V + 1)), RangeError, "multiple of 6, got 7");
  assertThrows(() => freeEnergy(rbm, new Float32Array(0)), RangeError, "got 0");
  assertThrows(() => energy(rbm, new Float32Array(V), new Float32Array(1)), RangeError, "got 1");
  assertThrows(() => checkRbm({ ...rbm, weights: new Float32Array(3) }), RangeError, "(6, 5) = 30");
  assertThrows(
    () => enumerateStates(MAX_ENUMERATED_UNITS + 1),
    RangeError,
    `[1, ${MAX_ENUMERATED_UNITS}], got ${MAX_ENUMERATED_UNITS + 1}`,
  );
  assertEquals(enumerateStates(2), Float32Array.of(0, 0, 1, 0, 0, 1, 1, 1));
});
