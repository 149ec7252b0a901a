/**
 * A model as files: `config.json`, `model.safetensors` (the DBN) and `classifier.safetensors` (the
 * fine-tuned network). Pure: bytes in, model out, and back. `src/repository/directory.ts` does the reading.
 * @module
 */
import {
  checkClassifier,
  checkDbn,
  type Classifier,
  type Dbn,
  type HiddenActivation,
  hiddenActivations,
  type StackLayer,
} from "../model/dbn.ts";
import {
  isObject,
  readSafetensors,
  takeTensor,
  type Tensor,
  type TensorFile,
  WeightsFormatError,
  writeSafetensors,
} from "./safetensors.ts";

export { WeightsFormatError } from "./safetensors.ts";

/** Names of the files of a model directory. */
export const modelFiles = {
  config: "config.json",
  dbn: "model.safetensors",
  classifier: "classifier.safetensors",
  card: "README.md",
  /** The classifier and the joint model, image in. Its siblings hold the Gibbs conditionals. */
  onnx: "model.onnx",
  onnxHidden: "hidden.onnx",
  onnxVisible: "visible.onnx",
  onnxDown: "down.onnx",
} as const;

/** `config.json`: what the numbers in the weight files mean and where they come from. */
export interface ModelConfig {
  format: "dbn-edge/1";
  name: string;
  version: number;
  architecture: {
    /** Image height and width in pixels. */
    height: number;
    width: number;
    /** Units of each layer of the stack, image first, penultimate last: [784, 500, 500]. */
    layers: number[];
    /** Hidden units of the top RBM. */
    top: number;
    /** One name a label unit. */
    labels: string[];
    /** Units of each hidden layer of the fine-tuned classifier. */
    classifier: number[];
    /** Activation of the classifier's hidden layers; `sigmoid` if left out. */
    activation?: HiddenActivation;
  };
  preprocessing: {
    /** Pixel bytes are divided by this. */
    divisor: number;
  };
  /** Recipe, seed, data and time of the training run. */
  training?: Record<string, unknown>;
  /** Measured errors. */
  evaluation?: Record<string, unknown>;
  /** SHA-256 of each weight file, in hex. */
  sha256?: Record<string, string>;
}

/** A model in memory. */
export interface Model {
  config: ModelConfig;
  dbn: Dbn;
  classifier: Classifier;
}

/** The most units a layer may have; keeps a hostile config from asking for terabytes. */
export const MAX_LAYER_UNITS = 65536;

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
 * @throws {WeightsFormatError} naming the tensor and both shapes where a file does not match.
 */
export function readModel(
  config: unknown,
  files: { dbn: Uint8Array; classifier: Uint8Array },
): Model {
  const checked = checkConfig(config);
  return {
    config: checked,
    dbn: readDbn(checked, readSafetensors(files.dbn, modelFiles.dbn)),
    classifier: readClassifier(checked, readSafetensors(files.classifier, modelFiles.classifier)),
  };
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

function readDbn({ architecture: { layers, top, labels } }: ModelConfig, file: TensorFile): Dbn {
  const take = (name: string, ...shape: number[]) => takeTensor(file, name, shape, modelFiles.dbn);
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

function readClassifier({ architecture }: ModelConfig, file: TensorFile): Classifier {
  const { layers, classifier, labels, activation } = architecture;
  const sizes = [layers[0], ...classifier, labels.length];
  return sizes.slice(1).map((outputSize, i) => ({
    inputSize: sizes[i],
    outputSize,
    kernel: takeTensor(file, `dense${i + 1}.kernel`, [sizes[i], outputSize], modelFiles.classifier),
    bias: takeTensor(file, `dense${i + 1}.bias`, [outputSize], modelFiles.classifier),
    ...(activation && i < classifier.length && { activation }),
  }));
}

/** What a model's name is: {@linkcode NAME_PATTERN} in words. */
export const NAME_BOUND = "1 to 64 letters, digits, '_', '.' or '-'";

/** What a model may be called. */
export const NAME_PATTERN = /^[\w.-]{1,64}$/;

function isName(value: unknown): value is string {
  return typeof value === "string" && NAME_PATTERN.test(value);
}

/** @throws {RangeError} if a model cannot have that name. */
export function checkName(name: string): void {
  if (isName(name)) return;
  throw new RangeError(`a model's name must be ${NAME_BOUND}, got ${JSON.stringify(name)}`);
}

/**
 * Checks what `config.json` holds.
 * @throws {WeightsFormatError} naming the field, the bound and the value.
 */
export function checkConfig(config: unknown): ModelConfig {
  const root = object(config, "the file");
  if (root.format !== "dbn-edge/1") fail("format", '"dbn-edge/1"', root.format);
  if (!isName(root.name)) fail("name", NAME_BOUND, root.name);
  integer("version", root.version, 1, Number.MAX_SAFE_INTEGER);
  const architecture = object(root.architecture, "architecture");
  const height = integer("architecture.height", architecture.height, 1, 4096);
  const width = integer("architecture.width", architecture.width, 1, 4096);
  const layers = sizes("architecture.layers", architecture.layers);
  sizes("architecture.classifier", architecture.classifier);
  const { activation } = architecture;
  if (activation !== undefined && !hiddenActivations.includes(activation as HiddenActivation)) {
    fail("architecture.activation", `one of ${hiddenActivations.join(", ")}`, activation);
  }
  integer("architecture.top", architecture.top, 1, MAX_LAYER_UNITS);
  if (layers[0] !== height * width) {
    fail("architecture.layers[0]", `height × width = ${height * width}`, layers[0]);
  }
  const { labels } = architecture;
  if (
    !Array.isArray(labels) || labels.length < 2 || labels.length > 1000 ||
    !labels.every((label) => typeof label === "string")
  ) fail("architecture.labels", "2 to 1000 strings", labels);
  const { divisor } = object(root.preprocessing, "preprocessing");
  if (typeof divisor !== "number" || !(divisor > 0 && divisor < Infinity)) {
    fail("preprocessing.divisor", "a finite number > 0", divisor);
  }
  return root as unknown as ModelConfig;
}

function object(value: unknown, field: string): Record<string, unknown> {
  return isObject(value) ? value : fail(field, "a JSON object", value);
}

function sizes(field: string, value: unknown): number[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > 16) {
    return fail(field, "1 to 16 layer sizes", value);
  }
  return value.map((size, i) => integer(`${field}[${i}]`, size, 1, MAX_LAYER_UNITS));
}

function integer(field: string, value: unknown, min: number, max: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
    fail(field, `an integer in [${min}, ${max}]`, value);
  }
  return value as number;
}

function fail(field: string, bound: string, value: unknown): never {
  throw new WeightsFormatError(
    `Cannot read ${modelFiles.config}: ${field} must be ${bound}, got ${JSON.stringify(value)}`,
  );
}
