/**
 * Requests to a bucket of an S3-compatible store, signed. Keys and secrets come from the environment and stay
 * here.
 * @module
 */
import { AwsV4Signer } from "aws4fetch";
import { cut } from "../../outside/shown.ts";
import { RepositoryUnreachableError } from "../errors.ts";
import { type Answer, exchange, isOverloaded } from "../exchange.ts";
import { sha256 } from "../../outside/sha256.ts";

/** What requests are signed by. */
export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** A bucket, and how it is called and asked. */
export interface S3Bucket {
  /** `s3://BUCKET/PREFIX`, for messages. */
  address: string;
  /** URL of the bucket, with a closing slash. */
  url: URL;
  region: string;
  credentials: S3Credentials;
}

/** A request to a bucket. */
export interface S3Request {
  method: "GET" | "HEAD" | "PUT" | "DELETE";
  /** Key below the bucket; none for the bucket itself. */
  key?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Uint8Array;
  /**
   * The most that a good answer may hold, in bytes.
   * @default 0
   */
  maxBytes?: number;
}

/** Asks a bucket. */
export class S3Client {
  #signingKeys = new Map<string, ArrayBuffer>();

  constructor(readonly bucket: S3Bucket) {}

  /**
   * An answer of any status but those that are tried again.
   * @throws {RepositoryUnreachableError} if there is none.
   */
  async send(request: S3Request): Promise<Answer> {
    const { body, maxBytes = 0 } = request;
    return await exchange({
      request: () => this.#sign(request),
      ...{ maxBytes, sentBytes: body?.length },
      isPassing: (answer) => isOverloaded(answer) || hasCode(answer, "ConditionalRequestConflict"),
      failure: (reason, answer) =>
        answer ? this.refusal(request, answer) : this.unreachable(request, reason),
    });
  }

  /** The error of a request that the store does not do. */
  unreachable({ method, key = "" }: S3Request, reason: string): RepositoryUnreachableError {
    return new RepositoryUnreachableError(
      `Cannot ${method} ${cut(key)} of ${this.bucket.address}: ${reason}`,
    );
  }

  /** The same of an answer. */
  refusal(request: S3Request, answer: Answer): RepositoryUnreachableError {
    const code = codeOf(answer);
    return this.unreachable(request, `HTTP status ${answer.status}${code ? ` (${code})` : ""}`);
  }

  async #sign({ method, key = "", query = {}, headers = {}, body }: S3Request) {
    const { url: base, region, credentials } = this.bucket;
    const url = new URL(key, base);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const signer = new AwsV4Signer({
      ...{ method, url: url.href, ...credentials, service: "s3", region },
      headers: { ...headers, "x-amz-content-sha256": await sha256(body ?? new Uint8Array()) },
      cache: this.#signingKeys,
    });
    const signed = await signer.sign();
    const init: RequestInit = { method, headers: signed.headers, redirect: "manual" };
    return { url: signed.url, init: { ...init, body: body as BodyInit | undefined } };
  }
}

/** Whether the store gave that reason for refusing. */
export function hasCode(answer: Answer, code: string): boolean {
  return codeOf(answer) === code;
}

/** The store's word for an error. */
function codeOf({ status, body }: Answer): string | undefined {
  if (status < 400) return undefined;
  return /<Code>([A-Za-z]{1,64})<\/Code>/.exec(new TextDecoder().decode(body))?.[1];
}
