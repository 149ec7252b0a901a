/**
 * Imports a classifier from PyTorch or Keras: a multi-layer perceptron of fully connected layers.
 * @module
 */
import { MAX_LAYER_UNITS } from "../../src/format/config.ts";
import { findNotFinite } from "../../src/format/safetensors.ts";
import type { Classifier, DenseLayer, HiddenActivation } from "../../src/model/dbn.ts";
import { fail, shapeText, transposed } from "./arrays.ts";
import { type LayerArrays, layersInOrder } from "./layers.ts";
import { readArrays } from "./read.ts";

// I inputs and O outputs of a layer

/** Programs whose parameters are read. */
export type ClassifierSource = "pytorch" | "keras";

/** Each of them. */
export const classifierSources: readonly ClassifierSource[] = ["pytorch", "keras"];

/** What the file does not say of the network. */
export interface ImportClassifierOptions {
  /**
   * Where the parameters are from, and so how they lie: `pytorch` has weights (O, I) by name, `keras`
   * kernels (I, O) and biases by turns.
   */
  from: ClassifierSource;
  /** Of the hidden layers; that of the last layer is softmax. */
  activation: HiddenActivation;
  /** PyTorch's modules in their order, such as `["fc1", "fc2"]`, where neither numbers nor sizes tell it. */
  layers?: readonly string[];
  /** What was subtracted from pixels in [0, 1] before they went in. @default 0 */
  mean?: number;
  /** By what they were divided after that. @default 1 */
  std?: number;
  /** What errors call the file. @default "the file" */
  file?: string;
}

/** Bound of mean and standard deviation of pixels. */
export const MAX_SCALE = 1e6;

/**
 * The classifier in the bytes of a safetensors file or NPZ archive; it takes pixels in [0, 1].
 * @throws {ImportError} naming file, array, bound and value where the arrays are no such network.
 * @throws {RangeError} if `mean` or `std` is out of bounds.
 */
export async function importClassifier(
  bytes: Uint8Array,
  options: ImportClassifierOptions,
): Promise<Classifier> {
  const { from, activation, layers, mean = 0, std = 1, file = "the file" } = options;
  checkScaling(mean, std);
  const arrays = await readArrays(bytes, { file });
  const ordered = layersInOrder(arrays, { from, layers, file });
  return ordered.map((layer, i) => ({
    ...(i === 0 ? scaled(denseLayer(layer, file), { mean, std }) : denseLayer(layer, file)),
    ...(i < ordered.length - 1 && activation !== "sigmoid" && { activation }),
  }));
}

function checkScaling(mean: number, std: number): void {
  if (!(Math.abs(mean) <= MAX_SCALE)) {
    throw new RangeError(`mean must be in [-${MAX_SCALE}, ${MAX_SCALE}], got ${mean}`);
  }
  if (!(std >= 1 / MAX_SCALE && std <= MAX_SCALE)) {
    throw new RangeError(`std must be in [${1 / MAX_SCALE}, ${MAX_SCALE}], got ${std}`);
  }
}

function denseLayer(
  { kernel, bias, inputSize, outputSize, isTransposed }: LayerArrays,
  file: string,
) {
  if (inputSize > MAX_LAYER_UNITS || outputSize > MAX_LAYER_UNITS) {
    const place = { file, array: kernel.name };
    fail(place, `must have at most ${MAX_LAYER_UNITS} units, got ${shapeText(kernel.shape)}`);
  }
  const data = isTransposed ? transposed(kernel) : kernel.data;
  return { inputSize, outputSize, kernel: data, bias: bias.data };
}

/** The layer for x, of one for (x − mean) / std: y = x · K / std + (bias − mean / std · Σ_i K_i). */
function scaled(
  { inputSize, outputSize, kernel, bias }: DenseLayer,
  { mean, std }: { mean: number; std: number },
): DenseLayer {
  if (mean === 0 && std === 1) return { inputSize, outputSize, kernel, bias };
  const sums = new Float64Array(outputSize);
  kernel.forEach((weight, i) => sums[i % outputSize] += weight);
  const layer = {
    kernel: kernel.map((weight) => weight / std),
    bias: bias.map((value, j) => value - mean / std * sums[j]),
  };
  for (const [name, data] of Object.entries(layer)) {
    const bad = findNotFinite(data);
    if (bad < 0) continue;
    const scale = `mean ${mean} and std ${std}`;
    throw new RangeError(
      `${scale} must keep the first layer finite, got ${name}[${bad}] = ${data[bad]}`,
    );
  }
  return { inputSize, outputSize, ...layer };
}
