/**
 * The chains of one run, in batches, and how they start.
 * @module
 */
import { fillUniform, sampleBernoulli, sampleOneHot } from "../math/random.ts";
import { streamOf, streams } from "../math/streams.ts";
import type { ChainState, Conditionals, PixelClamp, Settings } from "./options.ts";
import { Pace } from "./pace.ts";

// B batch, P penultimate units, L labels

/** A slice of the chains that one engine call advances. */
export interface Batch extends ChainState {
  first: number; // index of its first chain
  size: number; // B
  pace: Pace;
}

/** The chains at step 0. */
export async function startChains(model: Conditionals, settings: Settings): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (let first = 0; first < settings.n; first += settings.batchSize) {
    const size = Math.min(settings.batchSize, settings.n - first);
    const labels = startLabels(model, settings, first, size);
    const probabilities = await startProbabilities(model, settings, first, size);
    const visible = new Float32Array(probabilities.length);
    sampleRows(visible, probabilities, model.visibleSize, first, {
      seed: settings.seed,
      step: 0,
      layer: streamOf(streams.start),
    });
    batches.push({
      first,
      size,
      visible,
      visibleProbabilities: probabilities,
      labels,
      labelProbabilities: labels.slice(),
      pace: new Pace(settings.turn),
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
      fillUniform(uniform, { seed, chain: first + row, step: 0, layer: streamOf(streams.label) });
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

/** Puts the held pixels back into images (B, V). */
export function imposePixels(images: Float32Array, { pixels, mask }: PixelClamp): void {
  for (let i = 0; i < images.length; i++) {
    const pixel = i % pixels.length;
    if (mask[pixel]) images[i] = pixels[pixel];
  }
}

/** Bernoulli samples of each row, every row with its own chain's random numbers. */
export function sampleRows(
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
