/**
 * A model's weights as files: `model.safetensors` (the DBN) and `classifier.safetensors` (the fine-tuned
 * network). Pure: bytes in, model out, and back. `src/repository/model_directory.ts` does the reading.
 * @module
 */
import {
  checkClassifier,
  checkDbn,
  type Classifier,
  type Dbn,
  type StackLayer,
} from "../model/dbn.ts";
import { shownUrl } from "../outside/shown.ts";
import { checkConfig, type ModelConfig, modelFiles } from "./config.ts";
import { readSafetensors, takeTensor, type Tensor, writeSafetensors } from "./safetensors.ts";

/** A model in memory. */
export interface Model {
  config: ModelConfig;
  dbn: Dbn;
  classifier: Classifier;
}

/** Serialises a model's two weight files. */
export function writeWeights(model: Model): { dbn: Uint8Array; classifier: Uint8Array } {
  checkDbn(model.dbn);
  checkClassifier(model.classifier);
  const metadata = { format: "dbn-edge/1", name: model.config.name };
  return {
    dbn: writeSafetensors(dbnTensors(model.dbn), metadata),
    classifier: writeSafetensors(classifierTensors(model.classifier), metadata),
  };
}

/**
 * Builds a model from its config and the bytes of its two weight files.
 * @param url the directory that they are from, with a closing slash, for errors
 * @throws {WeightsFormatError} naming the file, the tensor and both shapes where a file does not match.
 */
export function readModel(
  config: unknown,
  files: { dbn: Uint8Array; classifier: Uint8Array },
  url?: URL,
): Model {
  const nameOf = (file: string) => url ? shownUrl(new URL(file, url)) : file;
  const checked = checkConfig(config, nameOf(modelFiles.config));
  return {
    config: checked,
    dbn: readDbn(checked, files.dbn, nameOf(modelFiles.dbn)),
    classifier: readClassifier(checked, files.classifier, nameOf(modelFiles.classifier)),
  };
}

/** Name of a weight file. */
export type WeightFile = typeof modelFiles.dbn | typeof modelFiles.classifier;

/** What a weight file may hold besides its numbers, in bytes: 70 tensors need 10 KB, metadata the rest. */
const MAX_WEIGHT_HEADER_BYTES = 1024 * 1024;

/** The most that any weight file may hold, in bytes: an engine's memory is WebAssembly's, 4 GiB. */
const MAX_WEIGHT_BYTES = 4 * 1024 ** 3;

/** The most bytes that a weight file may hold: its shapes', with generative weights, and never over 4 GiB. */
export function maxWeightBytes({ architecture }: ModelConfig, name: WeightFile): number {
  const { layers, top, classifier, labels } = architecture, below = layers[layers.length - 1];
  const sizes = [layers[0], ...classifier, labels.length];
  const count = name === modelFiles.classifier
    ? sum(sizes.slice(1).map((size, i) => (sizes[i] + 1) * size))
    : sum(layers.slice(1).map((size, i) => 2 * layers[i] * size + layers[i] + size)) +
      (below + 1 + labels.length) * top + 2 * below + labels.length;
  const bytes = MAX_WEIGHT_HEADER_BYTES + Float32Array.BYTES_PER_ELEMENT * count;
  return Math.min(bytes, MAX_WEIGHT_BYTES);
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** Tensors of a DBN by name: `rbm1.*` upwards, then `top.*`. */
export function dbnTensors({ stack, top, penultimateMean }: Dbn): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  [...stack, top].forEach((rbm, i) => {
    const name = i < stack.length ? `rbm${i + 1}` : "top";
    tensors.set(`${name}.weights`, { shape: [rbm.visibleSize, rbm.hiddenSize], data: rbm.weights });
    tensors.set(`${name}.visible_bias`, { shape: [rbm.visibleSize], data: rbm.visibleBias });
    tensors.set(`${name}.hidden_bias`, { shape: [rbm.hiddenSize], data: rbm.hiddenBias });
    const { generativeWeights: data } = rbm as StackLayer;
    if (data) {
      tensors.set(`${name}.generative_weights`, { shape: [rbm.visibleSize, rbm.hiddenSize], data });
    }
  });
  tensors.set("top.label_weights", {
    shape: [top.labelSize, top.hiddenSize],
    data: top.labelWeights,
  });
  tensors.set("top.label_bias", { shape: [top.labelSize], data: top.labelBias });
  tensors.set("penultimate_mean", { shape: [top.visibleSize], data: penultimateMean });
  return tensors;
}

/** Tensors of a classifier by name: `dense1.kernel`, `dense1.bias`, … */
export function classifierTensors(classifier: Classifier): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  classifier.forEach(({ inputSize, outputSize, kernel, bias }, i) => {
    tensors.set(`dense${i + 1}.kernel`, { shape: [inputSize, outputSize], data: kernel });
    tensors.set(`dense${i + 1}.bias`, { shape: [outputSize], data: bias });
  });
  return tensors;
}

function readDbn({ architecture }: ModelConfig, bytes: Uint8Array, name: string): Dbn {
  const { layers, top, labels } = architecture, file = readSafetensors(bytes, name);
  const take = (tensor: string, ...shape: number[]) => takeTensor(file, tensor, shape, name);
  const rbm = (name: string, visibleSize: number, hiddenSize: number) => ({
    visibleSize,
    hiddenSize,
    weights: take(`${name}.weights`, visibleSize, hiddenSize),
    visibleBias: take(`${name}.visible_bias`, visibleSize),
    hiddenBias: take(`${name}.hidden_bias`, hiddenSize),
  });
  const layer = (name: string, visibleSize: number, hiddenSize: number): StackLayer => ({
    ...rbm(name, visibleSize, hiddenSize),
    ...(file.tensors.has(`${name}.generative_weights`) && {
      generativeWeights: take(`${name}.generative_weights`, visibleSize, hiddenSize),
    }),
  });
  return {
    stack: layers.slice(1).map((size, i) => layer(`rbm${i + 1}`, layers[i], size)),
    top: {
      ...rbm("top", layers[layers.length - 1], top),
      labelSize: labels.length,
      labelWeights: take("top.label_weights", labels.length, top),
      labelBias: take("top.label_bias", labels.length),
    },
    penultimateMean: take("penultimate_mean", layers[layers.length - 1]),
  };
}

function readClassifier(
  { architecture }: ModelConfig,
  bytes: Uint8Array,
  name: string,
): Classifier {
  const { layers, classifier, labels, activation } = architecture;
  const file = readSafetensors(bytes, name);
  const sizes = [layers[0], ...classifier, labels.length];
  return sizes.slice(1).map((outputSize, i) => ({
    inputSize: sizes[i],
    outputSize,
    kernel: takeTensor(file, `dense${i + 1}.kernel`, [sizes[i], outputSize], name),
    bias: takeTensor(file, `dense${i + 1}.bias`, [outputSize], name),
    ...(activation && i < classifier.length && { activation }),
  }));
}
