/**
 * Errors as RFC 9457 problem details.
 * @module
 */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Problem, ProblemStatus } from "../api/problem.ts";
import { NotInBundleError } from "../outside/import_later.ts";
import { PngFormatError } from "../image/png.ts";
import { AdmissionRefused } from "../serving/admission.ts";
import { VersionNotServedError } from "../serving/served.ts";

/** Statuses of problems, and that of one that nobody reads: the client has left. */
type Status = ProblemStatus | 499;

/** An error with an HTTP status, shown to the client as it is. */
export class HttpProblem extends Error {
  override name = "HttpProblem";

  constructor(
    readonly status: Status,
    detail: string,
    /** Further members of the problem: the bound that was broken, the value, … */
    readonly members: Record<string, unknown> = {},
    readonly headers: Record<string, string> = {},
  ) {
    super(detail);
  }
}

const titles: Record<Status, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  408: "Request Timeout",
  428: "Precondition Required",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
};

/** What an unexpected or expected error is to the client. Never leaks a stack. */
export function toProblem(error: Error): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof HTTPException && Object.hasOwn(titles, error.status)) {
    return new HttpProblem(error.status as Status, error.message);
  }
  if (error instanceof PngFormatError) return new HttpProblem(422, error.message);
  if (error instanceof AdmissionRefused) {
    return new HttpProblem(503, error.message, { reason: error.reason }, {
      "retry-after": String(error.retryAfterSeconds),
    });
  }
  if (error instanceof VersionNotServedError) {
    const { version, served } = error;
    return new HttpProblem(404, error.message, { version, served });
  }
  if (error instanceof NotInBundleError) {
    return new HttpProblem(501, "This server is a bundle, which is without this resource");
  }
  if (error.name === "AbortError") return new HttpProblem(499, "The client left");
  return new HttpProblem(500, "Something went wrong here; the log has it under this request id");
}

/** A problem as a response. */
export function problemResponse(c: Context, problem: HttpProblem): Response {
  const { status, message: detail, members, headers } = problem;
  const body: Omit<Problem, "status"> = {
    type: "about:blank",
    title: titles[status],
    status,
    detail,
    instance: `urn:request:${c.get("requestId")}`,
    ...members,
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...headers,
    },
  });
}

/** A handler for the methods that a path does not have. */
export function methodNotAllowed(path: string, ...allowed: string[]): (c: Context) => never {
  return (c) => {
    const allow = allowed.join(", ");
    throw new HttpProblem(
      405,
      `${path} takes ${allow}, got ${c.req.method}`,
      { allowed },
      { allow },
    );
  };
}
