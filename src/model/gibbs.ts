/**
 * Gibbs chains in the top RBM, with one down-pass for every kept step.
 * Hinton, Osindero, Teh (2006), §7: alternating Gibbs sampling with the label clamped or free.
 *
 * Every random number is keyed by (seed, chain, step, layer, unit): chain i is the same chain
 * whatever `n` and `batchSize` are.
 * @module
 */
import { checkInteger, checkShape } from "../math/matrix.ts";
import { checkSeed, fillUniform, sampleBernoulli, sampleOneHot, streams } from "../math/random.ts";

// N chains, B batch, V image pixels, P penultimate units, H top hidden units, L labels

/** The conditionals that a chain needs; every engine has them. */
export interface Conditionals {
  readonly imageSize: number; // V
  readonly visibleSize: number; // P
  readonly labelSize: number; // L
  readonly hiddenSize: number; // H
  readonly visibleMean: Float32Array; // mean activity of the penultimate units in training (P)
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
const LABEL_DRIVE = 4;

/** Pixels held fixed while the others are sampled (in-painting). */
export interface PixelClamp {
  pixels: Float32Array; // (V), in [0, 1]
  mask: ArrayLike<number | boolean>; // (V), truthy where the pixel is held
}

/** Options of {@linkcode gibbsChain}; the names follow scikit-learn and Keras. */
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
  /** @default "label" where a label is clamped, else "mean" */
  start?: ChainStart;
  /** Pixels to hold. Adds a down-pass and an up-pass to every step. */
  clamp?: PixelClamp;
  /** Ends the chain quietly when aborted. */
  signal?: AbortSignal;
}

/** The state of all chains at a kept step. */
export interface GibbsFrame {
  step: number; // counted from 1
  images: Float32Array; // pixel probabilities (N, V)
  labels: Float32Array; // p(y|h), or the clamped one-hot rows (N, L)
  /** The binary penultimate state of the chain (N, P). */
  visible: Float32Array;
}

/** Options with every default filled in and every bound checked. */
type Settings =
  & Required<Omit<GibbsOptions, "label" | "clamp" | "signal">>
  & Pick<GibbsOptions, "clamp" | "signal">
  & { labels: number[] | undefined };

/** Multiplications between two turns of the event loop: a few milliseconds of work. */
const WORK_PER_TURN = 30_000_000;

/**
 * Runs `n` chains for `steps` steps and yields a frame for every kept step.
 *
 * @throws {RangeError} naming the bound and the value when an option is out of range.
 */
export async function* gibbsChain(
  model: Conditionals,
  options: GibbsOptions = {},
): AsyncGenerator<GibbsFrame, void, void> {
  const settings = resolveOptions(model, options);
  const chains = await startChains(model, settings);
  const workPerChain = 2 * (model.visibleSize + model.labelSize) * model.hiddenSize;
  let work = 0;
  for (let step = 1; step <= settings.steps; step++) {
    const keep = isKept(step, settings);
    const images = keep ? new Float32Array(settings.n * model.imageSize) : undefined;
    for (const batch of chains) {
      if (settings.signal?.aborted) return;
      await advance(model, batch, step, settings);
      if (images) images.set(await render(model, batch, settings), batch.first * model.imageSize);
      work += batch.size * workPerChain;
      if (work >= WORK_PER_TURN) {
        work = 0;
        await eventLoopTurn();
      }
    }
    if (settings.signal?.aborted) return;
    if (images) {
      yield {
        step,
        images,
        labels: gather(chains, (batch) => batch.labelProbabilities),
        visible: gather(chains, (batch) => batch.visible),
      };
    }
  }
}

/** The last frame of a chain. @throws {DOMException} AbortError when `signal` ended it first. */
export async function generateFrame(
  model: Conditionals,
  options: GibbsOptions = {},
): Promise<GibbsFrame> {
  const steps = options.steps ?? DEFAULTS.steps;
  let last: GibbsFrame | undefined;
  for await (const frame of gibbsChain(model, { ...options, burnIn: 0, thin: steps })) last = frame;
  if (!last) throw new DOMException("The chain was aborted", "AbortError");
  return last;
}

const DEFAULTS = {
  n: 1,
  steps: 200,
  burnIn: 0,
  thin: 1,
  batchSize: 100,
  seed: 0,
  temperature: 1,
};

/** A slice of the chains that one engine call advances. */
interface Batch {
  first: number; // index of its first chain
  size: number; // B
  visible: Float32Array; // binary (B, P)
  visibleProbabilities: Float32Array; // (B, P)
  labels: Float32Array; // one-hot (B, L)
  labelProbabilities: Float32Array; // (B, L)
}

function isKept(step: number, { burnIn, thin, steps }: Settings): boolean {
  return step === steps || (step > burnIn && (step - burnIn) % thin === 0);
}

/** h ~ p(h|v,y); v, y ~ p(v,y|h), with what is clamped put back. */
async function advance(
  model: Conditionals,
  batch: Batch,
  step: number,
  { seed, temperature, labels, clamp, start }: Settings,
): Promise<void> {
  const driven = start === "label" ? driveLabels(batch.labels, step) : batch.labels;
  const hidden = await model.hiddenGivenVisible(batch.visible, driven, temperature);
  sampleRows(hidden, hidden, model.hiddenSize, batch.first, { seed, step, layer: streams.hidden });
  const below = await model.visibleGivenHidden(hidden, temperature);
  batch.visibleProbabilities = below.visible;
  if (clamp) batch.visibleProbabilities = await holdPixels(model, batch, clamp);
  sampleRows(batch.visible, batch.visibleProbabilities, model.visibleSize, batch.first, {
    seed,
    step,
    layer: streams.visible,
  });
  if (!labels) sampleLabels(model, batch, below.labels, step, seed);
}

/** One-hot labels (B, L) times the drive of a chain that starts from its label. */
function driveLabels(labels: Float32Array, step: number): Float32Array {
  const drive = LABEL_DRIVE - (LABEL_DRIVE - 1) * (step - 1) / LABEL_ANNEAL_STEPS;
  return drive > 1 ? labels.map((on) => on * drive) : labels;
}

/** Down to the pixels, put the held ones back, and up again. */
async function holdPixels(
  model: Conditionals,
  batch: Batch,
  clamp: PixelClamp,
): Promise<Float32Array> {
  const images = await model.downPass(batch.visibleProbabilities);
  imposePixels(images, clamp);
  return await model.upPass(images);
}

async function render(
  model: Conditionals,
  batch: Batch,
  { clamp }: Settings,
): Promise<Float32Array> {
  const images = await model.downPass(batch.visibleProbabilities);
  if (clamp) imposePixels(images, clamp);
  return images;
}

function imposePixels(images: Float32Array, { pixels, mask }: PixelClamp): void {
  for (let i = 0; i < images.length; i++) {
    const pixel = i % pixels.length;
    if (mask[pixel]) images[i] = pixels[pixel];
  }
}

function sampleLabels(
  model: Conditionals,
  batch: Batch,
  probabilities: Float32Array,
  step: number,
  seed: number,
): void {
  batch.labelProbabilities = probabilities;
  batch.labels = probabilities.slice();
  const uniform = new Float32Array(1);
  for (let row = 0; row < batch.size; row++) {
    fillUniform(uniform, { seed, chain: batch.first + row, step, layer: streams.label });
    sampleOneHot(batch.labels, probabilities, row * model.labelSize, model.labelSize, uniform[0]);
  }
}

/** Bernoulli samples of each row, every row with its own chain's random numbers. */
function sampleRows(
  out: Float32Array,
  probabilities: Float32Array,
  size: number,
  firstChain: number,
  key: { seed: number; step: number; layer: number },
): void {
  const uniform = new Float32Array(size);
  for (let row = 0; row * size < out.length; row++) {
    fillUniform(uniform, { ...key, chain: firstChain + row });
    const from = row * size;
    sampleBernoulli(
      out.subarray(from, from + size),
      probabilities.subarray(from, from + size),
      uniform,
    );
  }
}

async function startChains(model: Conditionals, settings: Settings): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (let first = 0; first < settings.n; first += settings.batchSize) {
    const size = Math.min(settings.batchSize, settings.n - first);
    const labels = startLabels(model, settings, first, size);
    const probabilities = await startProbabilities(model, settings, first, size);
    const visible = new Float32Array(probabilities.length);
    sampleRows(visible, probabilities, model.visibleSize, first, {
      seed: settings.seed,
      step: 0,
      layer: streams.start,
    });
    batches.push({
      first,
      size,
      visible,
      visibleProbabilities: probabilities,
      labels,
      labelProbabilities: labels,
    });
  }
  return batches;
}

/** One-hot rows of the clamped labels, or a uniformly drawn label a chain. */
function startLabels(
  { labelSize }: Conditionals,
  { labels, seed }: Settings,
  first: number,
  size: number,
): Float32Array {
  const rows = new Float32Array(size * labelSize).fill(1 / labelSize);
  const uniform = new Float32Array(1);
  for (let row = 0; row < size; row++) {
    const at = row * labelSize;
    if (labels) {
      rows.fill(0, at, at + labelSize)[at + labels[first + row]] = 1;
    } else {
      fillUniform(uniform, { seed, chain: first + row, step: 0, layer: streams.label });
      sampleOneHot(rows, rows.slice(), at, labelSize, uniform[0]);
    }
  }
  return rows;
}

async function startProbabilities(
  model: Conditionals,
  { start, clamp }: Settings,
  first: number,
  size: number,
): Promise<Float32Array> {
  if (typeof start === "string") {
    const probabilities = new Float32Array(size * model.visibleSize).fill(0.5);
    if (start === "noise") return probabilities;
    for (let row = 0; row < size; row++) {
      probabilities.set(model.visibleMean, row * model.visibleSize);
    }
    return probabilities;
  }
  const images = start.slice(first * model.imageSize, (first + size) * model.imageSize);
  if (clamp) imposePixels(images, clamp);
  return await model.upPass(images);
}

function resolveOptions(model: Conditionals, options: GibbsOptions): Settings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const merged = { ...DEFAULTS, ...Object.fromEntries(given) } as typeof DEFAULTS & GibbsOptions;
  const { n, steps, burnIn, thin, batchSize, temperature, label, clamp, signal } = merged;
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

function gather(chains: Batch[], pick: (batch: Batch) => Float32Array): Float32Array {
  const parts = chains.map(pick);
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Lets timers, sockets and aborts run between two pieces of a long chain. */
function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
