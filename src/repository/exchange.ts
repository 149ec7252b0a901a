/**
 * One request and its answer, read whole: with a deadline, of at most so many bytes, again where the server
 * is overloaded or the connection breaks.
 * @module
 */
import { collect } from "../outside/collect.ts";
import { pause } from "./poll.ts";

/** An answer. */
export interface Answer {
  status: number;
  /** Where it came from, after redirects. */
  url: string;
  headers: Headers;
  /** Undefined where it is larger than was asked for. */
  body: Uint8Array | undefined;
  /** Requests before this one whose outcome is not known. */
  retries: number;
}

/** What is asked, and what is made of failure. */
export interface Exchange {
  /** The request, made anew for each try, because a signature has a time. */
  request(): Promise<{ url: URL; init: RequestInit }>;
  /** Bytes of the answer, if it is a good one. */
  maxBytes: number;
  /** Bytes of the request. */
  sentBytes?: number;
  /** Whether the same request may be answered otherwise in a moment; see {@linkcode isOverloaded}. */
  isPassing(answer: Answer): boolean;
  /** The error of a request that was not answered, or not well, however often. */
  failure(reason: string, answer?: Answer): Error;
}

const MAX_TRIES = 5;
/** Time of one try: for the answer, and for each MiB that is sent or may come, in milliseconds. */
const BASE_DEADLINE_MS = 10_000, DEADLINE_MS_PER_MIB = 2000;
const MIB = 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;

/** An answer of any status but those that pass. @throws {Error} `failure`'s, if there is none */
export async function exchange(options: Exchange): Promise<Answer> {
  for (let retries = 0;; retries++) {
    let reason: string, answer: Answer | undefined;
    try {
      answer = { ...await tryOnce(options), retries };
      if (!options.isPassing(answer)) return answer;
      reason = `HTTP status ${answer.status}`;
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      reason = error.name === "TimeoutError" ? "no answer in time" : "no connection";
    }
    if (retries + 1 >= MAX_TRIES) throw options.failure(reason, answer);
    await pause(100 * 2 ** retries * (0.5 + Math.random()));
  }
}

/** Whether a server says that it cannot answer now. */
export function isOverloaded({ status }: Answer): boolean {
  return status === 429 || status === 408 || status >= 500 && status !== 501;
}

async function tryOnce(
  { request, maxBytes, sentBytes = 0 }: Exchange,
): Promise<Omit<Answer, "retries">> {
  const { url, init } = await request();
  const mebibytes = Math.max(maxBytes, sentBytes) / MIB;
  const signal = AbortSignal.timeout(BASE_DEADLINE_MS + DEADLINE_MS_PER_MIB * mebibytes);
  const response = await fetch(url, { ...init, signal });
  const bound = response.ok ? maxBytes : MAX_ERROR_BYTES;
  const { status, headers } = response;
  const isTooLarge = init.method !== "HEAD" && Number(headers.get("content-length")) > bound;
  if (isTooLarge) await response.body?.cancel();
  const body = isTooLarge ? undefined : await collect(response.body ?? [], { maxBytes: bound });
  return { status, url: response.url, headers, body };
}

function isConnectionError(error: unknown): error is Error {
  return error instanceof TypeError || error instanceof DOMException ||
    error instanceof Error && typeof (error as { code?: unknown }).code === "string";
}
