/**
 * Workers over one arena. A job's share is the same work whoever runs it, so the number of workers
 * changes no bit of a result; with one worker, or where workers or shared memory are missing, the
 * caller's thread does it all.
 * @module
 */
import { Arena, type Program } from "./arena.ts";
import { control, type Job, jobs } from "./jobs.ts";

/** More workers than this wait for each other longer than they save. */
const MAX_WORKERS = 4;

interface Helper {
  unref(): void;
  on(event: "message" | "error", listener: (value: unknown) => void): void;
}

/** An arena and the workers that run jobs on it. */
export class Team {
  readonly arena: Arena;
  readonly #address: number;
  readonly #wanted: number;
  #helpers: Promise<void> | undefined;
  #ready = 1;

  /**
   * @param workers threads to use, the caller's own among them
   * @param program the kernels; those of serving if left out
   */
  constructor(workers = defaultWorkers(), program?: Program) {
    const shared = workers > 1 ? Arena.shared(program) : undefined;
    this.arena = shared ?? new Arena({ program });
    this.#wanted = this.arena.isShared ? workers : 1;
    this.#address = this.arena.allocate(this.#words);
  }

  /** Threads that share a job now. */
  get workers(): number {
    return this.#ready;
  }

  get #words(): number {
    return control.words + control.wordsPerWorker * this.#wanted;
  }

  /** The barrier for a job's fields. */
  get barrier(): number {
    return this.#address + 4 * control.barrier;
  }

  /** Starts the other workers, once; jobs run on the caller's thread until all are ready. */
  start(): Promise<void> {
    return this.#helpers ??= this.#startHelpers();
  }

  async #startHelpers(): Promise<void> {
    if (this.#wanted === 1) return;
    try {
      const { Worker } = await import("node:worker_threads");
      const started = Array.from({ length: this.#wanted - 1 }, (_, i) => {
        const workerData = {
          ...this.arena.handle(),
          address: this.#address,
          index: i + 1,
        };
        const url = new URL("./worker.ts", import.meta.url);
        const helper: Helper = new Worker(url, { workerData });
        return new Promise<void>((resolve, reject) => {
          helper.on("message", () => {
            helper.unref(); // a waiting worker must not keep the program alive
            resolve();
          });
          helper.on("error", reject);
        });
      });
      await Promise.all(started);
      this.#ready = this.#wanted;
    } catch {
      // no workers here: the caller's thread does it all
    }
  }

  /**
   * Runs a job on every worker and returns when all are done.
   * @param alone whether the work is too little to wake the others for
   */
  run(job: Job, argument: number, alone = false): void {
    const words = this.arena.integers(this.#address, this.#words);
    Atomics.store(words, control.barrier, alone ? 1 : this.#ready);
    if (this.#ready > 1 && !alone) {
      Atomics.store(words, control.job, jobs.indexOf(job));
      Atomics.store(words, control.argument, argument);
      Atomics.add(words, control.generation, 1);
      Atomics.notify(words, control.generation);
    }
    this.arena.kernels[job](argument, 0);
  }

  /** Ends the workers. */
  dispose(): void {
    if (!this.arena.isShared) return;
    const words = this.arena.integers(this.#address, this.#words);
    Atomics.store(words, control.job, control.quit);
    Atomics.add(words, control.generation, 1);
    Atomics.notify(words, control.generation);
    this.#ready = 1;
  }
}

function defaultWorkers(): number {
  return Math.min(navigator.hardwareConcurrency ?? 1, MAX_WORKERS);
}
