/**
 * TensorFlow.js export: the classifier as a LayersModel, images in, class probabilities out.
 * Format: `model.json` and weight shards as tfjs-converter writes them; Keras's configuration of Dense
 * layers.
 * @module
 */
import type { ModelConfig } from "../../../src/format/config.ts";
import type { Model } from "../../../src/format/weights.ts";
import { type Classifier, type DenseLayer, expandClassifier } from "../../../src/model/dbn.ts";
import { directoryUrl, writeModelFile } from "../../../src/repository/model_directory.ts";
import { writeStaged } from "../staging.ts";

// N batch, V image pixels, L labels, I inputs and O outputs of a layer

/** Name of the file that `tf.loadLayersModel` is given. */
export const LAYERS_MODEL_FILE = "model.json";

/** Bytes of a shard, tfjs-converter's own default: browsers keep files of that size. */
export const SHARD_BYTES = 4 * 1024 * 1024;

/** What `model.json` says beside the layers: `model.getUserDefinedMetadata()` in TensorFlow.js. */
export interface LayersModelMetadata {
  /** Name of the model. */
  name: string;
  /** Its version. */
  version: number;
  /** Class names, in the order of the outputs. */
  labels: string[];
  /** Of an image in pixels; a row of the input is its rows one after the other. */
  height: number;
  /** Of an image in pixels. */
  width: number;
  /** Pixel bytes are divided by this. */
  divisor: number;
}

/**
 * Writes a model's classifier as a LayersModel into a directory, whole or not at all.
 * @param signal aborted, what was written is removed at once, and nothing is in its place
 * @returns the names of its files
 */
export async function exportLayersModel(
  model: Pick<Model, "config" | "classifier">,
  directory: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const files = buildLayersModel(model);
  const write = async (path: string) => {
    const url = await directoryUrl(path);
    for (const [name, bytes] of files) await writeModelFile(url, name, bytes);
  };
  await writeStaged(directory, write, signal);
  return [...files.keys()];
}

/** The files of a LayersModel by name: input (N, V) in [0, 1], output (N, L). */
export function buildLayersModel(
  { config, classifier: stored }: Pick<Model, "config" | "classifier">,
): Map<string, Uint8Array> {
  const classifier = expandClassifier(stored);
  const weights = layerNames(classifier).flatMap((name, i) => layerWeights(name, classifier[i]));
  const shards = cutIntoShards(littleEndian(weights.map(({ data }) => data)));
  const model = {
    format: "layers-model",
    generatedBy: "dbn-edge",
    convertedBy: null,
    userDefinedMetadata: metadataOf(config),
    modelTopology: {
      keras_version: "2.15.0", // whose configuration of Dense layers this is
      backend: "tensorflow",
      model_config: {
        class_name: "Sequential",
        config: { name: "classifier", layers: layerConfigs(classifier) },
      },
    },
    weightsManifest: [{
      paths: shards.map(({ name }) => name),
      weights: weights.map(({ name, shape }) => ({ name, shape, dtype: "float32" })),
    }],
  };
  const json = new TextEncoder().encode(`${JSON.stringify(model, null, 2)}\n`);
  return new Map([
    ...shards.map(({ name, bytes }) => [name, bytes] as const),
    [LAYERS_MODEL_FILE, json],
  ]);
}

function metadataOf(
  { name, version, architecture, preprocessing }: ModelConfig,
): LayersModelMetadata {
  const { labels, height, width } = architecture;
  return { name, version, labels, height, width, divisor: preprocessing.divisor };
}

/** `dense1` …, as the weights of our own files are called. */
function layerNames(classifier: Classifier): string[] {
  return classifier.map((_, i) => `dense${i + 1}`);
}

function layerConfigs(classifier: Classifier): object[] {
  return layerNames(classifier).map((name, i) => {
    const { inputSize, outputSize, activation = "sigmoid" } = classifier[i];
    return {
      class_name: "Dense",
      config: {
        name,
        trainable: true,
        ...(i === 0 && { batch_input_shape: [null, inputSize] }),
        dtype: "float32",
        units: outputSize,
        activation: i < classifier.length - 1 ? activation : "softmax",
        use_bias: true,
      },
    };
  });
}

/** A layer's weights under the names that TensorFlow.js looks for. */
function layerWeights(layer: string, { inputSize, outputSize, kernel, bias }: DenseLayer) {
  return [
    { name: `${layer}/kernel`, shape: [inputSize, outputSize], data: kernel }, // (I, O)
    { name: `${layer}/bias`, shape: [outputSize], data: bias }, // (O)
  ];
}

/** The numbers one after the other, as float32. */
function littleEndian(parts: readonly Float32Array[]): Uint8Array {
  const bytes = new Uint8Array(4 * parts.reduce((count, { length }) => count + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++, at += 4) view.setFloat32(at, part[i], true);
  }
  return bytes;
}

/** Parts of {@linkcode SHARD_BYTES}, the last one of what is left; TensorFlow.js joins them again. */
function cutIntoShards(bytes: Uint8Array): { name: string; bytes: Uint8Array }[] {
  const count = Math.ceil(bytes.length / SHARD_BYTES);
  return Array.from({ length: count }, (_, i) => ({
    name: `group1-shard${i + 1}of${count}.bin`,
    bytes: bytes.subarray(i * SHARD_BYTES, (i + 1) * SHARD_BYTES),
  }));
}
