/**
 * A request of the typed client and its answer: within bounds of time and size, and tried again where the
 * service asks for that.
 * @module
 */
import type { Problem } from "../api/problem.ts";
import { collect } from "../outside/collect.ts";
import { fetchFailure } from "../outside/fetch_failure.ts";
import { shownUrl } from "../outside/shown.ts";
import { withoutToken } from "./address.ts";
import { type FailureKind, ServiceError } from "./errors.ts";
import type { CallOptions, Fetch } from "./options.ts";
import { retryAfterMs, wait } from "./retry.ts";

/** A request. */
export interface ExchangeRequest {
  method: "GET" | "POST";
  url: string;
  headers: Record<string, string>;
  body?: Uint8Array | Blob | string;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_RETRIES = 2;
/** The longest wait that a service may ask for. */
const LONGEST_WAIT_MS = 10_000;
/** Bytes of an answer, and of a problem. */
const MAX_BYTES = 16 * 1024 * 1024, MAX_PROBLEM_BYTES = 64 * 1024;

/**
 * Sends a request until it is answered with success.
 * @returns the answer, which the caller ends
 * @throws {ServiceError} if it is not
 * @throws the signal's reason when it is aborted
 */
export async function send(
  request: ExchangeRequest,
  options: CallOptions & { fetch?: Fetch },
): Promise<Exchange> {
  const { maxRetries = DEFAULT_RETRIES, signal } = options;
  for (let retries = 0;; retries++) {
    const exchange = new Exchange(request, options);
    try {
      await exchange.open(options.fetch);
      return exchange;
    } catch (error) {
      exchange.end();
      const waitMs = error instanceof ServiceError && error.status === 503
        ? error.retryAfterMs ?? Infinity
        : Infinity;
      if (retries >= maxRetries || waitMs > LONGEST_WAIT_MS) throw error;
      await wait(waitMs * (1 + Math.random() / 4), signal); // so that clients do not come all at once
    }
  }
}

/** The longest time that timers know. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * One try of a request. It ends when its signal is aborted, or when its answer does not begin in `timeoutMs`,
 * or then is not whole in as many, or from one {@linkcode progressed} to the next.
 */
export class Exchange {
  readonly #request: ExchangeRequest;
  readonly #ending = new AbortController();
  readonly #ended: Promise<never>;
  readonly #timeoutMs: number;
  readonly #signal?: AbortSignal;
  readonly #stop = () => this.#ending.abort(this.#signal!.reason);
  #response?: Response;
  /** When what is waited for must be there, as `performance.now()` has it. */
  #deadline = Infinity;

  constructor(request: ExchangeRequest, { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions) {
    this.#request = request;
    this.#signal = signal;
    this.#timeoutMs = Math.min(timeoutMs, MAX_TIMER_MS);
    this.#ended = new Promise((_, reject) =>
      this.#ending.signal.addEventListener("abort", () => reject(this.#ending.signal.reason))
    );
    this.#ended.catch(ignoreEnd);
    if (signal?.aborted) this.#stop();
    signal?.addEventListener("abort", this.#stop);
  }

  /** A header of the answer. */
  header(name: string): string | null {
    return this.#response!.headers.get(name);
  }

  /** A header that is an integer; undefined where it is none or not there, as a proxy may hide it. */
  numberOf(name: string): number | undefined {
    const text = this.header(name) ?? "", number = Number(text);
    return /^\d+$/.test(text) && Number.isSafeInteger(number) ? number : undefined;
  }

  /** What was waited for has come: the time for the next begins. */
  progressed(): void {
    this.#deadline = performance.now() + this.#timeoutMs;
  }

  /**
   * Sends the request. `fetch` is called as a function of no object, as browsers demand. What carries a token is
   * not redirected, because some platforms send it to the other origin too.
   * @throws {ServiceError}
   */
  async open(fetch: Fetch = globalThis.fetch): Promise<void> {
    const { method, url, headers, body } = this.#request, { signal } = this.#ending;
    signal.throwIfAborted();
    const redirect = headers.authorization === undefined ? "follow" : "manual";
    const init = { method, headers, body: body as BodyInit | undefined, redirect, signal } as const;
    this.progressed();
    this.#response = await this.#within(() => fetch(url, init));
    this.progressed();
    if (!this.#response.ok) throw await this.#refusal();
  }

  /** The body as JSON. @throws {ServiceError} if it is none */
  async json(): Promise<unknown> {
    const bytes = await this.readBytes();
    try {
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch (error) { // of JSON, or of the decoder
      if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
      throw this.malformed("the answer must be JSON", error);
    }
  }

  /** The body. @throws {ServiceError} if it is too large */
  async readBytes(maxBytes: number = MAX_BYTES): Promise<Uint8Array> {
    const bytes = await collect(this.parts(), { maxBytes });
    return bytes ?? this.#fail("malformed", `the answer must have at most ${maxBytes} bytes`);
  }

  /** The body as it comes. Who leaves early ends the connection. */
  async *parts(): AsyncGenerator<Uint8Array, void, void> {
    const reader = this.#response?.body?.getReader();
    if (!reader) return;
    try {
      for (;;) {
        const { value, done } = await this.#within(() => reader.read());
        if (done) return;
        yield value;
      }
    } finally {
      reader.cancel().catch(ignoreEnd);
    }
  }

  /** Ends what is under way. */
  end(): void {
    this.#signal?.removeEventListener("abort", this.#stop);
    this.#ending.abort();
  }

  /** An answer that the API does not have. */
  malformed(what: string, cause?: unknown): ServiceError {
    return this.failure("malformed", { detail: `${what}; is it a dbn-edge service?` }, { cause });
  }

  /** A failure of this request. */
  failure(
    kind: FailureKind,
    problem: Partial<Problem>,
    more: { retryAfterMs?: number; cause?: unknown } = {},
  ): ServiceError {
    const { method, url } = this.#request;
    return new ServiceError(this.#response?.status ?? 0, problem, {
      ...{ method, url: shownUrl(new URL(url)), kind },
      ...more,
    });
  }

  #fail(kind: FailureKind, detail: string): never {
    throw this.failure(kind, { detail });
  }

  /** What some work of the network comes to, unless the exchange ends before. */
  async #within<T>(work: () => T | Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      const detail = `no answer in ${this.#timeoutMs} ms`;
      this.#ending.abort(this.failure("timeout", { detail }));
    }, this.#deadline - performance.now());
    try {
      return await Promise.race([work(), this.#ended]);
    } catch (error) {
      this.#ending.signal.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      // Whatever ends a connection early: fetch has no class of its own for it.
      throw this.failure("connection", { detail: fetchFailure(error) }, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** What an answer that is no success says. */
  async #refusal(): Promise<ServiceError> {
    const bytes = await collect(this.parts(), { maxBytes: MAX_PROBLEM_BYTES });
    const problem = this.#isRedirect() ? this.#elsewhere() : parseProblem(this.#textOf(bytes));
    return this.failure("status", problem, {
      retryAfterMs: retryAfterMs(this.#response!.headers),
    });
  }

  /** Browsers do not show the status of a redirect, nor where to. */
  #isRedirect(): boolean {
    const { type, status } = this.#response!;
    return type === "opaqueredirect" || this.header("location") !== null && status < 400;
  }

  #textOf(bytes: Uint8Array | undefined): string {
    return withoutToken(new TextDecoder().decode(bytes), this.#request.headers);
  }

  #elsewhere(): Partial<Problem> {
    const where = this.header("location") ?? "another address, as it answers";
    return {
      detail: `the service is at ${where}; a token is sent to no address but the one given`,
    };
  }
}

/** Members of a problem; none of an answer that is not one, as a proxy may send. */
function parseProblem(text: string): Partial<Problem> {
  try {
    return Object(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return {};
  }
}

/** What ended early is told where it is waited for. */
function ignoreEnd(): void {}
