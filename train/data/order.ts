/**
 * The order in which an epoch takes its cases.
 * @module
 */
import { permutation } from "../../src/math/random.ts";

/** A permutation of all cases that depends on the seed and the epoch alone. */
export function shuffled(count: number, seed: number, epoch: number): Uint32Array {
  return permutation(count, seed, epoch);
}

/**
 * A permutation in which every stretch holds the classes in the shares that they have in all: the
 * cases of each class, shuffled, are spread evenly. Hinton (2012), §4.
 */
export function stratified(labels: Uint8Array, seed: number, epoch: number): Uint32Array {
  const order = permutation(labels.length, seed, epoch);
  const classes = new Map<number, number[]>();
  for (const index of order) {
    const cases = classes.get(labels[index]) ?? [];
    cases.push(index);
    classes.set(labels[index], cases);
  }
  const places = [...classes.values()].flatMap((cases) =>
    cases.map((index, i) => ({ index, place: (i + 0.5) / cases.length }))
  );
  return Uint32Array.from(places.sort((a, b) => a.place - b.place), ({ index }) => index);
}
