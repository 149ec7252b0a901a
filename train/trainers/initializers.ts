/**
 * Starting weights of networks that are trained from scratch; names and formulas as in Keras.
 * @module
 */
import { fillNormal, fillUniform, type RandomKey } from "../../src/math/random.ts";
import { streamOf, streams } from "../../src/math/streams.ts";
import type { Initializer } from "../recipes/schema/choices.ts";
import type { Classifier } from "../../src/model/dbn.ts";

// I inputs, O outputs

/** Standard deviation of `normal` and `truncated_normal`, and bound of `uniform`. */
const PLAIN_SCALE = 0.05;
/** Standard deviation of N(0, 1) cut off at ±2. */
const TRUNCATED_STD = 0.87962566103423978;

/** A network of the layers' sizes, image first and labels last; biases are 0. */
export function initialNetwork(
  sizes: readonly number[],
  initializer: Exclude<Initializer, "pretrained">,
  seed: number,
): Classifier {
  return sizes.slice(1).map((outputSize, layer) => {
    const inputSize = sizes[layer];
    const kernel = new Float32Array(inputSize * outputSize);
    const key = { seed, chain: 0, step: 0, layer: streamOf(streams.initialNetwork, layer) };
    draw(kernel, initializer, inputSize, outputSize, key);
    return { inputSize, outputSize, kernel, bias: new Float32Array(outputSize) };
  });
}

function draw(
  out: Float32Array,
  initializer: Exclude<Initializer, "pretrained">,
  inputs: number,
  outputs: number,
  key: RandomKey,
): void {
  const [kind, shape] = initializer.split("_");
  // Glorot, Bengio (2010); He et al. (2015); LeCun et al. (1998)
  const variances: Record<string, number> = {
    glorot: 2 / (inputs + outputs),
    he: 2 / inputs,
    lecun: 1 / inputs,
  };
  const variance = variances[kind];
  if (variance === undefined) {
    if (kind === "uniform") fillSpread(out, PLAIN_SCALE, key);
    else if (kind === "normal") fillScaled(out, PLAIN_SCALE, key);
    else fillTruncated(out, PLAIN_SCALE, key);
  } else if (shape === "uniform") fillSpread(out, Math.sqrt(3 * variance), key);
  else fillTruncated(out, Math.sqrt(variance) / TRUNCATED_STD, key);
}

function fillSpread(out: Float32Array, bound: number, key: RandomKey): void {
  fillUniform(out, key);
  for (let i = 0; i < out.length; i++) out[i] = (2 * out[i] - 1) * bound;
}

function fillScaled(out: Float32Array, std: number, key: RandomKey): void {
  fillNormal(out, key);
  for (let i = 0; i < out.length; i++) out[i] *= std;
}

/** N(0, std²) with everything beyond two standard deviations drawn again. */
function fillTruncated(out: Float32Array, std: number, key: RandomKey): void {
  fillNormal(out, key);
  const again = new Float32Array(out.length);
  for (let step = 1; out.some((x) => Math.abs(x) > 2); step++) {
    fillNormal(again, { ...key, step });
    for (let i = 0; i < out.length; i++) if (Math.abs(out[i]) > 2) out[i] = again[i];
  }
  for (let i = 0; i < out.length; i++) out[i] *= std;
}
