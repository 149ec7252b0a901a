/**
 * Dense layers on the kernels, from an array to an array.
 * @module
 */
import {
  type OutputActivation,
  type PlacedLayer,
  type PlacedRows,
  placeRows,
  readRows,
  runLayer,
} from "../../kernels/serving/dense.ts";
import type { Team } from "../../kernels/runtime/team.ts";
import type { HiddenActivation } from "../../model/dbn.ts";

// B batch, I inputs, O outputs

/** The activation of a layer by its index; none after its sums where undefined. */
export type ActivationOf = (layer: number) => HiddenActivation | undefined;

/** The activation of every layer of a stack of RBMs. */
export const sigmoids: ActivationOf = () => "sigmoid";

/** Runs layers one after the other in scratch memory. */
export function runLayers(
  team: Team,
  layers: readonly PlacedLayer[],
  rows: PlacedRows,
  activationOf: ActivationOf,
): PlacedRows {
  if (rows.batch > 1) team.start();
  return layers.reduce((x, layer, i) => {
    const activation = activationOf(i);
    const output: OutputActivation = activation === "sigmoid" ? { temperature: 1 } : activation;
    return runLayer(team, layer, x, output);
  }, rows);
}

/** The same from an array (B, I) to an array (B, O). */
export function applyLayers(
  team: Team,
  layers: readonly PlacedLayer[],
  data: Float32Array,
  { inputSize, activationOf = sigmoids }: { inputSize: number; activationOf?: ActivationOf },
): Float32Array {
  const { arena } = team;
  return arena.scratch(() => {
    const rows = runLayers(team, layers, placeRows(arena, data, inputSize), activationOf);
    return readRows(arena, rows, layers.at(-1)?.outputSize ?? inputSize);
  });
}

/** Makes a value once, when it is first asked for. */
export function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** A synchronous call as a promise, its errors as rejections. */
export function answer<A extends unknown[], R>(f: (...args: A) => R): (...args: A) => Promise<R> {
  return (...args) => new Promise((resolve) => resolve(f(...args)));
}
