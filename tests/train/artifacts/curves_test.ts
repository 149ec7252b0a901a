import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { compareErrors, errorCurves, learningCurves } from "../../../train/artifacts/curves.ts";
import { weightHistograms } from "../../../train/artifacts/histograms.ts";
import { type Chart, renderSvg } from "../../../train/artifacts/vega.ts";
import type { EpochRecord } from "../../../train/run/checkpoint.ts";
import { corners, readSvg } from "./svg.ts";

/** Epochs of a stage whose metrics are functions of the epoch. */
function stage(
  name: string,
  epochs: number,
  metrics: Record<string, (epoch: number) => number>,
): EpochRecord[] {
  return Array.from({ length: epochs }, (_, i) => ({
    ...{ stage: name, epoch: i + 1, epochs, seconds: 1 },
    metrics: Object.fromEntries(Object.entries(metrics).map(([key, f]) => [key, f(i + 1)])),
  }));
}

const draw = async (chart: Chart | undefined) => readSvg(await renderSvg(chart!));

const whole = [
  ...stage("rbm1", 3, { reconstruction_error: (i) => 90 / i ** 2, free_energy_gap: (i) => i - 2 }),
  ...stage("classifier", 4, {
    loss: (i) => 1 / i,
    val_loss: (i) => 2 / i,
    accuracy: (i) => 1 - 0.1 / i,
    val_error_percent: (i) => 20 / i,
  }),
  ...stage("up-down", 2, { sampled_reconstruction_error: (i) => 9 / i, error_percent: () => 3 }),
];

Deno.test("each quantity has a panel of its own, with title, unit and scale", async () => {
  const { texts } = await draw(learningCurves(whole));
  for (
    const text of [
      ...["Reconstruction error", "Reconstruction error of sampled inputs (PCD)"],
      ...["Loss of the classifier, cross-entropy", "Free-energy gap, held-out minus training"],
      ...["squared error per case", "nats per case", "epoch"],
      ...["training cases, log scale", "training and held-out cases, log scale"],
    ]
  ) assert(texts.includes(text), `${texts.join(" | ")} lacks ${text}`);
  for (const absent of ["Pseudo-log-likelihood", "Log-likelihood, exact"]) {
    assert(!texts.includes(absent), absent);
  }
});

Deno.test("stages have a colour each, the same in every chart, and held-out cases are dashed", async () => {
  const learning = await draw(learningCurves(whole)), errors = await draw(errorCurves(whole));
  assertEquals(learning.lines.length, 5); // rbm1 and its gap, loss twice, up-down
  const strokes = ["#0072b2", "#d55e00", "#009e73"]; // rbm1, classifier, up-down
  assertEquals(new Set(learning.lines.map(({ stroke }) => stroke)), new Set(strokes));
  assertEquals(new Set(errors.lines.map(({ stroke }) => stroke)), new Set(strokes.slice(1)));
  assertEquals(learning.lines.filter(({ dash }) => dash === "6,4").length, 2); // gap, val_loss
  assertEquals(errors.lines.filter(({ dash }) => dash === "6,4").length, 1);
  for (const name of ["stage", "classifier", "cases", "training", "held-out"]) {
    assert(errors.texts.includes(name), name);
  }
  assert(!errors.texts.includes("rbm1"), "rbm1 has no error, so no place in the legend");
});

Deno.test("a training accuracy is shown as the percentage that it gets wrong", async () => {
  const { texts, lines } = await draw(
    errorCurves(stage("classifier", 2, { accuracy: (i) => i === 1 ? 0.8 : 0.995 })),
  );
  assert(["1", "2", "5", "10"].every((tick) => texts.includes(tick)), texts.join(" "));
  const [[, first], [, last]] = corners(lines[0].path);
  assertEquals([first, last], [0, 220]); // 20 % at the top, 0.5 % at the foot
});

Deno.test("an epoch without an error is drawn at the foot, where the axis says 0", async () => {
  const errors = stage("classifier", 3, { accuracy: (i) => [0.9, 1, 0.99][i - 1] });
  const { texts, lines } = await draw(errorCurves(errors));
  assert(texts.includes("training cases, log scale, 0 at its foot"), texts.join(" | "));
  assert(texts.includes("0"));
  const heights = corners(lines[0].path).map(([, y]) => y);
  assertEquals([heights[0], heights[1]], [0, 220]);
  assert(heights[2] > 0 && heights[2] < 220, `${heights}`);
  const perfect = await draw(errorCurves(stage("classifier", 3, { accuracy: () => 1 })));
  assertEquals(new Set(corners(perfect.lines[0].path).map(([, y]) => y)), new Set([220]));
});

Deno.test("a run of one epoch, or of one stage, is drawn", async () => {
  const one = await draw(learningCurves(stage("rbm1", 1, { reconstruction_error: () => 5 })));
  assertEquals(one.points.length, 1);
  assert(!one.texts.includes("cases"), "nothing was held out");
  const gap = await draw(learningCurves(stage("rbm1", 1, { free_energy_gap: () => -3 })));
  assertEquals(gap.points.length, 1);
  assertEquals(errorCurves(stage("rbm1", 2, { reconstruction_error: () => 5 })), undefined);
  assertEquals(learningCurves([]), undefined);
});

Deno.test("a long run has lines without points, and every epoch a corner", async () => {
  const { lines, points } = await draw(
    learningCurves(stage("classifier", 150, { loss: (i) => 1 / i })),
  );
  assertEquals([lines.length, points.length], [1, 0]);
  assertEquals(corners(lines[0].path).length, 150);
});

Deno.test("values that are no numbers are left out", async () => {
  const values = [3, NaN, Infinity, null as unknown as number, 1];
  const { points } = await draw(
    learningCurves(stage("rbm1", 5, { reconstruction_error: (i) => values[i - 1] })),
  );
  assertEquals(points.length, 2);
  assertEquals(learningCurves(stage("rbm1", 2, { loss: () => NaN })), undefined);
});

Deno.test("compared runs have held-out and training errors apart, with one legend", async () => {
  const runs = [{ name: "a <b> & c", training: [5, 1], heldOut: [6, 0] }, {
    name: "d",
    training: [4, 2],
  }];
  const { texts, lines } = await draw(compareErrors("Classifier", "run", runs));
  assert(
    texts.includes("Classifier: held-out error") && texts.includes("Classifier: training error"),
  );
  assertEquals(texts.filter((text) => text === "a <b> & c").length, 1);
  assertEquals(lines.length, 3);
  assertEquals(compareErrors("Classifier", "run", [{ name: "a", training: [] }]), undefined);
});

Deno.test("every compared run has a colour or a shape of its own", async () => {
  const runs = Array.from(
    { length: 30 },
    (_, i) => ({ name: `run ${i}`, training: [i + 1, i + 2] }),
  );
  const { points } = await draw(compareErrors("Classifier", "run", runs));
  const looks = points.map(({ fill, path }) => `${fill} ${path}`);
  assertEquals([looks.length, new Set(looks).size], [60, 30]);
});

Deno.test("histograms show densities of the first, middle and last epoch of each RBM", async () => {
  const histograms = (scale: number) => ({
    weights: { low: -scale, high: scale, counts: [1, 0, 6, 2, 1] },
    updates: { low: 0, high: 0, counts: [10, 0, 0, 0, 0] },
  });
  const log = (epochs: number) =>
    stage("rbm1", epochs, {}).map((record, i) => ({ ...record, histograms: histograms(i + 1) }));
  const { texts, lines } = await draw(weightHistograms(log(7)));
  for (const text of ["rbm1: weights", "rbm1: last update of the epoch", "density, log scale"]) {
    assert(texts.includes(text), text);
  }
  assertEquals(["first epoch", "middle", "last epoch"].every((name) => texts.includes(name)), true);
  assertEquals(new Set(lines.map(({ stroke }) => stroke)).size, 3);
  assertNotEquals(lines[0].path, lines[1].path);
  assertEquals((await draw(weightHistograms(log(1)))).lines.length, 2);
  assertEquals((await draw(weightHistograms(log(2)))).lines.length, 4);
  assertEquals(weightHistograms(whole), undefined);
});

Deno.test("an empty bin breaks the line of a histogram, and densities integrate to 1", () => {
  const record = {
    ...stage("rbm1", 1, {})[0],
    histograms: {
      weights: { low: -1, high: 1, counts: [2, 0, 6, 2] },
      updates: { low: 0, high: 4, counts: [1, 1, 1, 1] },
    },
  };
  const { concat } = weightHistograms([record]) as unknown as {
    concat: { data: { values: { middle: number; density: number | null }[] } }[];
  };
  const [weights, updates] = concat.map(({ data }) => data.values);
  assertEquals(weights.map(({ density }) => density), [0.4, null, 1.2, 0.4]);
  assertEquals(weights.map(({ middle }) => middle), [-0.75, -0.25, 0.25, 0.75]);
  assertEquals(updates.map(({ density }) => density), [0.25, 0.25, 0.25, 0.25]);
});
