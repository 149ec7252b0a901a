/**
 * What a service answers when it does not do what it was asked, and what cannot be sent to it.
 * @module
 */
import { cut } from "../outside/shown.ts";

/** An answer that is no success. Its message has the address and what the service said; never a token. */
export class ServiceError extends Error {
  override name = "ServiceError";

  constructor(
    readonly status: number,
    /** Members of the problem, as the service sent them. */
    readonly problem: Record<string, unknown>,
    { method, url, hint = "" }: { method: string; url: string; hint?: string },
  ) {
    const { detail } = problem;
    const said = typeof detail === "string" ? cut(detail) : "it said no more";
    super(`${method} ${url}: HTTP status ${status}: ${said}${hint}`);
  }
}

/** A version that cannot be pushed as asked. */
export class PushError extends Error {
  override name = "PushError";
}
