/**
 * What a Gibbs chain is asked for: its options, their defaults and bounds, and what it needs of a model.
 * @module
 */
import { checkInteger, checkShape } from "../math/matrix.ts";
import { checkSeed } from "../math/random.ts";

// N chains, B batch, V image pixels, P penultimate units, H top hidden units, L labels

/** The conditionals that a chain needs; every engine has them. */
export interface Conditionals {
  /** Pixels of an image, V. */
  readonly imageSize: number;
  /** Penultimate units, P. */
  readonly visibleSize: number;
  /** Label units, L. */
  readonly labelSize: number;
  /** Hidden units of the top RBM, H. */
  readonly hiddenSize: number;
  /** Mean activity of the penultimate units in training (P). */
  readonly visibleMean: Float32Array;
  /** p(h=1|v,y) at a temperature: visible (B, P), labels (B, L) → (B, H). */
  hiddenGivenVisible(
    visible: Float32Array,
    labels: Float32Array,
    temperature: number,
  ): Promise<Float32Array>;
  /** p(v=1|h) and p(y|h) at a temperature: hidden (B, H) → (B, P) and (B, L). */
  visibleGivenHidden(
    hidden: Float32Array,
    temperature: number,
  ): Promise<{ visible: Float32Array; labels: Float32Array }>;
  /** Deterministic up-pass: images (B, V) in [0, 1] → (B, P). */
  upPass(images: Float32Array): Promise<Float32Array>;
  /** Deterministic down-pass: (B, P) → pixel probabilities (B, V). */
  downPass(visible: Float32Array): Promise<Float32Array>;
  /** Many steps in one call, for engines that can. How steps are cut into calls changes no bit. */
  runChains?(state: ChainState, segment: ChainSegment): void;
}

/** Chains between two steps; changed in place. */
export interface ChainState {
  /** Binary states (B, P). */
  visible: Float32Array;
  /** Of the last step (B, P). */
  visibleProbabilities: Float32Array;
  /** One-hot (B, L). */
  labels: Float32Array;
  /** Of the last step (B, L). */
  labelProbabilities: Float32Array;
}

/** What a call of `runChains` does. */
export interface ChainSegment {
  /** Number of the first chain in the state. */
  firstChain: number;
  /** Number of the first step. */
  firstStep: number;
  /** Steps to make. */
  steps: number;
  /** What every random number depends on. */
  seed: number;
  /** Divides every logit. */
  temperature: number;
  /** Whether labels are held. */
  clamped: boolean;
  /** How often the label counts at each step, (steps). */
  labelGain: Float32Array;
}

/**
 * Where the chains start.
 *
 * - `"noise"`: fair coin flips in the penultimate layer.
 * - `"mean"`: each penultimate unit on with its mean activity over the training set.
 * - `"label"`: as `"mean"`, with the clamped label counted 4 times over at first, falling to once
 *   at step {@linkcode LABEL_ANNEAL_STEPS}: 10 label units are few beside 500 others, and a chain
 *   from noise needs about a thousand steps to follow them. Later steps are plain Gibbs steps.
 * - images (N, V) in [0, 1]: their up-pass.
 */
export type ChainStart = "noise" | "mean" | "label" | Float32Array;

/** Steps over which a chain from its label returns to the model's own weights. */
export const LABEL_ANNEAL_STEPS = 90;
/** How many times the label counts at a chain's first step. */
export const LABEL_GAIN = 4;

/** Pixels held fixed while the others are sampled (in-painting). */
export interface PixelClamp {
  /** What is held (V), in [0, 1]. */
  pixels: Float32Array;
  /** Truthy where the pixel is held (V). */
  mask: ArrayLike<number | boolean>;
}

/** Options of `gibbsChain`; the names follow scikit-learn and Keras. */
export interface GibbsOptions {
  /** Number of chains. @default 1 */
  n?: number;
  /** Label to clamp: one for all chains, or one a chain. Free when left out. */
  label?: number | readonly number[];
  /** Gibbs steps in all, burn-in included. @default 200 */
  steps?: number;
  /** Steps to run before the first kept one. @default 0 */
  burnIn?: number;
  /** Keep one step in `thin` after the burn-in; the last step is always kept. @default 1 */
  thin?: number;
  /** Chains advanced by one engine call; changes speed, never the digits. @default 100 */
  batchSize?: number;
  /** Integer in [0, 2^53 - 1]. @default 0 */
  seed?: number;
  /** Divides every logit of the top RBM. @default 1 */
  temperature?: number;
  /** Where the chains start. @default "label" where a label is clamped, else "mean" */
  start?: ChainStart;
  /** Pixels to hold. Adds a down-pass and an up-pass to every step. */
  clamp?: PixelClamp;
  /** Ends the chain quietly when aborted. */
  signal?: AbortSignal;
  /** Awaited every few milliseconds of work, so that others can go on. @default a turn of the event loop */
  turn?: () => Promise<void>;
}

/** Options with every default filled in and every bound checked. */
export type Settings =
  & Required<Omit<GibbsOptions, "label" | "clamp" | "signal" | "turn">>
  & Pick<GibbsOptions, "clamp" | "signal" | "turn">
  & { labels: number[] | undefined };

/** Defaults of {@linkcode GibbsOptions}. */
export const DEFAULTS = {
  n: 1,
  steps: 200,
  burnIn: 0,
  thin: 1,
  batchSize: 100,
  seed: 0,
  temperature: 1,
};

/** Fills in defaults. @throws {RangeError} naming the bound and the value of what is out of range. */
export function resolveOptions(model: Conditionals, options: GibbsOptions): Settings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const merged = { ...DEFAULTS, ...Object.fromEntries(given) } as typeof DEFAULTS & GibbsOptions;
  const { n, steps, burnIn, thin, batchSize, temperature, label, clamp, signal, turn } = merged;
  const start = merged.start ?? (label === undefined ? "mean" : "label");
  checkInteger("Cannot sample: n", n, 1, 65536);
  checkInteger("Cannot sample: steps", steps, 1, 2 ** 32 - 1);
  checkInteger("Cannot sample: burnIn", burnIn, 0, steps - 1);
  checkInteger("Cannot sample: thin", thin, 1, steps);
  checkInteger("Cannot sample: batchSize", batchSize, 1, 65536);
  checkSeed(merged.seed);
  if (!(temperature > 0 && temperature < Infinity)) {
    throw new RangeError(
      `Cannot sample: temperature must be a finite number > 0, got ${temperature}`,
    );
  }
  const labels = resolveLabels(label, n, model.labelSize);
  checkStart(start, labels, n, model.imageSize);
  if (clamp) {
    checkShape("clamp pixels", clamp.pixels, 1, model.imageSize);
    checkShape("clamp mask", clamp.mask as ArrayLike<number>, 1, model.imageSize);
  }
  return {
    n,
    steps,
    burnIn,
    thin,
    batchSize,
    seed: merged.seed,
    temperature,
    start,
    labels,
    clamp,
    signal,
    turn,
  };
}

function resolveLabels(
  label: number | readonly number[] | undefined,
  n: number,
  labelSize: number,
): number[] | undefined {
  if (label === undefined) return undefined;
  const labels = typeof label === "number" ? new Array<number>(n).fill(label) : [...label];
  if (labels.length !== n) {
    throw new RangeError(`Cannot sample: need one label a chain, ${n}, got ${labels.length}`);
  }
  labels.forEach((one) => checkInteger("Cannot sample: label", one, 0, labelSize - 1));
  return labels;
}

function checkStart(
  start: ChainStart,
  labels: number[] | undefined,
  n: number,
  imageSize: number,
): void {
  if (start === "noise" || start === "mean") return;
  if (start === "label") {
    if (!labels) throw new RangeError('Cannot sample: start "label" needs a label');
    return;
  }
  if (!(start instanceof Float32Array)) {
    throw new TypeError(
      `Cannot sample: start must be "noise", "mean", "label" or a Float32Array of images, got ${start}`,
    );
  }
  checkShape("start images", start, n, imageSize);
}
