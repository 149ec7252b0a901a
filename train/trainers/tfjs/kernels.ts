/**
 * Learning's element-wise work as custom tfjs kernels that run on the WASM heap, without copies.
 *
 * An update by tf.mul and tf.add allocates a tensor an operation; these read and write the heap in
 * one pass. A parameter always gets a fresh tensor: the backend's matrix product caches packed
 * weights by tensor, so weights that changed in place would be multiplied stale.
 * @module
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { fillUniform, type RandomKey } from "../../../src/math/random.ts";
import { openTfjsBackend, tf } from "../../../src/engine/tfjs_backend.ts";

let ready: Promise<void> | undefined;

/** Starts the backend and registers the kernels, once. */
export function openTrainingBackend(): Promise<void> {
  return ready ??= openTfjsBackend().then(() => {
    register("SampleBernoulli", sampleKernel);
    register("MomentumUpdate", momentumKernel);
    register("AdamUpdate", adamKernel);
  });
}

/** Hyper-parameters of {@linkcode momentumUpdate}. */
export interface MomentumRates {
  learningRate: number;
  momentum: number;
  /** L2 penalty; 0 for biases. */
  weightCost: number;
}

/** Hyper-parameters of {@linkcode adamUpdate}; Kingma and Ba (2015), algorithm 1. */
export interface AdamRates {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Updates done before this one. */
  step: number;
}

/** A binary sample of probabilities (B, U). Row r is keyed as chain `firstRow + r`. */
export function sampleBernoulli<T extends tf.Tensor>(probabilities: T, key: RandomKey): T {
  return call("SampleBernoulli", { probabilities }, { ...key });
}

/**
 * velocity ← momentum·velocity + learningRate·(gradient − weightCost·parameter), in place; returns
 * parameter + velocity. `gradient` points uphill, as contrastive divergence has it.
 */
export function momentumUpdate<T extends tf.Tensor>(
  parameter: T,
  velocity: T,
  gradient: tf.Tensor,
  rates: MomentumRates,
): T {
  return call("MomentumUpdate", { parameter, velocity, gradient }, { ...rates });
}

/** Updates both moments in place and returns the new parameter. `gradient` points uphill of a loss. */
export function adamUpdate<T extends tf.Tensor>(
  parameter: T,
  first: tf.Tensor,
  second: tf.Tensor,
  gradient: tf.Tensor,
  rates: AdamRates,
): T {
  return call("AdamUpdate", { parameter, first, second, gradient }, { ...rates });
}

type Attributes = Record<string, number>;
type Kernel = (
  out: Float32Array,
  inputs: Record<string, Float32Array>,
  attributes: Attributes,
  shape: number[],
) => void;

function call<T extends tf.Tensor>(
  name: string,
  inputs: tf.NamedTensorMap,
  attributes: Attributes,
): T {
  return tf.engine().runKernel(name, inputs, attributes) as T;
}

/** Registers a kernel whose output has the shape of its first input. */
function register(kernelName: string, kernel: Kernel): void {
  tf.registerKernel({
    kernelName,
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs, backend }) => {
      const wasm = backend as BackendWasm;
      const infos = inputs as Record<string, tf.TensorInfo>;
      const { shape } = Object.values(infos)[0];
      const out = wasm.makeOutput(shape, "float32"); // may grow the heap: take views after it
      const views = Object.fromEntries(
        Object.entries(infos).map(([name, info]) => [name, heapView(wasm, info)]),
      );
      kernel(heapView(wasm, out), views, attrs as Attributes, shape);
      return out;
    },
  });
}

/** The tensor's floats on the WASM heap; valid until the heap grows. */
function heapView(backend: BackendWasm, { dataId, shape }: tf.TensorInfo): Float32Array {
  const { memoryOffset } = backend.dataIdMap.get(dataId);
  return new Float32Array(
    (backend.wasm as unknown as { HEAPU8: Uint8Array }).HEAPU8.buffer as ArrayBuffer,
    memoryOffset,
    tf.util.sizeFromShape(shape),
  );
}

const sampleKernel: Kernel = (out, { probabilities }, { seed, chain, step, layer }, shape) => {
  const units = shape[shape.length - 1];
  const uniform = new Float32Array(units);
  for (let at = 0, row = 0; at < out.length; at += units, row++) {
    fillUniform(uniform, { seed, chain: chain + row, step, layer });
    for (let i = 0; i < units; i++) out[at + i] = uniform[i] < probabilities[at + i] ? 1 : 0;
  }
};

const momentumKernel: Kernel = (
  out,
  { parameter, velocity, gradient },
  { learningRate, momentum, weightCost },
) => {
  for (let i = 0; i < out.length; i++) {
    const next = momentum * velocity[i] +
      learningRate * (gradient[i] - weightCost * parameter[i]);
    velocity[i] = next;
    out[i] = parameter[i] + next;
  }
};

const adamKernel: Kernel = (
  out,
  { parameter, first, second, gradient },
  { learningRate, beta1, beta2, epsilon, step },
) => {
  const scale1 = 1 / (1 - beta1 ** (step + 1)), scale2 = 1 / (1 - beta2 ** (step + 1));
  for (let i = 0; i < out.length; i++) {
    const g = gradient[i];
    const m = beta1 * first[i] + (1 - beta1) * g;
    const v = beta2 * second[i] + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    out[i] = parameter[i] - learningRate * m * scale1 / (Math.sqrt(v * scale2) + epsilon);
  }
};
