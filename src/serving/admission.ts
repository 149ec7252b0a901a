/**
 * The one gate in front of all compute: so many requests run at a time, so many wait, each until its
 * deadline, and clients take turns. A place is given back exactly once, whatever ends the request.
 * @module
 */

/** Why a request was not admitted. */
export type RefusalReason = "full" | "deadline" | "stopping";

/** Thrown when a request is not admitted; nothing of it has been computed. */
export class AdmissionRefused extends Error {
  override name = "AdmissionRefused";
  readonly reason: RefusalReason;
  /** Seconds after which another try may succeed. */
  readonly retryAfterSeconds: number;

  constructor(reason: RefusalReason, message: string, retryAfterSeconds = 1) {
    super(message);
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Settings of an {@linkcode AdmissionGate}. */
export interface AdmissionOptions {
  /** Requests that run at the same time. */
  places: number;
  /** Requests that wait for a place, of all clients together. */
  maxWaiting: number;
  /** Requests of one client that wait; @default maxWaiting */
  maxWaitingPerClient?: number;
}

/** A request that asks for a place. */
export interface AdmissionRequest {
  /** Who asks; those who wait are served in turn by client, so that one cannot keep others out. */
  client: string;
  /** Aborted when the request ends early: its client has left, or its deadline has passed. */
  signal?: AbortSignal;
  /** Milliseconds that it may wait. */
  maxWaitMs: number;
}

/** A place in front of compute. Every way out of a request must release it; more than once is harmless. */
export interface Place {
  release(): void;
}

/** A request in the queue. */
interface Waiting {
  admit(place: Place): void;
  refuse(error: unknown): void;
}

/** Admits requests to compute. */
export class AdmissionGate {
  readonly #options: Required<AdmissionOptions>;
  /** Who waits, a queue a client; the client whose turn is next comes first. */
  readonly #queues = new Map<string, Waiting[]>();
  #running = 0;
  #waiting = 0;
  #stopped = false;

  constructor(options: AdmissionOptions) {
    this.#options = { maxWaitingPerClient: options.maxWaiting, ...options };
  }

  /** Requests that have a place now. */
  get running(): number {
    return this.#running;
  }

  /** Requests that wait for one. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Waits for a place.
   * @throws {AdmissionRefused} if the queue is full, if the wait is over, or once the gate has stopped
   * @throws the signal's reason, if that ends the wait
   */
  enter({ client, signal, maxWaitMs }: AdmissionRequest): Promise<Place> {
    const { places, maxWaiting, maxWaitingPerClient } = this.#options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#stopped) return Promise.reject(stopping());
    if (this.#running < places) return Promise.resolve(this.#take());
    const queue = this.#queues.get(client) ?? [];
    if (this.#waiting >= maxWaiting || queue.length >= maxWaitingPerClient) {
      return Promise.reject(
        new AdmissionRefused(
          "full",
          `At most ${places} requests run and ${maxWaiting} wait at the same time, ${maxWaitingPerClient} of one client; try again in a second`,
        ),
      );
    }
    return this.#wait(client, queue, signal, maxWaitMs);
  }

  #wait(
    client: string,
    queue: Waiting[],
    signal: AbortSignal | undefined,
    maxWaitMs: number,
  ): Promise<Place> {
    return new Promise((resolve, reject) => {
      const leave = (error: unknown) => {
        queue.splice(queue.indexOf(waiting), 1);
        if (queue.length === 0) this.#queues.delete(client);
        this.#waiting--;
        settle();
        reject(error);
      };
      const onAbort = () => leave(signal!.reason);
      const timer = setTimeout(() => {
        const message = `No place came free within ${maxWaitMs} ms; try again later`;
        leave(new AdmissionRefused("deadline", message, Math.max(1, Math.ceil(maxWaitMs / 1000))));
      }, maxWaitMs);
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      const waiting: Waiting = {
        admit: (place) => {
          settle();
          resolve(place);
        },
        refuse: leave,
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      queue.push(waiting);
      this.#queues.set(client, queue);
      this.#waiting++;
    });
  }

  #take(): Place {
    this.#running++;
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        this.#running--;
        this.#admitNext();
      },
    };
  }

  /** Gives a free place to the client whose turn it is, and sends that client to the end of the line. */
  #admitNext(): void {
    if (this.#running >= this.#options.places) return;
    const next = this.#queues.entries().next().value;
    if (!next) return;
    const [client, queue] = next, waiting = queue.shift()!;
    this.#queues.delete(client);
    if (queue.length > 0) this.#queues.set(client, queue);
    this.#waiting--;
    waiting.admit(this.#take());
  }

  /** Admits nobody from now on and refuses all who wait; those who run go on. */
  stop(): void {
    this.#stopped = true;
    for (const queue of [...this.#queues.values()]) {
      for (const waiting of [...queue]) waiting.refuse(stopping());
    }
  }
}

function stopping(): AdmissionRefused {
  return new AdmissionRefused("stopping", "The server is stopping");
}
