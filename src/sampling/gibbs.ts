/**
 * Gibbs chains in the top RBM, with one down-pass for every kept step.
 * Hinton, Osindero, Teh (2006), §7: alternating Gibbs sampling with the label clamped or free.
 *
 * Every random number is keyed by (seed, chain, step, layer, unit): chain i is the same chain
 * whatever `n` and `batchSize` are.
 * @module
 */
import { concatFloats } from "../math/matrix.ts";
import { fillUniform, sampleOneHot } from "../math/random.ts";
import { streamOf, streams } from "../math/streams.ts";
import { type Batch, imposePixels, sampleRows, startChains } from "./batch.ts";
import {
  type Conditionals,
  DEFAULTS,
  type GibbsOptions,
  LABEL_ANNEAL_STEPS,
  LABEL_GAIN,
  type PixelClamp,
  resolveOptions,
  type Settings,
} from "./options.ts";

export type { ChainStart, Conditionals, GibbsOptions, PixelClamp } from "./options.ts";

// N chains, B batch, V image pixels, P penultimate units, H top hidden units, L labels

/** The state of all chains at a kept step. */
export interface GibbsFrame {
  /** Counted from 1. */
  step: number;
  /** Pixel probabilities (N, V). */
  images: Float32Array;
  /** p(y|h), or the clamped one-hot rows (N, L). */
  labels: Float32Array;
  /** The binary penultimate state of the chain (N, P). */
  visible: Float32Array;
}

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
  for (let step = 1, kept = 0; step <= settings.steps; step = kept + 1) {
    kept = nextKept(step, settings);
    const images: Float32Array[] = [];
    for (const batch of chains) {
      await advanceTo(model, batch, step, kept, settings);
      if (settings.signal?.aborted) return;
      images.push(await render(model, batch, settings));
    }
    yield {
      step: kept,
      images: concatFloats(images),
      labels: concatFloats(chains.map((batch) => batch.labelProbabilities)),
      visible: concatFloats(chains.map((batch) => batch.visible)),
    };
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

/** The first kept step that is not before `step`. */
function nextKept(step: number, { burnIn, thin, steps }: Settings): number {
  const periods = Math.max(1, Math.ceil((step - burnIn) / thin));
  return Math.min(steps, burnIn + periods * thin);
}

/** Runs a batch's steps `first` … `last`, with turns of the event loop, until its signal is aborted. */
async function advanceTo(
  model: Conditionals,
  batch: Batch,
  first: number,
  last: number,
  settings: Settings,
): Promise<void> {
  const whole = model.runChains !== undefined && !settings.clamp;
  for (let step = first, steps = 0; step <= last; step += steps) {
    if (settings.signal?.aborted) return;
    const started = performance.now();
    steps = Math.min(whole ? batch.pace.size : 1, last - step + 1);
    if (whole) runSegment(model, batch, step, steps, settings);
    else await advance(model, batch, step, settings);
    await batch.pace.done(steps, started);
  }
}

/** Steps in one call of an engine that can. */
function runSegment(
  model: Conditionals,
  batch: Batch,
  firstStep: number,
  steps: number,
  { seed, temperature, labels, start }: Settings,
): void {
  const labelGain = Float32Array.from(
    { length: steps },
    (_, i) => start === "label" ? labelGainAt(firstStep + i) : 1,
  );
  const clamped = labels !== undefined;
  const held = clamped ? batch.labels.slice() : undefined;
  const segment = {
    firstChain: batch.first,
    firstStep,
    steps,
    seed,
    temperature,
    clamped,
    labelGain,
  };
  model.runChains!(batch, segment);
  if (held) batch.labelProbabilities = held;
}

/** h ~ p(h|v,y); v, y ~ p(v,y|h), with what is clamped put back. */
async function advance(
  model: Conditionals,
  batch: Batch,
  step: number,
  { seed, temperature, labels, clamp, start }: Settings,
): Promise<void> {
  const weighted = start === "label" ? scaleLabels(batch.labels, step) : batch.labels;
  const hidden = await model.hiddenGivenVisible(batch.visible, weighted, temperature);
  sampleRows(hidden, hidden, model.hiddenSize, batch.first, {
    seed,
    step,
    layer: streamOf(streams.hidden),
  });
  const below = await model.visibleGivenHidden(hidden, temperature);
  batch.visibleProbabilities = below.visible;
  if (clamp) batch.visibleProbabilities = await holdPixels(model, batch, clamp);
  sampleRows(batch.visible, batch.visibleProbabilities, model.visibleSize, batch.first, {
    seed,
    step,
    layer: streamOf(streams.visible),
  });
  if (!labels) sampleLabels(model, batch, below.labels, step, seed);
}

/** One-hot labels (B, L) times the label gain of a chain that starts from its label. */
function scaleLabels(labels: Float32Array, step: number): Float32Array {
  const labelGain = labelGainAt(step);
  return labelGain > 1 ? labels.map((on) => on * labelGain) : labels;
}

/** What the label counts at a step of a chain that starts from it: 4 at first, 1 after the anneal. */
function labelGainAt(step: number): number {
  return Math.max(1, LABEL_GAIN - (LABEL_GAIN - 1) * (step - 1) / LABEL_ANNEAL_STEPS);
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
    fillUniform(uniform, { seed, chain: batch.first + row, step, layer: streamOf(streams.label) });
    sampleOneHot(batch.labels, probabilities, row * model.labelSize, model.labelSize, uniform[0]);
  }
}
