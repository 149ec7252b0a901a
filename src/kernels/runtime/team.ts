/**
 * Workers over one arena. A job's share is the same work whoever runs it, so the number of workers
 * changes no bit of a result; with one worker, or where workers or shared memory are missing, the
 * caller's thread does it all, and {@linkcode Team.status} says why.
 * @module
 */
import { hasFiles, importBuiltin, processorCount } from "../../outside/platform.ts";
import { Arena, type Program } from "./arena.ts";
import { control, type Job, jobs, leaveBarrier } from "./jobs.ts";

/** More workers than this wait for each other longer than they save. */
const MAX_WORKERS = 4;

/** Threads of a team. */
export interface TeamStatus {
  /** Threads asked for, the caller's own among them. */
  wanted: number;
  /** Threads that share a job now. */
  running: number;
  /** Why fewer run than were asked for, once that is known. */
  reason?: string;
}

/** What a team needs of a worker thread, as `node:worker_threads` has it. */
export interface WorkerThread {
  /** Lets the program end while the worker waits. */
  unref(): void;
  on(event: "message" | "error" | "exit", listener: (value: unknown) => void): unknown;
}

/** What a worker is given: see worker.ts. */
export interface WorkerData {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Of the team's control block. */
  address: number;
  /** From 1; the caller's thread is 0. */
  index: number;
}

/** How a team starts a worker, and whom it tells of a problem. */
export interface TeamOptions {
  /** @default a thread of `node:worker_threads`; where there are none, as in browsers, a Web Worker */
  startWorker?: (workerData: WorkerData) => WorkerThread | Promise<WorkerThread>;
  /** Hears once of each reason why fewer threads run than were asked for; jobs go on without them. */
  onProblem?: (status: TeamStatus) => void;
  /** The kernels, compiled, where a platform compiles no bytes; one thread runs all jobs on them. */
  kernels?: WebAssembly.Module;
}

/** An arena and the workers that run jobs on it. */
export class Team {
  /** @internal */
  readonly arena: Arena;
  readonly #address: number;
  readonly #options: TeamOptions;
  readonly #wanted: number;
  #starting: Promise<void> | undefined;
  #running = 1;
  #reason: string | undefined;
  /** Shares of jobs that workers were told to run, modulo 2^32. */
  #shares = 0;
  /** Whether a job failed in which workers may still be. */
  #interrupted = false;

  /**
   * A team whose workers start with the first job that is worth it, or by {@linkcode start}.
   * @param workers threads to use, the caller's own among them
   * @param program the kernels; those of serving if left out
   */
  constructor(workers: number = defaultWorkers(), program?: Program, options: TeamOptions = {}) {
    this.#options = options;
    this.#wanted = workers;
    const { kernels: module } = options;
    const shared = workers > 1 && !module ? Arena.shared(program) : undefined;
    this.arena = shared instanceof Arena ? shared : new Arena({ program, module });
    this.#address = this.arena.allocate(this.#words);
    if (shared instanceof Error) this.#report(`memory cannot be shared: ${shared.message}`);
    else if (workers > 1 && module) this.#report("the kernels that were handed in are for one");
  }

  /** Threads that share a job now. */
  get workers(): number {
    return this.#running;
  }

  /** How many threads run of those asked for, and why no more. */
  get status(): TeamStatus {
    const status = { wanted: this.#wanted, running: this.#running };
    return this.#reason === undefined ? status : { ...status, reason: this.#reason };
  }

  get #words(): number {
    return control.words + control.wordsPerWorker * this.#wanted;
  }

  /** The barrier for a job's fields. */
  get barrier(): number {
    return this.#address + 4 * control.barrier;
  }

  /**
   * Starts the other workers, once; jobs run on the caller's thread until all are ready. Never rejects: where
   * workers cannot be started, {@linkcode status} says why.
   */
  start(): Promise<void> {
    return this.#starting ??= this.#start();
  }

  async #start(): Promise<void> {
    if (!this.arena.isShared) return;
    const indexes = Array.from({ length: this.#wanted - 1 }, (_, i) => i + 1);
    // What a platform throws that has no workers is its own affair: any reason is reported alike.
    const started = await Promise.allSettled(indexes.map((index) => this.#startWorker(index)));
    const failed = started.find((result) => result.status === "rejected");
    if (failed) this.#dismiss(`a worker did not start: ${textOf(failed.reason)}`);
    else if (this.#reason === undefined) this.#running = this.#wanted;
  }

  /** Resolves when the worker waits for jobs. */
  async #startWorker(index: number): Promise<void> {
    const start = this.#options.startWorker ?? startThread;
    const worker = await start({ ...this.arena.handle(), address: this.#address, index });
    await new Promise<void>((resolve, reject) => {
      worker.on("message", () => {
        worker.unref(); // a waiting worker must not keep the program alive
        resolve();
      });
      worker.on("error", (error) => {
        reject(error);
        this.#dismiss(`a worker failed: ${textOf(error)}`);
      });
      worker.on("exit", (code) => {
        reject(new Error(`it ended with code ${code}`));
        this.#dismiss("a worker ended");
      });
    });
  }

  /**
   * Runs a job on every worker and returns when all are done.
   * @param alone whether the work is too little to wake the others for
   * @throws {Error} if a worker failed in it; later jobs run on the caller's thread.
   * @internal
   */
  run(job: Job, argument: number, alone = false): void {
    const words = this.arena.integers(this.#address, this.#words);
    if (this.#interrupted) {
      if (Atomics.load(words, control.finished) !== this.#shares) {
        throw new Error(`Cannot run ${job}: workers are still in a job that failed`);
      }
      this.#interrupted = false;
      this.#quit();
    }
    const isShared = this.#running > 1 && !alone;
    Atomics.store(words, control.barrier, isShared ? this.#running : 1);
    if (!isShared) return this.arena.kernels[job](argument, 0);
    Atomics.store(words, control.job, jobs.indexOf(job));
    Atomics.store(words, control.argument, argument);
    Atomics.add(words, control.generation, 1);
    Atomics.notify(words, control.generation);
    this.#shares = this.#shares + this.#running - 1 | 0;
    let isDone = false;
    try {
      this.arena.kernels[job](argument, 0);
      isDone = true;
    } finally {
      if (!isDone) {
        leaveBarrier(words, 0);
        this.#interrupt(`${job} failed`);
      }
    }
    const failed = Atomics.load(words, control.failed);
    if (failed === 0) return;
    this.#interrupt(`worker ${failed} failed in ${job}`);
    throw new Error(`Cannot run ${job}: worker ${failed} failed in it`);
  }

  /** Ends the workers. */
  dispose(): void {
    this.#reason ??= "the team was disposed of";
    this.#quit();
  }

  /** Goes on alone as soon as the workers have left the job. */
  #interrupt(reason: string): void {
    this.#running = 1;
    this.#interrupted = true;
    this.#report(reason);
  }

  /** Lets waiting workers end, those too that are still starting. */
  #quit(): void {
    this.#running = 1;
    if (!this.arena.isShared) return;
    const words = this.arena.integers(this.#address, this.#words);
    Atomics.store(words, control.job, control.quit);
    Atomics.add(words, control.generation, 1);
    Atomics.notify(words, control.generation);
  }

  /** Goes on without workers, which wait. */
  #dismiss(reason: string): void {
    if (this.#interrupted) return; // run() lets them end
    this.#quit();
    this.#report(reason);
  }

  /** Tells of the first reason: later ones follow from it. */
  #report(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#options.onProblem?.(this.status);
  }
}

async function startThread(workerData: WorkerData): Promise<WorkerThread> {
  if (!hasFiles()) return startWebWorker(workerData);
  const { Worker } = await importBuiltin<typeof import("node:worker_threads")>(
    "node:worker_threads",
  );
  return new Worker(new URL("./worker.ts", import.meta.url), { workerData });
}

/** A Web Worker. Bundlers find its module by this expression, as it stands. */
function startWebWorker(workerData: WorkerData): WorkerThread {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.postMessage(workerData);
  return {
    unref: () => {},
    on: (event, listener) => {
      if (event === "message") worker.addEventListener(event, ({ data }) => listener(data));
      if (event !== "error") return; // a Web Worker does not tell of its end
      worker.addEventListener(event, ({ message }) => {
        listener(message || "its module cannot be loaded; a bundle needs it beside itself");
      });
    },
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function defaultWorkers(): number {
  return Math.min(processorCount(), MAX_WORKERS);
}
