/**
 * The worker that computes for a server: one engine, and jobs that take turns.
 * @module
 */
import { loadEngine } from "../engine/open.ts";
import { readModel } from "../format/weights.ts";
import { freeBytes, type FromWorker, type Opening, toSent, type ToWorker } from "./messages.ts";
import { Performer } from "./performer.ts";
import { Turns } from "./turns.ts";

/** The worker's side of its global scope, of which the DOM library has no types here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
}
const scope = globalThis as unknown as WorkerScope;

type Receive = (port: MessagePort) => { message: ToWorker } | undefined;

/** Frames that a stream's reader may be behind before its chain waits. */
const FRAMES_AHEAD = 2;

/** Milliseconds between two turns of the event loop while there is work: each costs two. */
const TURN_INTERVAL_MS = 100;

/** Called when a message has come while nothing was left to do. */
let wake = () => {};

scope.onmessage = async ({ data }: MessageEvent<Opening>) => {
  scope.onmessage = () => wake();
  try {
    await serve(data);
  } catch (error) { // of opening: jobs answer for themselves
    scope.postMessage({ kind: "failed", id: 0, error: toSent(error) });
  }
};

async function serve({ port, engine: name, config, files, url }: Opening): Promise<void> {
  const create = await loadEngine(name), directory = new URL(url);
  const model = { ...readModel(config, files, directory), url: directory };
  const engine = await create(model, {
    onProblem: (status) => scope.postMessage({ kind: "threads", status, isProblem: true }),
  });
  const blank = new Float32Array(engine.imageSize); // the first call compiles kernels, places weights
  await engine.classifierProbabilities(blank);
  await engine.jointPosterior(blank);
  if (engine.settle) {
    engine.settle("dbn");
    engine.settle("classifier");
    freeBytes([files.dbn, files.classifier]);
  }
  const turns = new Turns();
  const jobs = new Jobs(new Performer(engine, model.config.architecture, turns));
  const { imageSize, labelSize } = engine;
  const threadsOf = () => engine.threads?.() ?? { wanted: 1, running: 1 };
  let threads = threadsOf();
  scope.postMessage({ kind: "ready", imageSize, labelSize, threads });
  const specifier = "node:worker_threads"; // 40 ms to start: after the server is ready
  const { receiveMessageOnPort } = await import(specifier) as { receiveMessageOnPort: Receive };
  for (let yieldedAt = performance.now();;) {
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
      const { message } = next;
      if (message.kind === "dispose") {
        engine.dispose();
        return scope.postMessage({ kind: "disposed" });
      }
      jobs.hear(message);
    }
    if (performance.now() - yieldedAt > TURN_INTERVAL_MS) {
      await outside(); // threads of the engine are heard of
      yieldedAt = performance.now();
      const now = threadsOf();
      if (now.running !== threads.running) {
        scope.postMessage({ kind: "threads", status: threads = now, isProblem: false });
      }
    } else if (turns.isReady) await turns.step();
    else if (turns.tasks > 0) await outside();
    else {
      await new Promise<void>((resolve) => wake = resolve);
      yieldedAt = performance.now();
    }
  }
}

/** A turn of the event loop, or the next message: whichever comes first. */
function outside(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

/** A chain whose frames go out one by one. */
interface Stream {
  cancel: AbortController;
  /** Frames that may be sent before the reader asks for more. */
  credit: number;
  /** Lets a chain go on that waits for its reader. */
  goOn: () => void;
}

/** The jobs that were asked for. */
class Jobs {
  readonly #performer: Performer;
  readonly #streams = new Map<number, Stream>();

  constructor(performer: Performer) {
    this.#performer = performer;
  }

  hear(message: Exclude<ToWorker, { kind: "dispose" }>): void {
    if (message.kind === "drain") return this.#performer.drain();
    const { id } = message;
    switch (message.kind) {
      case "classify":
        return this.#answer(id, this.#performer.classify(message.images), (results) => ({
          kind: "classified",
          id,
          results,
        }));
      case "picture": {
        const { png, maxPixels } = message;
        return this.#answer(id, this.#performer.readPicture(png, { maxPixels }), (pixels) => ({
          kind: "pixels",
          id,
          pixels,
        }));
      }
      case "frames": {
        const stream = { cancel: new AbortController(), credit: FRAMES_AHEAD, goOn: () => {} };
        this.#streams.set(id, stream);
        const sent = this.#performer.frames(message.request, stream.cancel.signal, (frame) => {
          scope.postMessage({ kind: "frame", id, frame });
          if (--stream.credit > 0 || message.request.lastOnly) return;
          return new Promise<void>((resolve) => stream.goOn = resolve);
        }).finally(() => this.#streams.delete(id));
        return this.#answer(id, sent, () => ({ kind: "ended", id }));
      }
      case "more": {
        const stream = this.#streams.get(id);
        if (!stream) return;
        stream.credit++;
        return stream.goOn();
      }
      case "cancel": {
        const stream = this.#streams.get(id);
        stream?.cancel.abort();
        stream?.goOn();
      }
    }
  }

  #answer<T>(id: number, result: Promise<T>, message: (value: T) => FromWorker): void {
    result.then(
      (value) => scope.postMessage(message(value)),
      (error) => scope.postMessage({ kind: "failed", id, error: toSent(error) }),
    );
  }
}
