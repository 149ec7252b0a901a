/**
 * Signs that training went wrong though every number is finite, each with its likely cause and remedy.
 * All of it is read from what a stage leaves: nothing is measured while an epoch runs.
 * @module
 */
import type { Classifier } from "../../src/model/dbn.ts";
import type { ValueRange } from "../data/check.ts";
import { runDense } from "../data/dense.ts";
import { type Examples, readRows } from "../data/examples.ts";
import type { Metrics } from "../trainers/trainer.ts";

// N cases, I inputs, H hidden

/** What each warning is about. */
export type WarningKind =
  | "faint data"
  | "exploding weights"
  | "constant layer"
  | "saturated units"
  | "error at chance";

/** One warning of a run. */
export interface TrainingWarning {
  /** `data`, or the stage that it is about. */
  stage: string;
  /** What went wrong. */
  kind: WarningKind;
  /** The field of the recipe that is to be changed, with its value, where weights are too large. */
  field?: string;
  /** What was found, the likely cause and what to do. */
  message: string;
}

/**
 * Whether what an earlier warning is about explains a later one: each stage learns from what the ones before it
 * made, so it does, unless weights are too large by another field of the recipe.
 */
export function isExplained(later: TrainingWarning, earlier: TrainingWarning): boolean {
  return later.kind !== "exploding weights" || later.field === earlier.field;
}

/** One step of a byte at divisor 255: images of bytes that never pass it hold 0 and 1 alone. */
const BYTE_STEP = 1 / 255;

/**
 * From here one input alone decides a unit: σ(x) rounds to 1 in float32 from x ≈ 17. Weights of the released
 * model end at 3.4.
 */
const LARGEST_WEIGHT = 20;

/** Training cases whose activations are looked at. */
const CASES = 1000;

/** A sigmoid unit that varies by less over the cases tells nothing of them. */
const CONSTANT_RANGE = 0.01;

/** Of the units of a healthy layer up to half are constant: 1,065 of 2,000 in the released classifier's top one. */
const CONSTANT_SHARE = 0.9;

/** As near 0 or 1 the gradient of σ, h(1 − h), is as small, and a unit hardly learns. */
const SATURATION = 1e-6;

/** The released model has 6 % of such activations in a layer at most. */
const SATURATED_SHARE = 0.5;

/** Standard errors by which an error must be better than chance; guessing is, in 1 run of 740. */
const CHANCE_ERRORS = 3;

/** The initial weights' largest are about 0.05: N(0, 0.01²), Hinton (2012), §8. */
const UNTRAINED_WEIGHT = 0.05;

/** σ(4.6) = 0.99: a bias beyond it leaves its unit less than {@linkcode CONSTANT_RANGE}. */
const HOLDING_BIAS = 4.6;

/** Warns of training data that are almost black, as bytes 0 and 1 are at divisor 255. */
export function dataWarnings({ high }: ValueRange): TrainingWarning[] {
  if (high > BYTE_STEP + 1e-6) return [];
  const message = high <= 0
    ? "no value is above 0; the images are blank, or of another format than the data's reader takes"
    : `no value is above 1/255 (the largest is ${shown(high)}); ` +
      "images of bytes 0 and 1 need --divisor 1 (recipe field divisor)";
  return [{ stage: "data", kind: "faint data", message }];
}

/** A layer as it computes upwards. */
export interface LayerParameters {
  inputSize: number; // I
  weights: Float32Array; // (I, H)
  bias: Float32Array; // (H)
  activation?: "sigmoid" | "relu";
}

/** What a layer's warning names. */
export interface LayerContext {
  stage: string;
  /** The field of the recipe that a too high learning rate stands in, with its value. */
  learningRate: string;
  /** Whether the size of weights tells something; it does not under batch normalization. */
  scaled?: boolean;
}

/** The rows (N, I) that layers are looked at with: the first training cases. */
export function healthCases(examples: Examples): Float32Array {
  return readRows(examples, 0, Math.min(CASES, examples.count));
}

/**
 * At most one warning of a layer, the first of: exploding weights, constant, saturated; each would bring
 * the next with it. And the layer's outputs (N, H), for the layer above.
 */
export async function inspectLayer(
  layer: LayerParameters,
  inputs: Float32Array,
  context: LayerContext,
): Promise<{ outputs: Float32Array; warnings: TrainingWarning[] }> {
  const { inputSize, weights, bias, activation = "sigmoid" } = layer;
  const count = inputs.length / inputSize, outputs = new Float32Array(count * bias.length);
  await runDense(
    {
      count,
      read: (first, rows) => inputs.subarray(first * inputSize, (first + rows) * inputSize),
      use: (rows, first) => outputs.set(rows, first * bias.length),
    },
    { inputSize, weights, bias },
    activation === "relu" ? "relu" : { temperature: 1 },
  );
  const { stage, learningRate, scaled = true } = context;
  const warn = (kind: WarningKind, message: string, field?: string) => ({
    outputs,
    warnings: [{ stage, kind, message, ...(field !== undefined && { field }) }],
  });
  const largest = largestOf(weights);
  if (scaled && largest > LARGEST_WEIGHT) {
    return warn(
      "exploding weights",
      `the largest weight is ${shown(largest)}, above ${LARGEST_WEIGHT}; ` +
        `the learning rate is likely too high: lower ${learningRate}`,
      learningRate,
    );
  }
  const constant = constantUnits(outputs, bias.length, activation);
  if (count > 1 && constant >= CONSTANT_SHARE * bias.length) {
    return warn(
      "constant layer",
      `${constant} of ${bias.length} units are the same for ${count} training cases; ` +
        constantCause(layer, inputs, { largest, learningRate }),
    );
  }
  if (activation === "relu") return { outputs, warnings: [] };
  const saturated = outputs.filter((h) => h < SATURATION || h > 1 - SATURATION).length;
  if (saturated <= SATURATED_SHARE * outputs.length) return { outputs, warnings: [] };
  return warn(
    "saturated units",
    `${Math.round(100 * saturated / outputs.length)} % of activations are 0 or 1 within ` +
      `${SATURATION}, where units hardly learn; inputs or weights are too large: ` +
      `lower ${learningRate}, or raise the weight cost`,
  );
}

/** {@linkcode inspectLayer} of each hidden layer of a network, named `classifier layer 1` …  */
export async function inspectNetwork(
  network: Classifier,
  cases: Float32Array,
  context: LayerContext,
): Promise<TrainingWarning[]> {
  const found: TrainingWarning[] = [];
  let inputs = cases;
  for (const [i, { inputSize, kernel, bias, activation }] of network.slice(0, -1).entries()) {
    const layer = { inputSize, weights: kernel, bias, activation };
    const stage = `${context.stage} layer ${i + 1}`;
    const { outputs, warnings } = await inspectLayer(layer, inputs, { ...context, stage });
    found.push(...warnings);
    inputs = outputs;
  }
  return found;
}

/** The number of units, columns of (N, H), that do not vary over the rows. */
function constantUnits(outputs: Float32Array, size: number, activation: string): number {
  const limit = activation === "relu" ? 0 : CONSTANT_RANGE; // a dead ReLU is exactly 0
  let constant = 0;
  for (let unit = 0; unit < size; unit++) {
    let low = Infinity, high = -Infinity;
    for (let at = unit; at < outputs.length; at += size) {
      low = Math.min(low, outputs[at]);
      high = Math.max(high, outputs[at]);
    }
    if (high - low <= limit) constant++;
  }
  return constant;
}

function constantCause(
  { inputSize, bias }: LayerParameters,
  inputs: Float32Array,
  { largest, learningRate }: { largest: number; learningRate: string },
): string {
  if (constantUnits(inputs, inputSize, "sigmoid") === inputSize) {
    return "its inputs are too: look at the data, or at the layer below";
  }
  if (largestOf(bias) > HOLDING_BIAS) {
    return "biases hold them at 0 or 1; the learning rate is likely too high, or a sparsity target " +
      `too strong: lower ${learningRate}`;
  }
  if (largest < UNTRAINED_WEIGHT) {
    return `its weights hardly left 0: raise ${learningRate} or the epochs, or lower the weight cost`;
  }
  return `the learning rate is likely too high: lower ${learningRate}`;
}

/** The sets that a stage's errors were measured on. */
export interface ErrorCases {
  train: Uint8Array; // labels
  validation?: Uint8Array; // labels
}

/** Warns of an error that is not clearly below that of always naming the commonest class. */
export function chanceWarnings(
  metrics: Metrics | undefined,
  labels: ErrorCases,
  { stage, learningRate }: LayerContext,
): TrainingWarning[] {
  const measured = measuredError(metrics ?? {}, labels);
  if (!measured) return [];
  const { percent, of } = measured, chance = chancePercent(of);
  const standardError = Math.sqrt(chance * (100 - chance) / of.length);
  if (chance === 0 || percent < chance - CHANCE_ERRORS * standardError) return [];
  const message = `its error is ${percent.toFixed(1)} %, no better than the ` +
    `${chance.toFixed(1)} % of always naming the commonest class; ` +
    `labels may not belong to the images, or ${learningRate} or the epochs do not fit`;
  return [{ stage, kind: "error at chance", message }];
}

/** Held-out errors before those of training cases. */
function measuredError(
  metrics: Metrics,
  { train, validation }: ErrorCases,
): { percent: number; of: Uint8Array } | undefined {
  const { val_error_percent: held, error_percent: own, accuracy } = metrics;
  if (validation && held !== undefined) return { percent: held, of: validation };
  if (own !== undefined) return { percent: own, of: train };
  return accuracy === undefined ? undefined : { percent: 100 * (1 - accuracy), of: train };
}

function chancePercent(labels: Uint8Array): number {
  const counts = new Uint32Array(256);
  for (const label of labels) counts[label]++;
  return 100 * (1 - Math.max(...counts) / labels.length);
}

function largestOf(values: Float32Array): number {
  return values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}

function shown(x: number): string {
  return String(Number(x.toPrecision(3)));
}
