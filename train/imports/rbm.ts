/**
 * Imports scikit-learn's `BernoulliRBM`: the attributes that it has after `fit`.
 * @module
 */
import type { Rbm } from "../../src/model/rbm.ts";
import { checkRank, fail, failFile, type NumberArray, shapeText, transposed } from "./arrays.ts";
import { readArrays } from "./read.ts";

// V visible, H hidden

/** Attributes of a fitted `BernoulliRBM`. */
const attributes = ["components_", "intercept_hidden_", "intercept_visible_"] as const;

/** Options of {@linkcode importRbm}. */
export interface ImportRbmOptions {
  /** What errors call the file. @default "the file" */
  file?: string;
}

/**
 * The RBM in the bytes of an NPZ archive (or safetensors file) with `components_` (H, V),
 * `intercept_hidden_` (H) and `intercept_visible_` (V); other arrays are ignored.
 *
 * @throws {ImportError} naming file, array, bound and value where one is missing or does not fit.
 *
 * @example From Python
 * ```py
 * numpy.savez("rbm.npz", components_=rbm.components_, intercept_hidden_=rbm.intercept_hidden_,
 *             intercept_visible_=rbm.intercept_visible_)
 * ```
 */
export async function importRbm(
  bytes: Uint8Array,
  { file = "the file" }: ImportRbmOptions = {},
): Promise<Rbm> {
  const { arrays } = await readArrays(bytes, { file, names: attributes });
  const [components, hidden, visible] = attributes.map((name) => pick(arrays, name, file));
  checkRank(components, 2, file);
  const [hiddenSize, visibleSize] = components.shape;
  checkBias(hidden, hiddenSize, { file, of: "hidden" });
  checkBias(visible, visibleSize, { file, of: "visible" });
  return {
    visibleSize,
    hiddenSize,
    weights: transposed(components), // (V, H)
    visibleBias: visible.data,
    hiddenBias: hidden.data,
  };
}

function pick(arrays: readonly NumberArray[], name: string, file: string): NumberArray {
  return arrays.find((array) => array.name === name) ??
    failFile(file, `array "${name}" of a BernoulliRBM is missing`);
}

function checkBias(bias: NumberArray, size: number, { file, of }: { file: string; of: string }) {
  checkRank(bias, 1, file);
  if (bias.shape[0] === size) return;
  const needed = `(${size}), the ${of} units of components_`;
  fail({ file, array: bias.name }, `must have shape ${needed}, got ${shapeText(bias.shape)}`);
}
