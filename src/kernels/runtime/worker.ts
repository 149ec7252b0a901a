/**
 * One worker of a team: waits for a job in shared memory and runs its share. See team.ts.
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { control, instantiate, type Job, jobs } from "./jobs.ts";

const { module, memory, address, index } = workerData as {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  address: number;
  index: number;
};
const kernels = instantiate(module, memory);
const words = new Int32Array(memory.buffer, address, control.words);
let seen = Atomics.load(words, control.generation);
parentPort!.postMessage("ready");
for (;;) {
  Atomics.wait(words, control.generation, seen);
  seen = Atomics.load(words, control.generation);
  const job = Atomics.load(words, control.job);
  if (job === control.quit) break;
  if (index < Atomics.load(words, control.barrier)) {
    kernels[jobs[job] as Job](Atomics.load(words, control.argument), index);
  }
}
