/**
 * Charts of the histograms in a run's log: how an RBM's weights spread while it learns, and how much
 * the last batch of an epoch still changed them. Hinton (2012), §7: updates about a thousandth of the
 * weights.
 * @module
 */
import { groupBy } from "../../src/outside/group_by.ts";
import type { EpochRecord } from "../run/checkpoint.ts";
import { errorAxis, verticalAxis } from "./axis.ts";
import type { Histogram } from "../measure/histogram.ts";
import type { Chart } from "./vega.ts";

/** Epochs of a stage that are drawn, from light to dark. */
const MOMENTS = ["first epoch", "middle", "last epoch"] as const;
const COLOURS = ["#a6cee3", "#5499c7", "#08306b"];
const WIDTH_PIXELS = 360;
const HEIGHT_PIXELS = 150;

const PANELS = [
  { key: "weights", title: "weights", unit: "weight" },
  { key: "updates", title: "last update of the epoch", unit: "change of a weight" },
] as const;

/** A row for each RBM; undefined if the log has no histogram. */
export function weightHistograms(history: readonly EpochRecord[]): Chart | undefined {
  const stages = groupBy(
    history.filter(({ histograms }) => histograms !== undefined),
    ({ stage }) => stage,
  );
  if (stages.size === 0) return undefined;
  return {
    columns: PANELS.length,
    spacing: 36,
    concat: [...stages].flatMap(([stage, records]) =>
      PANELS.map((panel) => draw(stage, records, panel))
    ),
    resolve: { scale: { color: "shared" } },
    config: { legend: { orient: "bottom" } },
  } as Chart;
}

function draw(
  stage: string,
  records: readonly EpochRecord[],
  { key, title, unit }: typeof PANELS[number],
) {
  const values = moments(records).flatMap(({ when, record }) =>
    densities(record.histograms![key]).map((bin) => ({ when, ...bin }))
  );
  const axis = errorAxis(values.flatMap(({ density }) => density === null ? [] : [density]));
  return {
    title: {
      text: `${stage}: ${title}`,
      subtitle: ["density", axis.note].filter(Boolean).join(", "),
    },
    width: WIDTH_PIXELS,
    height: HEIGHT_PIXELS,
    data: { values },
    mark: { type: "line", strokeWidth: 2 },
    encoding: {
      x: {
        field: "middle",
        type: "quantitative",
        scale: { zero: false },
        axis: { title: unit, grid: false, tickCount: 7 },
      },
      y: { field: "density", type: "quantitative", ...verticalAxis("density", axis) },
      color: {
        field: "when",
        type: "nominal",
        scale: { domain: MOMENTS, range: COLOURS },
        legend: { title: null, symbolType: "stroke", symbolSize: 600, symbolStrokeWidth: 2 },
      },
    },
  };
}

/** The first, the middle and the last record: of one epoch the last alone, of two the first and last. */
function moments(records: readonly EpochRecord[]) {
  const [first, middle, last] = MOMENTS, end = records.length - 1;
  return [
    ...end > 0 ? [{ when: first, record: records[0] }] : [],
    ...end > 1 ? [{ when: middle, record: records[end >> 1] }] : [],
    { when: last, record: records[end] },
  ];
}

/** Share of the numbers in each bin by the bin's width. An empty bin has none: a logarithm has no 0. */
function densities({ low, high, counts }: Histogram) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const width = (high - low) / counts.length || 1;
  return counts.map((count, i) => ({
    middle: low + (i + 0.5) * width,
    density: count > 0 ? count / total / width : null,
  }));
}
