/**
 * Compute in a worker of its own, so that the thread that serves has nothing to do but sockets.
 * @module
 */
import type { Classification } from "../engine/classify.ts";
import type { EngineName, EngineOptions, ThreadStatus } from "../engine/engine.ts";
import { WeightsFormatError } from "../format/safetensors.ts";
import { PngFormatError } from "../image/png.ts";
import type { Compute, DrawnFrame, FramesRequest } from "./compute.ts";
import type { FromWorker, Opening, SentError, ToWorker, WorkerModel } from "./messages.ts";

/** What the worker says of one job. */
type JobMessage = Extract<FromWorker, { id: number }>;

/** Who waits for the worker's answers to a job. */
interface Listener {
  hear(message: JobMessage): void;
}

/** The worker has ended; whoever waits for it is told so. */
export class ComputeWorkerError extends Error {
  override name = "ComputeWorkerError";
}

/** A compute worker that has not been given a model yet: starting it takes as long as reading files. */
export class StartingWorker {
  readonly #worker: Worker;

  /** @throws {Error} if the platform has no workers. */
  constructor() {
    const url = new URL("./compute_worker.ts", import.meta.url);
    this.#worker = new Worker(url, { type: "module", name: "compute" });
  }

  /** Gives it the model, whose bytes move to it. Resolves when it can compute. */
  open(
    engine: EngineName,
    model: WorkerModel,
    options: EngineOptions = {},
  ): Promise<WorkerCompute> {
    return WorkerCompute.open(this.#worker, engine, { model, options });
  }

  /** Ends a worker that will get no model. */
  dispose(): void {
    this.#worker.terminate();
  }
}

/** Runs jobs in a worker. */
export class WorkerCompute implements Compute {
  readonly engineName: EngineName;
  readonly imageSize: number;
  readonly labelSize: number;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #listeners = new Map<number, Listener>();
  #threads: ThreadStatus;
  #nextId = 1;
  #failure: ComputeWorkerError | undefined;
  #isDisposed = false;

  private constructor(
    worker: Worker,
    port: MessagePort,
    { engine, imageSize, labelSize, threads, onProblem }: {
      engine: EngineName;
      imageSize: number;
      labelSize: number;
      threads: ThreadStatus;
      onProblem: EngineOptions["onProblem"];
    },
  ) {
    this.#worker = worker;
    this.#port = port;
    this.engineName = engine;
    this.imageSize = imageSize;
    this.labelSize = labelSize;
    this.#threads = threads;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "threads") {
        this.#threads = data.status;
        if (data.isProblem) onProblem?.(data.status);
      } else if (data.kind === "disposed") this.#terminate();
      else if (data.kind !== "ready") this.#listeners.get(data.id)?.hear(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new ComputeWorkerError(`The compute worker ended: ${event.message}`));
    };
  }

  /** See `StartingWorker.open`. */
  static open(
    worker: Worker,
    engine: EngineName,
    { model, options }: { model: WorkerModel; options: EngineOptions },
  ): Promise<WorkerCompute> {
    const { port1, port2 } = new MessageChannel();
    const { dbn, classifier } = model.files;
    const { onProblem } = options;
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        if (data.kind === "ready") {
          resolve(new WorkerCompute(worker, port1, { ...data, engine, onProblem }));
        } else if (data.kind === "threads") onProblem?.(data.status);
        else if (data.kind === "failed") {
          worker.terminate();
          reject(toError(data.error));
        }
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new ComputeWorkerError(event.message.replace(/^Uncaught \w*Error: /, "")));
      };
      const opening: Opening = { ...model, engine, port: port2 };
      const bytes = [...new Set([dbn.buffer, classifier.buffer])] as Transferable[];
      worker.postMessage(opening, [port2, ...bytes]);
    });
  }

  classify(images: Float32Array): Promise<Classification[]> {
    return this.#ask((id) => ({ kind: "classify", id, images }), (message) => {
      return message.kind === "classified" ? message.results : undefined;
    });
  }

  readPicture(png: Uint8Array, { maxPixels }: { maxPixels: number }): Promise<Uint8Array> {
    return this.#ask((id) => ({ kind: "picture", id, png, maxPixels }), (message) => {
      return message.kind === "pixels" ? message.pixels : undefined;
    });
  }

  async *frames(
    request: FramesRequest,
    signal: AbortSignal,
  ): AsyncGenerator<DrawnFrame, void, void> {
    const id = this.#nextId++, heard: JobMessage[] = [];
    let wake = () => {};
    this.#listen(id, {
      hear: (message) => {
        heard.push(message);
        wake();
      },
    });
    const cancel = () => {
      this.#say({ kind: "cancel", id });
      wake();
    };
    signal.addEventListener("abort", cancel, { once: true });
    try {
      this.#say({ kind: "frames", id, request });
      while (!signal.aborted) {
        if (heard.length === 0) await new Promise<void>((resolve) => wake = resolve);
        const message = heard.shift();
        if (message?.kind === "frame") {
          yield message.frame;
          this.#say({ kind: "more", id });
        } else if (message?.kind === "ended") return;
        else if (message?.kind === "failed") throw toError(message.error);
      }
    } finally {
      signal.removeEventListener("abort", cancel);
      this.#listeners.delete(id);
      this.#say({ kind: "cancel", id }); // harmless if it has ended
    }
  }

  threads(): ThreadStatus {
    return this.#threads;
  }

  drain(): void {
    this.#say({ kind: "drain" });
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    if (this.#failure) return this.#terminate();
    this.#say({ kind: "dispose" });
    this.#fail(new ComputeWorkerError("The compute worker was ended"));
  }

  #terminate(): void {
    this.#worker.terminate();
    this.#port.close();
  }

  /** Sends a job and waits for its one answer. */
  #ask<T>(
    job: (id: number) => ToWorker,
    pick: (message: JobMessage) => T | undefined,
  ): Promise<T> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#listen(id, {
        hear: (message) => {
          this.#listeners.delete(id);
          const answer = pick(message);
          if (answer !== undefined) resolve(answer);
          else reject(message.kind === "failed" ? toError(message.error) : new Error(message.kind));
        },
      });
      this.#say(job(id));
    });
  }

  #listen(id: number, listener: Listener): void {
    this.#listeners.set(id, listener);
    if (this.#failure) listener.hear({ kind: "failed", id, error: this.#failure });
  }

  #say(message: ToWorker): void {
    if (this.#failure) return;
    this.#port.postMessage(message);
    this.#worker.postMessage(null); // wakes it if it has nothing to do
  }

  #fail(error: ComputeWorkerError): void {
    this.#failure ??= error;
    for (const [id, listener] of this.#listeners) listener.hear({ kind: "failed", id, error });
  }
}

/** The error that a job failed with, of the class that callers tell apart. */
function toError({ name, message, stack }: SentError): Error {
  const error = name === "PngFormatError"
    ? new PngFormatError(message)
    : name === "WeightsFormatError"
    ? new WeightsFormatError(message)
    : name === "RangeError"
    ? new RangeError(message)
    : new Error(message);
  error.stack = stack;
  return error;
}
