/**
 * ONNX export. Four small graphs whose weights are external data inside the safetensors files beside
 * them, so that no weight is stored twice. F16 is cast in the graph, I8 cast and multiplied
 * by its scales: of DequantizeLinear ONNX Runtime makes products that round activations to 8 bits too.
 * Format: ONNX IR version 8, operator set 17; external data after onnx/docs/ExternalData.md.
 * @module
 */
import onnxProto from "onnx-proto";
import { type ModelConfig, modelFiles } from "../../src/format/config.ts";
import { digestKey, type GraphFile, graphWeights } from "../../src/format/onnx_metadata.ts";
import { type Dtype, type TensorLocation, tensorLocations } from "../../src/format/safetensors.ts";
import { shownUrl } from "../../src/outside/shown.ts";
import { scaleName, type WeightFile } from "../../src/format/weights.ts";
import {
  readWeightFile,
  sha256,
  type StoredModel,
  writeModelFile,
} from "../../src/repository/model_directory.ts";

// N batch, V image pixels, P penultimate units, H top hidden units, L labels

const { onnx } = onnxProto;

const IR_VERSION = 8;
const OPSET = 17;
/** Values of TensorProto.DataType. */
const FLOAT = 1, INT8 = 3, INT64 = 7, FLOAT16 = 10;
const storedTypes: Record<Dtype, number> = { F32: FLOAT, F16: FLOAT16, I8: INT8 };
const EXTERNAL = 1;

/** Where each tensor of each weight file lies. */
export type WeightLocations = Record<"dbn" | "classifier", ReadonlyMap<string, TensorLocation>>;

/** SHA-256 of each weight file, in hex. */
type WeightDigests = Record<WeightFile, string>;

/** Writes the ONNX files of a model into its directory. */
export async function writeOnnx(model: StoredModel): Promise<void> {
  const dbn = await readWeightFile(model, modelFiles.dbn);
  const classifier = await readWeightFile(model, modelFiles.classifier);
  const nameOf = (file: string) => shownUrl(new URL(file, model.url));
  const files = buildOnnxFiles(model.config, {
    locations: {
      dbn: tensorLocations(dbn, nameOf(modelFiles.dbn)),
      classifier: tensorLocations(classifier, nameOf(modelFiles.classifier)),
    },
    digests: {
      [modelFiles.dbn]: await sha256(dbn),
      [modelFiles.classifier]: await sha256(classifier),
    },
  });
  for (const [name, bytes] of files) await writeModelFile(model.url, name, bytes);
}

/**
 * The ONNX files of a model by name.
 *
 * - `model.onnx`: `images` (N, V) → `probabilities` (N, L) of the classifier, and of the joint model
 *   `joint_probabilities` (N, L), `free_energies` (N, L) in nats and `penultimate` (N, P). A runtime
 *   computes only what the outputs asked for need.
 * - `hidden.onnx`: `visible` (N, P), `labels` (N, L), `temperature` → `hidden` (N, H)
 * - `visible.onnx`: `hidden` (N, H), `temperature` → `visible` (N, P), `labels` (N, L)
 * - `down.onnx`: `penultimate` (N, P) → `images` (N, V)
 *
 * The metadata of each has the digests of the weight files that it points into.
 */
export function buildOnnxFiles(
  config: ModelConfig,
  { locations, digests }: { locations: WeightLocations; digests: WeightDigests },
): Map<string, Uint8Array> {
  const graphs: [GraphFile, Graph][] = [
    [modelFiles.onnx, imageGraph(config, locations)],
    [modelFiles.onnxHidden, hiddenGraph(config, locations)],
    [modelFiles.onnxVisible, visibleGraph(config, locations)],
    [modelFiles.onnxDown, downGraph(config, locations)],
  ];
  return new Map(
    graphs.map(([file, graph]) => [file, encodeModel(config, file, { graph, digests })]),
  );
}

/** A graph under construction: nodes in order, their weights, inputs and outputs. */
class Graph {
  readonly nodes: object[] = [];
  readonly initializers = new Map<string, object>();
  readonly inputs: object[] = [];
  readonly outputs: object[] = [];
  readonly #made = new Set<string>();
  #names = 0;

  constructor(readonly locations: WeightLocations) {}

  /** Declares a float input and returns its name. */
  input(name: string, shape: (string | number)[]): string {
    this.inputs.push(valueInfo(name, shape));
    return name;
  }

  output(name: string, shape: (string | number)[]): void {
    this.outputs.push(valueInfo(name, shape));
  }

  has(file: "dbn" | "classifier", name: string): boolean {
    return this.locations[file].has(name);
  }

  /** A weight of a safetensors file in float32: as it is there, or what an operator makes of it. */
  weight(file: "dbn" | "classifier", name: string, dims: number[]): string {
    const dtype = this.#stored(file, name, dims), floats = `${name}_float`;
    if (dtype === "F32") return name;
    if (this.#made.has(floats)) return floats;
    this.#made.add(floats);
    const to = { name: "to", type: 2, i: FLOAT };
    if (dtype === "F16") return this.op("Cast", [name], [to], floats);
    const scale = scaleName(name);
    this.#stored(file, scale, dims.slice(1)); // a scale a column
    return this.op("Mul", [this.op("Cast", [name], [to]), scale], [], floats);
  }

  /** Declares a tensor of a safetensors file. */
  #stored(file: "dbn" | "classifier", name: string, dims: number[]): Dtype {
    const location = this.locations[file].get(name);
    if (!location) throw new RangeError(`Cannot export: ${modelFiles[file]} has no tensor ${name}`);
    const { dtype, offset, length } = location;
    const entries = { location: modelFiles[file], offset, length };
    this.initializers.set(name, {
      name,
      dims,
      dataType: storedTypes[dtype],
      dataLocation: EXTERNAL,
      externalData: Object.entries(entries).map(([key, value]) => ({ key, value: String(value) })),
    });
    return dtype;
  }

  /** Axes for an operator that takes them as an input. */
  axes(...axes: number[]): string {
    const name = `axes_${axes.join("_")}`.replaceAll("-", "m");
    this.initializers.set(name, { name, dims: [axes.length], dataType: INT64, int64Data: axes });
    return name;
  }

  /** Adds a node with one output and returns that output's name. */
  op(opType: string, input: string[], attribute: object[] = [], output?: string): string {
    const name = output ?? `${opType.toLowerCase()}_${++this.#names}`;
    this.nodes.push({
      opType,
      input,
      output: [name],
      name: `node_${this.nodes.length}`,
      attribute,
    });
    return name;
  }

  /** x·w + b, or x·wᵀ + b. */
  gemm(x: string, w: string, b: string, transposed = false): string {
    return this.op("Gemm", [x, w, b], transposed ? [{ name: "transB", type: 2, i: 1 }] : []);
  }
}

function imageGraph(config: ModelConfig, locations: WeightLocations): Graph {
  const { layers, top, labels, classifier, activation } = config.architecture;
  const graph = new Graph(locations), count = labels.length;
  const images = graph.input("images", ["N", layers[0]]);
  const sizes = [layers[0], ...classifier, count];
  let x = images;
  for (let i = 1; i < sizes.length; i++) {
    const kernel = graph.weight("classifier", `dense${i}.kernel`, [sizes[i - 1], sizes[i]]);
    x = graph.gemm(x, kernel, graph.weight("classifier", `dense${i}.bias`, [sizes[i]]));
    if (i < sizes.length - 1) x = graph.op(activation === "relu" ? "Relu" : "Sigmoid", [x]);
  }
  graph.op("Softmax", [x], [axis(1)], "probabilities");

  let up = images;
  for (let i = 1; i < layers.length; i++) {
    const weights = graph.weight("dbn", `rbm${i}.weights`, [layers[i - 1], layers[i]]);
    const logits = graph.gemm(up, weights, graph.weight("dbn", `rbm${i}.hidden_bias`, [layers[i]]));
    up = graph.op("Sigmoid", [logits], [], i === layers.length - 1 ? "penultimate" : undefined);
  }
  addPosterior(graph, up, layers[layers.length - 1], top, count);
  graph.output("probabilities", ["N", count]);
  graph.output("joint_probabilities", ["N", count]);
  graph.output("free_energies", ["N", count]);
  graph.output("penultimate", ["N", layers[layers.length - 1]]);
  return graph;
}

/**
 * −F(v, y) = [b·v + Σ softplus(a)] + [d_y + Σ (softplus(a + U_y) − softplus(a))], a = c + v·W. The
 * second part is small, so the posterior keeps the digits that a sum of both would lose.
 */
function addPosterior(graph: Graph, v: string, visible: number, hidden: number, labels: number) {
  const weights = graph.weight("dbn", "top.weights", [visible, hidden]);
  const logits = graph.gemm(v, weights, graph.weight("dbn", "top.hidden_bias", [hidden]));
  const own = graph.op("Softplus", [logits]);
  const labelWeights = graph.weight("dbn", "top.label_weights", [labels, hidden]);
  const joined = graph.op("Add", [graph.op("Unsqueeze", [logits, graph.axes(1)]), labelWeights]);
  const ownRows = graph.op("Unsqueeze", [own, graph.axes(1)]);
  const labelTerms = graph.op("ReduceSum", [
    graph.op("Sub", [graph.op("Softplus", [joined]), ownRows]),
    graph.axes(2),
  ], [keepDims(0)]);
  const relative = graph.op("Add", [labelTerms, graph.weight("dbn", "top.label_bias", [labels])]);
  graph.op("Softmax", [relative], [axis(1)], "joint_probabilities");
  const bias = graph.weight("dbn", "top.visible_bias", [visible]);
  const linear = graph.op("ReduceSum", [graph.op("Mul", [v, bias]), graph.axes(1)], [keepDims(1)]);
  const common = graph.op("Add", [
    linear,
    graph.op("ReduceSum", [own, graph.axes(1)], [keepDims(1)]),
  ]);
  graph.op("Neg", [graph.op("Add", [relative, common])], [], "free_energies");
}

function hiddenGraph({ architecture }: ModelConfig, locations: WeightLocations): Graph {
  const { layers, top, labels } = architecture, below = layers[layers.length - 1];
  const graph = new Graph(locations);
  const v = graph.input("visible", ["N", below]), y = graph.input("labels", ["N", labels.length]);
  const temperature = graph.input("temperature", []);
  const weights = graph.weight("dbn", "top.weights", [below, top]);
  const fromVisible = graph.gemm(v, weights, graph.weight("dbn", "top.hidden_bias", [top]));
  const fromLabels = graph.op("MatMul", [
    y,
    graph.weight("dbn", "top.label_weights", [labels.length, top]),
  ]);
  const logits = graph.op("Add", [fromVisible, fromLabels]);
  graph.op("Sigmoid", [graph.op("Div", [logits, temperature])], [], "hidden");
  graph.output("hidden", ["N", top]);
  return graph;
}

function visibleGraph({ architecture }: ModelConfig, locations: WeightLocations): Graph {
  const { layers, top, labels } = architecture, below = layers[layers.length - 1];
  const graph = new Graph(locations);
  const h = graph.input("hidden", ["N", top]), temperature = graph.input("temperature", []);
  const weights = graph.weight("dbn", "top.weights", [below, top]);
  const visible = graph.gemm(h, weights, graph.weight("dbn", "top.visible_bias", [below]), true);
  graph.op("Sigmoid", [graph.op("Div", [visible, temperature])], [], "visible");
  const labelWeights = graph.weight("dbn", "top.label_weights", [labels.length, top]);
  const labelBias = graph.weight("dbn", "top.label_bias", [labels.length]);
  const scores = graph.gemm(h, labelWeights, labelBias, true);
  graph.op("Softmax", [graph.op("Div", [scores, temperature])], [axis(1)], "labels");
  graph.output("visible", ["N", below]);
  graph.output("labels", ["N", labels.length]);
  return graph;
}

function downGraph({ architecture: { layers } }: ModelConfig, locations: WeightLocations): Graph {
  const graph = new Graph(locations);
  let x = graph.input("penultimate", ["N", layers[layers.length - 1]]);
  for (let i = layers.length - 1; i >= 1; i--) {
    const name = graph.has("dbn", `rbm${i}.generative_weights`) ? "generative_weights" : "weights";
    const weights = graph.weight("dbn", `rbm${i}.${name}`, [layers[i - 1], layers[i]]);
    const bias = graph.weight("dbn", `rbm${i}.visible_bias`, [layers[i - 1]]);
    const logits = graph.gemm(x, weights, bias, true);
    x = graph.op("Sigmoid", [logits], [], i === 1 ? "images" : undefined);
  }
  if (layers.length === 1) graph.op("Identity", [x], [], "images");
  graph.output("images", ["N", layers[0]]);
  return graph;
}

function encodeModel(
  config: ModelConfig,
  file: GraphFile,
  { graph, digests }: { graph: Graph; digests: WeightDigests },
): Uint8Array {
  const message = onnx.ModelProto.fromObject({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: "", version: OPSET }],
    producerName: "dbn-edge",
    modelVersion: config.version,
    docString: "A Deep Belief Network; its weights are external data in the safetensors files.",
    metadataProps: Object.entries({
      name: config.name,
      divisor: String(config.preprocessing.divisor),
      labels: JSON.stringify(config.architecture.labels),
      ...Object.fromEntries(graphWeights[file].map((path) => [digestKey(path), digests[path]])),
    }).map(([key, value]) => ({ key, value })),
    graph: {
      name: file.replace(".onnx", ""),
      node: graph.nodes,
      initializer: [...graph.initializers.values()],
      input: graph.inputs,
      output: graph.outputs,
    },
  });
  return onnx.ModelProto.encode(message).finish();
}

function valueInfo(name: string, shape: (string | number)[]): object {
  const dim = shape.map((size) =>
    typeof size === "string" ? { dimParam: size } : { dimValue: size }
  );
  return { name, type: { tensorType: { elemType: FLOAT, shape: { dim } } } };
}

function axis(i: number): object {
  return { name: "axis", type: 2, i };
}

function keepDims(i: number): object {
  return { name: "keepdims", type: 2, i };
}
