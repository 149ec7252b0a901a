/**
 * A model's weights as files: `model.safetensors` (the DBN) and `classifier.safetensors` (the fine-tuned
 * network). Pure: bytes in, model out, and back. `src/repository/model_directory.ts` does the reading.
 *
 * `dtype` of config.json says how both are stored. F32 and F16: every tensor. I8: a matrix `NAME` is I8
 * and has a scale a column, `NAME_scale`, F32; vectors are F32.
 * @module
 */
import { isScaled, type WeightMatrix } from "../math/weight_matrix.ts";
import {
  checkClassifier,
  checkDbn,
  type Classifier,
  type Dbn,
  expandClassifier,
  expandDbn,
  type StackLayer,
} from "../model/dbn.ts";
import { shownUrl } from "../outside/shown.ts";
import { checkConfig, type ModelConfig, modelFiles } from "./config.ts";
import {
  bytesOfDtype,
  type Dtype,
  readTensors,
  takeTensor,
  type Tensor,
  type TensorData,
  WeightsFormatError,
  writeSafetensors,
} from "./safetensors.ts";

/** A model in memory; its matrices are as its files have them unless it says otherwise. */
export interface Model<M extends WeightMatrix = WeightMatrix> {
  /** What config.json says. */
  config: ModelConfig;
  /** The joint model of images and labels. */
  dbn: Dbn<M>;
  /** The fine-tuned network. */
  classifier: Classifier<M>;
}

/** A model whose matrices are all float32, and nothing else of it another. */
export function expandModel<T extends Model>(model: T): Omit<T, keyof Model> & Model<Float32Array> {
  const { dbn, classifier } = model;
  return { ...model, dbn: expandDbn(dbn), classifier: expandClassifier(classifier) };
}

/** The dtype of a model's weights. */
export function dtypeOf({ dtype = "F32" }: Pick<ModelConfig, "dtype">): Dtype {
  return dtype;
}

/**
 * Serialises a model's two weight files, with the dtype of its config.
 * @throws {RangeError} if a shape is wrong, or a matrix is not of the dtype.
 */
export function writeWeights(model: Model): { dbn: Uint8Array; classifier: Uint8Array } {
  checkDbn(model.dbn);
  checkClassifier(model.classifier);
  const metadata = { format: "dbn-edge/1", name: model.config.name }, dtype = dtypeOf(model.config);
  const floats = dtype === "F16" ? "F16" : "F32";
  const write = (tensors: Map<string, Tensor<TensorData>>) => {
    for (const [name, { shape, data }] of tensors) {
      const expected = dtype === "I8" && shape.length === 2 ? Int8Array : Float32Array;
      if (!(data instanceof expected)) {
        throw new RangeError(
          `Cannot write tensor "${name}": it must be ${expected.name} for dtype ${dtype}, got ${data.constructor.name}`,
        );
      }
    }
    return writeSafetensors(tensors, metadata, { floats });
  };
  return {
    dbn: write(dbnTensors(model.dbn)),
    classifier: write(classifierTensors(model.classifier)),
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
export function maxWeightBytes(config: ModelConfig, name: WeightFile): number {
  const matrices = name === modelFiles.classifier ? classifierShapes(config) : dbnShapes(config);
  const dtype = dtypeOf(config), vectorBytes = bytesOfDtype[dtype === "F16" ? "F16" : "F32"];
  const bytes = matrices.reduce((total, { rows, columns, vectors }) => {
    const scaleBytes = dtype === "I8" ? bytesOfDtype.F32 * columns : 0;
    return total + bytesOfDtype[dtype] * rows * columns + scaleBytes + vectorBytes * vectors;
  }, MAX_WEIGHT_HEADER_BYTES);
  return Math.min(bytes, MAX_WEIGHT_BYTES);
}

/** A matrix (R, C), and the numbers of the vectors beside it. */
interface Shape {
  rows: number;
  columns: number;
  vectors: number;
}

function classifierShapes({ architecture }: ModelConfig): Shape[] {
  const { layers, classifier, labels } = architecture;
  const sizes = [layers[0], ...classifier, labels.length];
  return sizes.slice(1).map((columns, i) => ({ rows: sizes[i], columns, vectors: columns }));
}

function dbnShapes({ architecture }: ModelConfig): Shape[] {
  const { layers, top, labels } = architecture, below = layers[layers.length - 1];
  const stack = layers.slice(1).flatMap((columns, i) => {
    const rows = layers[i];
    return [{ rows, columns, vectors: rows + columns }, { rows, columns, vectors: 0 }];
  });
  return [
    ...stack,
    { rows: below, columns: top, vectors: 2 * below + top }, // with the penultimate mean
    { rows: labels.length, columns: top, vectors: labels.length },
  ];
}

/** Tensors of a DBN by name: `rbm1.*` upwards, then `top.*`. */
export function dbnTensors(
  { stack, top, penultimateMean }: Dbn<WeightMatrix>,
): Map<string, Tensor<TensorData>> {
  const tensors = new Map<string, Tensor<TensorData>>();
  [...stack, top].forEach((rbm, i) => {
    const name = i < stack.length ? `rbm${i + 1}` : "top";
    const { visibleSize, hiddenSize } = rbm, shape = [visibleSize, hiddenSize];
    addMatrix(tensors, `${name}.weights`, { shape, matrix: rbm.weights });
    tensors.set(`${name}.visible_bias`, { shape: [visibleSize], data: rbm.visibleBias });
    tensors.set(`${name}.hidden_bias`, { shape: [hiddenSize], data: rbm.hiddenBias });
    const { generativeWeights: matrix } = rbm as StackLayer<WeightMatrix>;
    if (matrix) addMatrix(tensors, `${name}.generative_weights`, { shape, matrix });
  });
  addMatrix(tensors, "top.label_weights", {
    shape: [top.labelSize, top.hiddenSize],
    matrix: top.labelWeights,
  });
  tensors.set("top.label_bias", { shape: [top.labelSize], data: top.labelBias });
  tensors.set("penultimate_mean", { shape: [top.visibleSize], data: penultimateMean });
  return tensors;
}

/** Tensors of a classifier by name: `dense1.kernel`, `dense1.bias`, … */
export function classifierTensors(
  classifier: Classifier<WeightMatrix>,
): Map<string, Tensor<TensorData>> {
  const tensors = new Map<string, Tensor<TensorData>>();
  classifier.forEach(({ inputSize, outputSize, kernel, bias }, i) => {
    addMatrix(tensors, `dense${i + 1}.kernel`, { shape: [inputSize, outputSize], matrix: kernel });
    tensors.set(`dense${i + 1}.bias`, { shape: [outputSize], data: bias });
  });
  return tensors;
}

/** A matrix, and its scales where it has some. */
function addMatrix(
  tensors: Map<string, Tensor<TensorData>>,
  name: string,
  { shape, matrix }: { shape: number[]; matrix: WeightMatrix },
): void {
  if (!isScaled(matrix)) tensors.set(name, { shape, data: matrix });
  else {
    tensors.set(name, { shape, data: matrix.values });
    tensors.set(scaleName(name), { shape: [shape[1]], data: matrix.scales });
  }
}

/** The tensor of the scales of a matrix of I8. */
export function scaleName(matrix: string): string {
  return `${matrix}_scale`;
}

/** The largest scale of a column: −128 times it is still a finite float32. */
const MAX_SCALE = (2 - 2 ** -23) * 2 ** 120;

/** What is read of a weight file by name, of the shape that it must have. */
class WeightReader {
  readonly #tensors: Map<string, Tensor<TensorData>>;
  readonly #file: string;
  readonly #dtype: Dtype;

  constructor(bytes: Uint8Array, file: string, dtype: Dtype) {
    const allowed: Dtype[] = dtype === "I8" ? ["I8", "F32"] : [dtype];
    this.#tensors = readTensors(bytes, file, allowed).tensors;
    this.#file = file;
    this.#dtype = dtype;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  vector(name: string, size: number): Float32Array {
    const data = this.#read(name, [size]);
    if (data instanceof Float32Array) return data;
    return this.#fail(`tensor "${name}" must have dtype F32, got I8`);
  }

  matrix(name: string, rows: number, columns: number): WeightMatrix {
    const data = this.#read(name, [rows, columns]), isInteger = data instanceof Int8Array;
    if (!isInteger && this.#dtype === "I8") {
      this.#fail(`tensor "${name}" must have dtype I8, got F32`);
    }
    if (!isInteger) return data;
    const scale = scaleName(name), scales = this.vector(scale, columns);
    const bad = scales.findIndex((x) => !(x > 0 && x <= MAX_SCALE));
    if (bad >= 0) {
      this.#fail(
        `tensor "${scale}" must be > 0 and <= ${MAX_SCALE}, got ${scales[bad]} at index ${bad}`,
      );
    }
    return { values: data, scales };
  }

  #read(name: string, shape: number[]): TensorData {
    return takeTensor({ tensors: this.#tensors, metadata: {} }, name, shape, this.#file);
  }

  #fail(reason: string): never {
    throw new WeightsFormatError(`Cannot read ${this.#file}: ${reason}`);
  }
}

function readDbn(config: ModelConfig, bytes: Uint8Array, name: string): Dbn<WeightMatrix> {
  const { layers, top, labels } = config.architecture;
  const file = new WeightReader(bytes, name, dtypeOf(config));
  const rbm = (name: string, visibleSize: number, hiddenSize: number) => ({
    visibleSize,
    hiddenSize,
    weights: file.matrix(`${name}.weights`, visibleSize, hiddenSize),
    visibleBias: file.vector(`${name}.visible_bias`, visibleSize),
    hiddenBias: file.vector(`${name}.hidden_bias`, hiddenSize),
  });
  const layer = (name: string, visibleSize: number, hiddenSize: number) => ({
    ...rbm(name, visibleSize, hiddenSize),
    ...(file.has(`${name}.generative_weights`) && {
      generativeWeights: file.matrix(`${name}.generative_weights`, visibleSize, hiddenSize),
    }),
  });
  return {
    stack: layers.slice(1).map((size, i) => layer(`rbm${i + 1}`, layers[i], size)),
    top: {
      ...rbm("top", layers[layers.length - 1], top),
      labelSize: labels.length,
      labelWeights: file.matrix("top.label_weights", labels.length, top),
      labelBias: file.vector("top.label_bias", labels.length),
    },
    penultimateMean: file.vector("penultimate_mean", layers[layers.length - 1]),
  };
}

function readClassifier(
  config: ModelConfig,
  bytes: Uint8Array,
  name: string,
): Classifier<WeightMatrix> {
  const { layers, classifier, labels, activation } = config.architecture;
  const file = new WeightReader(bytes, name, dtypeOf(config));
  const sizes = [layers[0], ...classifier, labels.length];
  return sizes.slice(1).map((outputSize, i) => ({
    inputSize: sizes[i],
    outputSize,
    kernel: file.matrix(`dense${i + 1}.kernel`, sizes[i], outputSize),
    bias: file.vector(`dense${i + 1}.bias`, outputSize),
    ...(activation && i < classifier.length && { activation }),
  }));
}
