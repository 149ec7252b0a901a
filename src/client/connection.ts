/**
 * Requests to a service over fetch: with a token, within bounds of time and size, tried again where that may
 * help.
 * @module
 */
import type { Problem } from "../api/problem.ts";
import { isObject } from "../format/safetensors.ts";
import { collect } from "../outside/collect.ts";
import { fetchFailure } from "../outside/fetch_failure.ts";
import { shownUrl } from "../outside/shown.ts";
import { authorization, readAddress, withoutToken } from "./address.ts";
import { PushError, ServiceError } from "./errors.ts";
import { PassingFailure, retryAfterMs, type RetryOptions, withRetries } from "./retry.ts";

/** Which service, and how it is asked. */
export interface ServiceOptions extends RetryOptions {
  /** URL of the service, such as `https://digits.example`. */
  to: string | URL;
  /** What `dbn token` printed; without one only what is open can be read. */
  token?: string;
  /** Ends what is under way. */
  signal?: AbortSignal;
  /**
   * Milliseconds that an answer, or the next part of a body, may take.
   * @default 60000
   */
  silenceMs?: number;
}

/** A request. */
export interface ServiceRequest {
  /** HTTP method. @default "GET" */
  method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Headers besides that of the token. */
  headers?: Record<string, string>;
  /** What is sent. */
  body?: Uint8Array | ReadableStream<Uint8Array> | string;
  /** Statuses besides 2xx that are an answer and no failure. */
  expected?: readonly number[];
  /** Bytes that the answer may have. @default 16 MiB */
  maxBytes?: number;
  /** Restarts the time that the answer may take; given to the body's maker. */
  onStart?(alive: () => void): void;
  /** Whether one failure is the last. @default false */
  isOnce?: boolean;
}

/** An answer, read whole. */
export interface ServiceAnswer {
  /** HTTP status. */
  status: number;
  /** Its headers. */
  headers: Headers;
  /** Its body. */
  bytes: Uint8Array;
}

const DEFAULT_SILENCE_MS = 60_000;
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
/** Tries unless the options say otherwise, where the service has never answered: it may not be there at all. */
const FIRST_TRIES = 3;
/** Statuses of a service that may do better later. */
const PASSING = [408, 429, 502, 503, 504];

/** A service and a token for it. */
export class Connection {
  /** With a closing slash. */
  readonly origin: string;
  /** Ends what is under way. */
  readonly signal?: AbortSignal;
  readonly #retries: RetryOptions;
  readonly #authorization: Record<string, string>;
  readonly #silenceMs: number;
  #hasAnswered = false;

  /** A connection to a service. @throws {PushError} if the address or the token can be none */
  constructor({ to, token, signal, silenceMs = DEFAULT_SILENCE_MS, ...retries }: ServiceOptions) {
    this.origin = readAddress(to, cannot);
    this.#authorization = authorization(token, cannot);
    this.signal = signal;
    this.#silenceMs = silenceMs;
    this.#retries = retries;
  }

  /** How often what fails is tried again. */
  get retries(): RetryOptions {
    return this.#hasAnswered ? this.#retries : { tries: FIRST_TRIES, ...this.#retries };
  }

  /**
   * Sends a request until it is answered.
   * @throws {ServiceError} if the answer is no success and not expected
   * @throws {PassingFailure} if all tries failed
   */
  async send(path: string, request: ServiceRequest = {}): Promise<ServiceAnswer> {
    const { signal, retries } = this;
    if (request.isOnce) return await this.#try(path, request);
    return await withRetries(() => this.#try(path, request), { ...retries, signal });
  }

  /** The items of an answer that is a JSON list. @throws {PushError} if it is none */
  async list(path: string, request: ServiceRequest = {}): Promise<unknown[]> {
    const body = parse((await this.send(path, request)).bytes);
    if (Array.isArray(body)) return body;
    throw new PushError(`${this.origin}${path} must answer a JSON list; is it a dbn-edge service?`);
  }

  /** The members of a JSON answer. @throws {PushError} if it is none */
  async json(path: string, request: ServiceRequest = {}): Promise<Record<string, unknown>> {
    const body = parse((await this.send(path, request)).bytes);
    if (isObject(body)) return body;
    throw new PushError(
      `${this.origin}${path} must answer a JSON object; is it a dbn-edge service?`,
    );
  }

  async #try(path: string, request: ServiceRequest): Promise<ServiceAnswer> {
    const { method = "GET", headers, body, expected = [], onStart } = request;
    const url = `${this.origin}${path}`, address = shownUrl(new URL(url));
    const silence = new AbortController();
    const giveUp = () =>
      silence.abort(new PassingFailure(`${method} ${address}: no answer in ${this.#silenceMs} ms`));
    let timer = setTimeout(giveUp, this.#silenceMs);
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(giveUp, this.#silenceMs);
    };
    onStart?.(alive);
    const signals = [silence.signal, this.signal].filter((signal) => signal !== undefined);
    try {
      const response = await fetch(url, {
        method,
        headers: { ...headers, ...this.#authorization },
        body: body as BodyInit,
        redirect: "manual",
        signal: AbortSignal.any(signals),
        ...body instanceof ReadableStream && { duplex: "half" },
      } as RequestInit);
      const answer = await readAnswer(response, request, alive);
      this.#hasAnswered = true;
      const { status } = answer;
      if (response.ok || expected.includes(status)) return answer;
      const problem = parse(answer.bytes, this.#authorization);
      const isTokenless = status === 401 && this.#authorization.authorization === undefined;
      const error = new ServiceError(
        status,
        isObject(problem) ? problem as Partial<Problem> : elsewhere(answer),
        {
          ...{ method, url: address },
          hint: isTokenless ? "; none was sent (DBN_TOKEN or --token-file)" : "",
        },
      );
      if (!PASSING.includes(status)) throw error;
      throw new PassingFailure(error.message, retryAfterMs(answer.headers), { cause: error });
    } catch (error) {
      this.signal?.throwIfAborted();
      if (silence.signal.aborted) throw silence.signal.reason;
      if (error instanceof ServiceError || error instanceof PushError) throw error;
      if (error instanceof PassingFailure) throw error;
      if (!(error instanceof Error)) throw error;
      // Whatever ends a connection early: fetch has no class of its own for it.
      const hint = this.#hasAnswered ? "" : "; is a service running there?";
      const message = `${method} ${address}: ${fetchFailure(error)}${hint}`;
      throw new PassingFailure(message, undefined, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** @throws {PushError} */
function cannot(message: string): never {
  throw new PushError(message);
}

async function readAnswer(
  response: Response,
  { maxBytes = DEFAULT_MAX_BYTES }: ServiceRequest,
  onPart: () => void,
): Promise<ServiceAnswer> {
  const { status, headers, body } = response;
  const bytes = await collect(body ?? [], { maxBytes, onPart });
  if (bytes) return { status, headers, bytes };
  throw new PushError(`${shownUrl(new URL(response.url))} must answer at most ${maxBytes} bytes`);
}

/** JSON without the token of `headers`; undefined where it is none. */
function parse(bytes: Uint8Array, headers: Record<string, string> = {}): unknown {
  try {
    return JSON.parse(withoutToken(new TextDecoder().decode(bytes), headers));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** The problem of an answer that has none. */
function elsewhere({ status, headers }: ServiceAnswer): Partial<Problem> {
  const location = headers.get("location");
  return status >= 300 && status < 400 && location
    ? { detail: `the service is at ${location}; use that address` }
    : {};
}
