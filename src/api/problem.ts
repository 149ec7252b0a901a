/**
 * Problem details (RFC 9457): what the service answers instead of what it was asked for.
 * @module
 */

/** HTTP statuses of problems. */
export type ProblemStatus =
  | 400
  | 401
  | 403
  | 404
  | 405
  | 408
  | 409
  | 411
  | 412
  | 413
  | 415
  | 422
  | 428
  | 500
  | 501
  | 503;

/** A problem. Which members it has besides the first five depends on what is wrong. */
export interface Problem {
  /** `about:blank`: the status says what kind of problem it is. */
  type: string;
  /** The status in words. */
  title: string;
  /** The HTTP status. */
  status: ProblemStatus;
  /** What was asked, the bound and the value. */
  detail: string;
  /** `urn:request:` and the request's id, which the service's log has too. */
  instance: string;
  /** Query parameter that is out of bounds. */
  parameter?: string;
  /** The least that it may be. */
  min?: number;
  /** The most that it may be. */
  max?: number;
  /** What it must be one of. */
  allowed?: string[];
  /** What it is. */
  value?: string | number;
  /** Of a 503: why there is no place. */
  reason?: string;
  /** More that says what is wrong, such as `maxImages`. */
  [member: string]: unknown;
}
