import { assertAlmostEquals, assertEquals } from "@std/assert";
import { softplus } from "../../../src/math/activations.ts";
import { fillNormal, fillUniform } from "../../../src/math/random.ts";
import { streamOf, streams } from "../../../src/math/streams.ts";
import {
  freeEnergy,
  labelFreeEnergies,
  type LabelRbm,
  logPartition,
  logPartitionWithLabels,
  type Rbm,
} from "../../../src/model/rbm.ts";
import { floatExamples } from "../../../train/data/examples.ts";
import { histogram } from "../../../train/measure/histogram.ts";
import { rbmMetrics } from "../../../train/measure/monitor.ts";

const V = 7, H = 5, L = 3, N = 700;

function normal(count: number, layer: number): Float32Array {
  const out = new Float32Array(count);
  fillNormal(out, { seed: 6, chain: 0, step: 0, layer });
  return out;
}

const rbm: Rbm = {
  visibleSize: V,
  hiddenSize: H,
  weights: normal(V * H, 1),
  visibleBias: normal(V, 2),
  hiddenBias: normal(H, 3),
};
const labelRbm: LabelRbm = {
  ...rbm,
  labelSize: L,
  labelWeights: normal(L * H, 4),
  labelBias: normal(L, 5),
};
const rows = normal(N * V, 6).map((x) => x > 0 ? 1 : 0);
const labels = Uint8Array.from({ length: N }, (_, i) => i % L);
const examples = floatExamples(rows, labels, V);
const kind = { gaussian: false, seed: 9, epoch: 2 };
const mean = (values: ArrayLike<number>) =>
  Array.from(values).reduce((a, b) => a + b) / values.length;

Deno.test("free energies and exact log-likelihoods are those of the definitions", async () => {
  const metrics = await rbmMetrics(rbm, examples, examples, kind),
    free = mean(freeEnergy(rbm, rows));
  assertAlmostEquals(metrics.free_energy, free, 1e-4);
  assertAlmostEquals(metrics.free_energy_gap, 0, 1e-9);
  assertAlmostEquals(metrics.log_likelihood, -free - logPartition(rbm), 1e-4);
  const own = labelFreeEnergies(labelRbm, rows).filter((_, i) =>
    i % L === labels[Math.floor(i / L)]
  );
  const labelled = await rbmMetrics(labelRbm, examples, undefined, kind);
  assertAlmostEquals(labelled.free_energy, mean(own), 1e-4);
  const logZ = logPartitionWithLabels(labelRbm);
  assertAlmostEquals(labelled.log_likelihood, -mean(own) - logZ, 1e-4);
});

Deno.test("the pseudo-likelihood flips one pixel a case and counts it for all", async () => {
  const uniform = new Float32Array(N);
  fillUniform(uniform, { seed: 9, chain: 0, step: 2, layer: streamOf(streams.pseudoLikelihood) });
  const flipped = rows.slice();
  uniform.forEach((u, row) => {
    const at = row * V + Math.floor(u * V);
    flipped[at] = 1 - flipped[at];
  });
  const own = freeEnergy(rbm, rows), other = freeEnergy(rbm, flipped);
  const expected = -V * mean(own.map((f, i) => softplus(f - other[i])));
  const { pseudo_log_likelihood: got } = await rbmMetrics(rbm, examples, undefined, kind);
  assertAlmostEquals(got, expected, 1e-3);
});

Deno.test("free energies of Gaussian pixels are quadratic in them", async () => {
  const grey = normal(N * V, 8),
    hidden = freeEnergy({ ...rbm, visibleBias: new Float32Array(V) }, grey);
  const expected = mean(
    hidden.map((f, row) =>
      rbm.visibleBias.reduce((sum, b, i) => sum + (grey[row * V + i] - b) ** 2 / 2, f)
    ),
  );
  const metrics = await rbmMetrics(rbm, floatExamples(grey, labels, V), undefined, {
    ...kind,
    gaussian: true,
  });
  assertAlmostEquals(metrics.free_energy, expected, 1e-3);
  assertEquals(Object.keys(metrics), ["free_energy"]);
});

Deno.test("a histogram counts every number once, in bins from the smallest to the largest", () => {
  assertEquals(histogram(Float32Array.of(-1, 0, 0.9, 1, 1), 2), {
    low: -1,
    high: 1,
    counts: [1, 4],
  });
  assertEquals(histogram(Float32Array.of(3, 3), 3), { low: 3, high: 3, counts: [2, 0, 0] });
});
