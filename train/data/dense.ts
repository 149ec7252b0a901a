/**
 * Dense layers for what training propagates and measures, on the kernels that serve: what is measured is
 * what is served.
 * @module
 */
import { Team } from "../../src/kernels/runtime/team.ts";
import {
  type OutputActivation,
  placeLayer,
  placeRows,
  readRows,
  runLayer,
} from "../../src/kernels/serving/dense.ts";

// N rows, I inputs, O outputs

/** Rows that go through a layer at once; bounds memory to some MiB. */
const ROWS_PER_CALL = 1000;

let team: Promise<Team> | undefined;

/** The threads and the memory of serving's kernels, shared by all of measuring, its workers started. */
export function measuringTeam(): Promise<Team> {
  return team ??= startTeam();
}

async function startTeam(): Promise<Team> {
  const started = new Team();
  await started.start();
  return started;
}

/** A layer's parameters. */
export interface DenseWeights {
  inputSize: number; // I
  weights: Float32Array; // (I, O), or (O, I) with `transposed`
  bias: Float32Array; // (O)
  transposed?: boolean;
}

/**
 * f(x·w + b) of `count` rows, a part at a time: `read` gives rows `first` … `first + rows` as (rows, I),
 * and `use` takes their outputs, (rows, O).
 */
export async function runDense(
  { count, read, use }: {
    count: number; // N
    read(first: number, rows: number): Float32Array;
    use(outputs: Float32Array, first: number, rows: number): void;
  },
  { bias, ...weights }: DenseWeights,
  activation?: OutputActivation,
): Promise<void> {
  const team = await measuringTeam(), { arena } = team, release = arena.mark();
  try {
    const layer = placeLayer(arena, { ...weights, bias });
    for (let first = 0; first < count; first += ROWS_PER_CALL) {
      const rows = Math.min(ROWS_PER_CALL, count - first), inputs = read(first, rows);
      const outputs = arena.scratch(() => {
        const x = placeRows(arena, inputs, weights.inputSize);
        return readRows(arena, runLayer(team, layer, x, activation), bias.length);
      });
      use(outputs, first, rows);
    }
  } finally {
    release();
  }
}
