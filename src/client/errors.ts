/**
 * What a service answers when it does not do what it was asked, and what cannot be sent to it.
 * @module
 */
import type { Problem } from "../api/problem.ts";
import { cut } from "../outside/shown.ts";

/** How a request to a service failed. */
export type FailureKind =
  /** The answer is no success: `status` and `problem` say more. */
  | "status"
  /** There was no connection, or it broke off. */
  | "connection"
  /** Nothing came for too long. */
  | "timeout"
  /** What came is not what a dbn-edge service answers. */
  | "malformed"
  /** The service ended a stream before its last frame: `problem` says why. */
  | "ended";

/** What a {@linkcode ServiceError} knows besides its status and problem. */
export interface ServiceErrorOptions {
  /** HTTP method of the request. */
  method: string;
  /** Without a name and a password. */
  url: string;
  /** More of what was said. */
  hint?: string;
  /** How it failed. @default "status" */
  kind?: FailureKind;
  /** What the service asked to wait, in milliseconds. */
  retryAfterMs?: number;
  /** The error behind it. */
  cause?: unknown;
}

/** A request that failed. Its message has the address and what the service said; never a token. */
export class ServiceError extends Error {
  /** Always the same. */
  override name = "ServiceError";
  /** How it failed. */
  readonly kind: FailureKind;
  /** What the header `Retry-After` asks to wait before another try, in milliseconds. */
  readonly retryAfterMs?: number;

  /** A failure of a request. */
  constructor(
    /** HTTP status; 0 where there was no answer. */
    readonly status: number,
    /** Problem details (RFC 9457) as the service sent them: `title`, `detail`, and members such as `max`. */
    readonly problem: Partial<Problem>,
    { method, url, hint = "", kind = "status", retryAfterMs, cause }: ServiceErrorOptions,
  ) {
    const { detail } = problem;
    const said = typeof detail === "string" ? cut(detail) : "it said no more";
    const what = kind === "status" ? `HTTP status ${status}: ${said}` : said;
    super(`${method} ${url}: ${what}${hint}`, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A version that cannot be pushed as asked. */
export class PushError extends Error {
  /** Always the same. */
  override name = "PushError";
}
