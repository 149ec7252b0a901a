/**
 * One worker of a team, a thread of `node:worker_threads` or a Web Worker: waits for a job in shared memory
 * and runs its share. See team.ts.
 * @module
 */
import { hasFiles, importBuiltin } from "../../outside/platform.ts";
import { control, instantiate, type Job, jobs, leaveBarrier } from "./jobs.ts";
import type { WorkerData } from "./team.ts";

/** How a worker hears what to run, once, and says that it is ready. */
interface Channel {
  workerData: WorkerData;
  sayReady(): void;
  /** Ends a thread that would not end with its module. */
  close(): void;
}

/** A Web Worker's side of its global scope. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<WorkerData>) => void) | null;
  postMessage(message: string): void;
  close(): void;
}

async function openChannel(): Promise<Channel> {
  if (hasFiles()) {
    const { parentPort, workerData } = await importBuiltin<typeof import("node:worker_threads")>(
      "node:worker_threads",
    );
    return { workerData, sayReady: () => parentPort!.postMessage("ready"), close: () => {} };
  }
  const scope = globalThis as unknown as WorkerScope;
  const workerData = await new Promise<WorkerData>((resolve) => {
    scope.onmessage = ({ data }) => resolve(data);
  });
  return {
    workerData,
    sayReady: () => scope.postMessage("ready"),
    close: () => scope.close(),
  };
}

// In a function: bundlers make workers that await nothing at their top level.
async function work(): Promise<void> {
  const { workerData, sayReady, close } = await openChannel();
  const { module, memory, address, index } = workerData;
  const kernels = instantiate(module, memory);
  const words = new Int32Array(
    memory.buffer,
    address,
    control.words + control.wordsPerWorker * (index + 1),
  );
  sayReady();
  for (let seen = 0;;) { // a team runs its first shared job when all workers are ready
    Atomics.wait(words, control.generation, seen);
    seen = Atomics.load(words, control.generation);
    const job = Atomics.load(words, control.job);
    if (job === control.quit) return close();
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
}

work().catch((error) => {
  if (hasFiles()) throw error; // the thread ends by it
  reportError(error); // a Web Worker's owner hears of no rejection
});
