/**
 * Which arrays of a file make which layer of a network, and in which order the layers stand.
 * @module
 */
import { cut, shown } from "../../src/outside/shown.ts";
import { checkRank, fail, failFile, type NumberArray, shapeText } from "./arrays.ts";
import type { ArrayFile } from "./read.ts";

// I inputs and O outputs of a layer

/** The two arrays of a fully connected layer. */
export interface LayerArrays {
  /** Name of the module; none in Keras's files. */
  name?: string;
  kernel: NumberArray;
  bias: NumberArray; // (O)
  inputSize: number;
  outputSize: number;
  /** Whether the kernel is (O, I) and not (I, O). */
  isTransposed: boolean;
}

/** How a file's arrays are read as layers. */
export interface LayerOptions {
  from: "pytorch" | "keras";
  /** Modules in their order, where the file does not tell it. */
  layers?: readonly string[];
  file: string;
}

/** Layers that a classifier may have: those of config.json, and the last one. */
const MIN_LAYERS = 2, MAX_LAYERS = 17;

/** @throws {ImportError} naming file and array where they are no layers one on the other. */
export function layersInOrder(arrays: ArrayFile, options: LayerOptions): LayerArrays[] {
  const layers = options.from === "pytorch"
    ? pytorchLayers(arrays.arrays, options)
    : kerasLayers(arrays, options);
  checkChain(layers, options.file);
  return layers;
}

/** A kernel (I, O) and a bias (O), by turns, as `model.get_weights()` lists them. */
function kerasLayers({ container, arrays }: ArrayFile, { file, layers }: LayerOptions) {
  if (layers !== undefined) {
    throw new RangeError("layers are the names of PyTorch's modules; Keras's arrays are in order");
  }
  if (container !== "npz") {
    failFile(file, "Keras's arrays are read in their order, which only an NPZ archive keeps");
  }
  if (arrays.length % 2 !== 0) {
    failFile(file, `it must hold a kernel and a bias a layer, got ${arrays.length} arrays`);
  }
  checkCount(arrays.length / 2, file);
  return Array.from({ length: arrays.length / 2 }, (_, i) => {
    const [kernel, bias] = arrays.slice(2 * i, 2 * i + 2);
    checkRank(kernel, 2, file);
    const [inputSize, outputSize] = kernel.shape;
    return withBias({ kernel, bias, inputSize, outputSize, isTransposed: false }, file);
  });
}

/** `weight` (O, I) and `bias` (O) of every module, as `state_dict()` names them. */
function pytorchLayers(arrays: readonly NumberArray[], options: LayerOptions): LayerArrays[] {
  const { file } = options, modules = new Map<string, Map<string, NumberArray>>();
  for (const array of arrays) {
    const [, name, part] = /^(?:(.*)\.)?(weight|bias)$/s.exec(array.name) ?? [];
    if (part === undefined) {
      fail({ file, array: array.name }, "must be the weight or bias of a Linear layer");
    }
    const parts = modules.get(name ?? "") ?? new Map<string, NumberArray>();
    modules.set(name ?? "", parts.set(part, array));
  }
  const layers = [...modules].map(([name, parts]): LayerArrays => {
    const [kernel, bias] = ["weight", "bias"].map((part) =>
      parts.get(part) ?? failFile(file, `array ${shown(joined(name, part))} is missing`)
    );
    checkRank(kernel, 2, file);
    const [outputSize, inputSize] = kernel.shape;
    return withBias({ name, kernel, bias, inputSize, outputSize, isTransposed: true }, file);
  });
  checkCount(layers.length, file);
  return sortModules(layers, options);
}

function checkCount(count: number, file: string): void {
  if (count >= MIN_LAYERS && count <= MAX_LAYERS) return;
  failFile(file, `it must hold ${MIN_LAYERS} to ${MAX_LAYERS} layers, got ${count}`);
}

function joined(module: string, part: string): string {
  return module === "" ? part : `${module}.${part}`;
}

function withBias(layer: LayerArrays, file: string): LayerArrays {
  const { bias, kernel, outputSize } = layer;
  checkRank(bias, 1, file);
  if (bias.shape[0] === outputSize) return layer;
  const needed = `(${outputSize}), the outputs of ${shown(kernel.name)}`;
  return fail(
    { file, array: bias.name },
    `must have shape ${needed}, got ${shapeText(bias.shape)}`,
  );
}

/**
 * Modules in the order in which data go through them: as they are named, or by numbers in their names, or
 * in the one order in which their sizes fit. Files list them by the alphabet, which says nothing.
 */
function sortModules(layers: readonly LayerArrays[], { file, layers: named }: LayerOptions) {
  if (named !== undefined) return byNames(layers, named, file);
  const templates = new Set(layers.map(({ name }) => name!.replace(/\d+/g, "#")));
  if (templates.size <= 1) {
    const { compare } = new Intl.Collator("en", { numeric: true });
    return layers.toSorted((a, b) => compare(a.name!, b.name!));
  }
  return bySizes(layers, file);
}

function byNames(layers: readonly LayerArrays[], names: readonly string[], file: string) {
  const known = cut(layers.map(({ name }) => name).join(", "));
  if (names.length !== layers.length || new Set(names).size !== names.length) {
    failFile(file, `layers must name each of ${known} once, got ${cut(names.join(", "))}`);
  }
  return names.map((name) =>
    layers.find((layer) => layer.name === name) ??
      failFile(file, `layers must be of ${known}, got ${shown(name)}`)
  );
}

/** The one order in which each layer takes what the one before it gives. */
function bySizes(layers: readonly LayerArrays[], file: string): LayerArrays[] {
  const names = cut(layers.map(({ name }) => name).join(", "));
  const sizes = new Set(layers.map(({ inputSize, outputSize }) => `${inputSize} ${outputSize}`));
  if (sizes.size < layers.length) tellOrder(names, file);
  const orders = chains(layers), order = orders.next().value;
  if (!order) return failFile(file, `in no order of ${names} do their sizes fit`);
  return orders.next().done ? order : tellOrder(names, file);
}

function tellOrder(names: string, file: string): never {
  failFile(file, `names and sizes do not tell the order of ${names}: give it as layers`);
}

/** Every order of layers, of different sizes, in which they can stand above `last`. */
function* chains(
  layers: readonly LayerArrays[],
  last?: LayerArrays,
): Generator<LayerArrays[], undefined> {
  if (layers.length === 0) yield [];
  for (const next of layers) {
    if (last !== undefined && last.outputSize !== next.inputSize) continue;
    const others = layers.filter((layer) => layer !== next);
    for (const above of chains(others, next)) yield [next, ...above];
  }
}

/** @throws {ImportError} naming the first array that does not take what the layer before it gives. */
function checkChain(layers: readonly LayerArrays[], file: string): void {
  layers.forEach(({ kernel, inputSize }, i) => {
    if (i === 0 || layers[i - 1].outputSize === inputSize) return;
    const { kernel: below, outputSize } = layers[i - 1];
    fail(
      { file, array: kernel.name },
      `takes ${inputSize} inputs; ${shown(below.name)} before it gives ${outputSize}`,
    );
  });
}
