/**
 * What a model's `config.json` holds, its check, and the names of a model's files.
 * @module
 */
import { type HiddenActivation, hiddenActivations } from "../model/dbn.ts";
import { bytesOfDtype, type Dtype, isObject, WeightsFormatError } from "./safetensors.ts";
import { shown } from "../outside/shown.ts";

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
  /** Version of this file's format. */
  format: "dbn-edge/1";
  /** Name of the model, such as `mnist-dbn`. */
  name: string;
  /** Its version, from 1. */
  version: number;
  /** Sizes of the image and of every layer. */
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
  /** How the weights are stored; see weights.ts. `F32` if left out. */
  dtype?: Dtype;
  /** How pixel bytes become inputs. */
  preprocessing: {
    /** Pixel bytes are divided by this. */
    divisor: number;
  };
  /** Recipe, seed, data and time of the training run. */
  training?: Record<string, unknown>;
  /** Measured errors. */
  evaluation?: Record<string, unknown>;
  /** The version whose weights these are, rounded, and the dtype that they had there. */
  origin?: { version: number; dtype: Dtype };
  /** SHA-256 of each weight file, in hex. */
  sha256?: Record<string, string>;
}

/** The most units a layer may have; keeps a hostile config from asking for terabytes. */
export const MAX_LAYER_UNITS = 65536;

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
  throw new RangeError(`a model's name must be ${NAME_BOUND}, got ${shown(name)}`);
}

/**
 * Checks what `config.json` holds.
 * @param file its name in errors
 * @throws {WeightsFormatError} naming the field, the bound and the value.
 */
export function checkConfig(config: unknown, file: string = modelFiles.config): ModelConfig {
  try {
    return checkFields(config);
  } catch (error) {
    if (!(error instanceof FieldProblem)) throw error;
    throw new WeightsFormatError(`Cannot read ${file}: ${error.message}`);
  }
}

/** A field that is not what it must be. */
class FieldProblem extends Error {}

function checkFields(config: unknown): ModelConfig {
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
  const { dtype } = root, dtypes = Object.keys(bytesOfDtype);
  if (dtype !== undefined && !dtypes.includes(dtype as Dtype)) {
    fail("dtype", `one of ${dtypes.join(", ")}`, dtype);
  }
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
  throw new FieldProblem(`${field} must be ${bound}, got ${shown(value)}`);
}
