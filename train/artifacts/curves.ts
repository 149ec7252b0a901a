/**
 * Charts of lines over epochs: a panel for each quantity, training and held-out cases told apart by
 * dashes, one legend beside them all.
 * @module
 */
import { groupBy } from "../../src/outside/group_by.ts";
import type { EpochRecord } from "../run/checkpoint.ts";
import { errorAxis, verticalAxis } from "./axis.ts";
import type { Chart } from "./vega.ts";

/** What a value was measured on. */
export type Cases = "training" | "held-out";

/** One value after one epoch, on one line of a panel. */
export interface Point {
  /** What the line belongs to: a stage, a run. */
  name: string;
  cases: Cases;
  epoch: number; // from 1
  value: number;
}

/** One quantity over the epochs. */
export interface Panel {
  title: string;
  /** The vertical axis: the quantity and its unit. */
  unit: string;
  /** Whether values are >= 0, so that the axis may be logarithmic. */
  errors: boolean;
  points: Point[];
}

/** What colours mean: a title, and every name in the order of the legend. */
export interface Legend {
  title: string;
  names: string[];
}

/** Okabe and Ito (2008), distinguishable with every kind of colour vision. */
const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#777777"];
/** Lines past the palette's end have its colours again, with the next shape of points. */
const SHAPES = ["circle", "square", "triangle-up", "diamond", "cross"];
const WIDTH_PIXELS = 360;
const HEIGHT_PIXELS = 220;
const DASHES: Record<Cases, number[]> = { training: [1, 0], "held-out": [6, 4] };
/** A legend that shows a piece of line, long enough for its dashes. */
const STROKE = { symbolType: "stroke", symbolSize: 600, symbolStrokeWidth: 2 };
/** Points that a line is marked with at most; longer lines have them at regular epochs, or none. */
const MARKED_POINTS = 12;

/** Metrics of a log that have a panel: what it is called, its unit, and which metrics are its lines. */
interface Quantity {
  title: string;
  unit: string;
  errors: boolean;
  training?: string;
  heldOut?: string;
  /** Stages that are drawn; all unless given. */
  stages?: (stage: string) => boolean;
}

const isClassifier = (stage: string) => stage === "classifier";

const learning: Quantity[] = [
  {
    title: "Reconstruction error",
    unit: "squared error per case",
    errors: true,
    training: "reconstruction_error",
  },
  {
    title: "Reconstruction error of sampled inputs (PCD)",
    unit: "squared error per case",
    errors: true,
    training: "sampled_reconstruction_error",
  },
  {
    title: "Loss of the classifier, cross-entropy",
    unit: "nats per case",
    errors: true,
    training: "loss",
    heldOut: "val_loss",
  },
  {
    title: "Label loss of the joint model, −log p(label | image)",
    unit: "nats per case",
    errors: true,
    training: "label_loss",
  },
  {
    title: "Pseudo-log-likelihood",
    unit: "nats per case",
    errors: false,
    training: "pseudo_log_likelihood",
  },
  {
    title: "Log-likelihood, exact",
    unit: "nats per case",
    errors: false,
    training: "log_likelihood",
    heldOut: "val_log_likelihood",
  },
  {
    title: "Free-energy gap, held-out minus training",
    unit: "nats per case",
    errors: false,
    heldOut: "free_energy_gap",
  },
];

const errors: Quantity[] = [
  {
    title: "Error of the joint model",
    unit: "percent",
    errors: true,
    training: "error_percent",
    heldOut: "val_error_percent",
    stages: (stage) => !isClassifier(stage),
  },
  {
    title: "Error of the classifier",
    unit: "percent",
    errors: true,
    training: "accuracy",
    heldOut: "val_error_percent",
    stages: isClassifier,
  },
];

/** What RBMs and the classifier minimise, by epoch; undefined if the log has nothing of it. */
export function learningCurves(history: readonly EpochRecord[]): Chart | undefined {
  return curves(learning.map((quantity) => panelOf(quantity, history)), stagesOf(history));
}

/** Classification errors by epoch; undefined if the log has none. */
export function errorCurves(history: readonly EpochRecord[]): Chart | undefined {
  return curves(errors.map((quantity) => panelOf(quantity, history)), stagesOf(history));
}

/** The legend of a log: its stages in the order of training. */
function stagesOf(history: readonly EpochRecord[]): Legend {
  return { title: "stage", names: unique(history.map(({ stage }) => stage)) };
}

function panelOf(quantity: Quantity, history: readonly EpochRecord[]): Panel {
  const { training, heldOut, stages = () => true } = quantity;
  const points = ([["training", training], ["held-out", heldOut]] as const).flatMap(
    ([cases, metric]) =>
      history.filter(({ stage, metrics }) =>
        stages(stage) && metric !== undefined && metric in metrics
      )
        .map(({ stage, epoch, metrics }) => ({
          name: stage,
          cases,
          epoch,
          // An accuracy is a share of right ones; its panel shows the percentage of wrong ones.
          value: metric === "accuracy" ? 100 * (1 - metrics[metric]) : metrics[metric!],
        })),
  );
  return { title: quantity.title, unit: quantity.unit, errors: quantity.errors, points };
}

/**
 * Panels in two columns with one legend. Values that are no numbers (null in a log) are left out, and so
 * are panels without any.
 * @returns undefined if nothing is left.
 */
export function curves(panels: readonly Panel[], legend: Legend): Chart | undefined {
  const shown = panels.map((panel) => ({
    ...panel,
    points: panel.points.filter(({ value }) => Number.isFinite(value)),
  })).filter(({ points }) => points.length > 0);
  if (shown.length === 0) return undefined;
  const all = shown.flatMap(({ points }) => points);
  const drawn = new Set(all.map(({ name }) => name));
  const lines = legend.names.map(lineOf).filter(({ name }) => drawn.has(name));
  const cases = unique(all.map(({ cases }) => cases));
  return {
    columns: 2,
    spacing: 36,
    concat: shown.map((panel) => draw(panel, { title: legend.title, lines, cases })),
    resolve: { scale: { color: "shared", shape: "shared", strokeDash: "shared" } },
    config: { legend: { orient: "bottom", columns: legendColumns(lines) } },
  } as Chart;
}

/** What a name looks like in every panel. */
interface Line {
  name: string;
  colour: string;
  shape: string;
}

function lineOf(name: string, i: number): Line {
  const colour = PALETTE[i % PALETTE.length];
  return { name, colour, shape: SHAPES[Math.floor(i / PALETTE.length) % SHAPES.length] };
}

/** What every panel of a chart has in common. */
interface Common {
  /** Title of the legend. */
  title: string;
  lines: Line[];
  cases: Cases[];
}

function draw({ title, unit, errors, points }: Panel, common: Common) {
  const axis = errors ? errorAxis(points.map(({ value }) => value)) : undefined;
  const foot = axis?.domain?.[0] ?? -Infinity;
  const values = points.map((point) => ({ ...point, value: Math.max(point.value, foot) }));
  const measured = `${unique(points.map(({ cases }) => cases)).join(" and ")} cases`;
  return {
    title: { text: title, subtitle: [measured, axis?.note].filter(Boolean).join(", ") },
    width: WIDTH_PIXELS,
    height: HEIGHT_PIXELS,
    encoding: {
      x: epochAxis(Math.max(...points.map(({ epoch }) => epoch))),
      y: { field: "value", type: "quantitative", ...verticalAxis(unit, axis) },
    },
    layer: [
      lineLayer(values, common),
      ...common.cases.map((cases) => pointLayer(values, cases, common)),
    ],
  };
}

function epochAxis(lastEpoch: number) {
  return {
    field: "epoch",
    type: "quantitative",
    scale: { domain: lastEpoch > 1 ? [1, lastEpoch] : [0, 2], nice: false, zero: false },
    axis: {
      title: "epoch",
      format: "d",
      grid: false,
      ...lastEpoch > 1 ? { tickMinStep: 1, tickCount: 7 } : { values: [1] },
    },
  };
}

function lineLayer(values: Point[], { title, lines, cases }: Common) {
  return {
    data: { values },
    mark: { type: "line", strokeWidth: 2 },
    encoding: {
      color: {
        field: "name",
        type: "nominal",
        scale: { domain: lines.map(({ name }) => name), range: lines.map(({ colour }) => colour) },
        legend: sharesColours(lines) ? { title } : { title, ...STROKE },
      },
      ...cases.length > 1 && {
        strokeDash: {
          field: "cases",
          type: "nominal",
          scale: { domain: cases, range: cases.map((name) => DASHES[name]) },
          legend: { title: "cases", ...STROKE },
        },
      },
    },
  };
}

/**
 * Points of short lines, hollow of held-out cases; of lines that share a colour, some of each in a shape of
 * its own.
 */
function pointLayer(values: readonly Point[], cases: Cases, { title, lines }: Common) {
  const byLine = groupBy(values.filter((point) => point.cases === cases), ({ name }) => name);
  const marked = [...byLine.values()].flatMap((line) => {
    const step = Math.ceil(line.length / MARKED_POINTS);
    return step === 1 || sharesColours(lines) ? line.filter((_, i) => i % step === 0) : [];
  });
  const field = { field: "name", type: "nominal" }, domain = lines.map(({ name }) => name);
  return {
    data: { values: marked },
    mark: { type: "point", filled: cases === "training", size: 40, opacity: 1 },
    encoding: {
      color: { ...field, scale: { domain, range: lines.map(({ colour }) => colour) } },
      ...sharesColours(lines) && {
        shape: {
          ...field,
          scale: { domain, range: lines.map(({ shape }) => shape) },
          legend: { title },
        },
      },
    },
  };
}

function sharesColours(lines: readonly Line[]): boolean {
  return new Set(lines.map(({ colour }) => colour)).size < lines.length;
}

/** As many names as fit side by side below two panels. */
function legendColumns(lines: readonly Line[]): number {
  const longest = Math.max(...lines.map(({ name }) => name.length));
  return Math.max(1, Math.min(lines.length, Math.floor(100 / (longest + 6))));
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** Errors of one run after each of its epochs, in percent. */
export interface RunErrors {
  name: string;
  training?: readonly number[];
  heldOut?: readonly number[];
}

/**
 * Errors of runs side by side, held-out and training apart; undefined if there are none.
 * @param what what was trained: the panels' titles begin with it
 * @param legend what a run's name names
 */
export function compareErrors(
  what: string,
  legend: string,
  runs: readonly RunErrors[],
): Chart | undefined {
  const panel = (title: string, cases: Cases, pick: (run: RunErrors) => readonly number[]) => ({
    title: `${what}: ${title}`,
    unit: "percent",
    errors: true,
    points: runs.flatMap((run) =>
      pick(run).map((value, i) => ({ name: run.name, cases, epoch: i + 1, value }))
    ),
  });
  const panels = [
    panel("held-out error", "held-out", ({ heldOut = [] }) => heldOut),
    panel("training error", "training", ({ training = [] }) => training),
  ];
  return curves(panels, { title: legend, names: unique(runs.map(({ name }) => name)) });
}
