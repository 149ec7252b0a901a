/**
 * Named numbers in the arena, as checkpoints hold them.
 * @module
 */
import type { Arena } from "./arena.ts";

/** Where numbers lie, by name. */
export type Places = Record<string, [address: number, count: number]>;

/** Copies of the numbers. */
export function readPlaces(arena: Arena, places: Places): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(places).map(([name, [at, count]]) => [name, arena.floats(at, count).slice()]),
  );
}

/**
 * Puts saved numbers in their places; what `saved` lacks stays.
 * @throws {RangeError} naming what has another count.
 */
export function writePlaces(
  arena: Arena,
  places: Places,
  saved: Record<string, Float32Array>,
): void {
  for (const [name, [at, count]] of Object.entries(places)) {
    const data = saved[name];
    if (!data) continue;
    if (data.length !== count) {
      throw new RangeError(`Cannot train: ${name} must be ${count} numbers, got ${data.length}`);
    }
    arena.floats(at, count).set(data);
  }
}
