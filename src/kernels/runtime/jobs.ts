/**
 * What the kernels export, and how a team's workers are told what to run.
 * @module
 */

import { BARRIER_LINE_BYTES } from "../generated/abi.ts";

/** The functions that assembly/serving.ts and training.ts export; pointers are byte addresses. */
export interface KernelExports {
  sigmoidInPlace(x: number, count: number, inverse: number): void;
  placePanels(rows: number): void;
  sumSoftplus(a: number, count: number): number;
  softplusDifference(a: number, u: number, count: number): number;
  fillUniform(
    out: number,
    from: number,
    to: number,
    layer: number,
    step: number,
    chain: number,
    seedLow: number,
    seedHigh: number,
  ): void;
  // A worker's share of a job; every worker of the team must call it.
  runLayer(call: number, worker: number): void;
  runChains(run: number, worker: number): void;
  // Of the training program alone.
  contrastiveDivergence(batch: number, worker: number): void;
  persistentDivergence(batch: number, worker: number): void;
  annealTemperatures(run: number, worker: number): void;
  annealPath(run: number, worker: number): void;
  predictDirected(batch: number, worker: number): void;
  learnDirected(batch: number, worker: number): void;
  discriminate(batch: number, worker: number): void;
  trainNetwork(batch: number, worker: number): void;
  runNetwork(batch: number, worker: number): void;
}

/** Kernels that a team runs together. */
export const jobs = [
  "runLayer",
  "runChains",
  "contrastiveDivergence",
  "persistentDivergence",
  "annealTemperatures",
  "annealPath",
  "predictDirected",
  "learnDirected",
  "discriminate",
  "trainNetwork",
  "runNetwork",
] as const;

/** One of {@linkcode jobs}. */
export type Job = typeof jobs[number];

/** 32-bit words of a line of a barrier, which has one of its own and one a worker. */
const BARRIER_LINE_WORDS = BARRIER_LINE_BYTES / 4;

/** Words of a team's control block; `quit` is the job that ends a worker. */
export const control = {
  generation: 0,
  job: 1,
  argument: 2,
  /** The index of a worker that failed in a job, 0 while none did. */
  failed: 3,
  /** Shares of jobs that workers have run, modulo 2^32. */
  finished: 4,
  /** Where the barrier of assembly/simd/barrier.ts begins; its first word is the number of workers. */
  barrier: 32,
  words: 32 + BARRIER_LINE_WORDS,
  wordsPerWorker: BARRIER_LINE_WORDS,
  quit: -1,
};

/** More phases than a job has, and few enough that a worker's count of them does not wrap. */
const ALL_PHASES = 2 ** 30;

/** Counts a worker as past every barrier of its job: the others wait for it no more. */
export function leaveBarrier(words: Int32Array, worker: number): void {
  const phase = control.barrier + control.wordsPerWorker * (1 + worker);
  Atomics.add(words, phase, ALL_PHASES);
  Atomics.notify(words, phase);
}

/** The kernels over a memory. */
export function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): KernelExports {
  const instance = new WebAssembly.Instance(module, { env: { memory, abort } });
  return instance.exports as unknown as KernelExports;
}

function abort(): never {
  throw new Error("A kernel was aborted");
}
