/**
 * One worker of a team: waits for a job in shared memory and runs its share. See team.ts.
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { control, instantiate, type Job, jobs, leaveBarrier } from "./jobs.ts";
import type { WorkerData } from "./team.ts";

const { module, memory, address, index } = workerData as WorkerData;
const kernels = instantiate(module, memory);
const words = new Int32Array(
  memory.buffer,
  address,
  control.words + control.wordsPerWorker * (index + 1),
);
parentPort!.postMessage("ready");
for (let seen = 0;;) { // a team runs its first shared job when all workers are ready
  Atomics.wait(words, control.generation, seen);
  seen = Atomics.load(words, control.generation);
  const job = Atomics.load(words, control.job);
  if (job === control.quit) break;
  if (index >= Atomics.load(words, control.barrier)) continue;
  let isDone = false;
  try {
    kernels[jobs[job] as Job](Atomics.load(words, control.argument), index);
    isDone = true;
  } finally {
    if (!isDone) { // the error itself reaches the team as an event, which a waiting thread cannot hear
      Atomics.store(words, control.failed, index);
      leaveBarrier(words, index);
    }
    Atomics.add(words, control.finished, 1);
  }
}
