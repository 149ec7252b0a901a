/**
 * Requests to a bucket of an S3-compatible store: signed, each with a deadline, again where the store is
 * overloaded or the connection breaks. Keys and secrets come from the environment and stay here.
 * @module
 */
import { AwsV4Signer } from "aws4fetch";
import { collect } from "../../outside/collect.ts";
import { cut } from "../../outside/shown.ts";
import { RepositoryUnreachableError } from "../errors.ts";
import { pause } from "../poll.ts";
import { sha256 } from "../sha256.ts";

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
  /** The most that an answer may hold; undefined is returned as its body where it holds more. */
  maxBytes?: number;
}

/** An answer, read whole. */
export interface S3Response {
  status: number;
  headers: Headers;
  /** Undefined where it is larger than was asked for. */
  body: Uint8Array | undefined;
  /** Requests before this one whose outcome is not known. */
  retries: number;
}

const MAX_TRIES = 5;
/** Time of one try: for the answer, and for each MiB that is sent or may come, in milliseconds. */
const BASE_DEADLINE_MS = 10_000, DEADLINE_MS_PER_MIB = 2000;
const MIB = 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;

/** Asks a bucket. */
export class S3Client {
  #signingKeys = new Map<string, ArrayBuffer>();

  constructor(readonly bucket: S3Bucket) {}

  /**
   * An answer of any status but those that are tried again.
   * @throws {RepositoryUnreachableError} if there is none, or the store refuses to serve us.
   */
  async send(request: S3Request): Promise<S3Response> {
    for (let retries = 0;; retries++) {
      let reason: string;
      try {
        const response = await this.#try(request);
        const { status } = response;
        if (!isPassing(response)) return { ...response, retries };
        reason = `HTTP status ${status}${errorCode(response)}`;
      } catch (error) { // of the connection, or of the deadline
        if (!isConnectionError(error)) throw error;
        reason = error.name === "TimeoutError" ? "no answer in time" : "no connection";
      }
      if (retries + 1 >= MAX_TRIES) throw this.unreachable(request, reason);
      await pause(100 * 2 ** retries * (0.5 + Math.random()));
    }
  }

  /** The error of a request that the store does not do. */
  unreachable({ method, key = "" }: S3Request, reason: string): RepositoryUnreachableError {
    return new RepositoryUnreachableError(
      `Cannot ${method} ${cut(key)} of ${this.bucket.address}: ${reason}`,
    );
  }

  /** The same of an answer. */
  refusal(request: S3Request, response: S3Response): RepositoryUnreachableError {
    return this.unreachable(request, `HTTP status ${response.status}${errorCode(response)}`);
  }

  async #try(request: S3Request): Promise<Omit<S3Response, "retries">> {
    const { method, maxBytes = MAX_ERROR_BYTES, body } = request;
    const mebibytes = Math.max(maxBytes, body?.length ?? 0) / MIB;
    const signal = AbortSignal.timeout(BASE_DEADLINE_MS + DEADLINE_MS_PER_MIB * mebibytes);
    const signed = await this.#sign(request);
    const response = await fetch(signed.url, {
      ...{ method, headers: signed.headers, signal, redirect: "manual" },
      body: body as BodyInit | undefined,
    });
    const bound = response.ok ? maxBytes : MAX_ERROR_BYTES;
    const declared = Number(response.headers.get("content-length"));
    if (method !== "HEAD" && declared > bound) await response.body?.cancel();
    else {
      const read = await collect(response.body ?? [], { maxBytes: bound });
      return { status: response.status, headers: response.headers, body: read };
    }
    return { status: response.status, headers: response.headers, body: undefined };
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
    return await signer.sign();
  }
}

/** Whether the same request may be answered otherwise in a moment. */
function isPassing({ status, body }: { status: number; body: Uint8Array | undefined }): boolean {
  if (status === 409) return errorCode({ body }).includes("ConditionalRequestConflict");
  return status === 429 || status === 408 || status >= 500 && status !== 501;
}

function isConnectionError(error: unknown): error is Error {
  return error instanceof TypeError || error instanceof DOMException ||
    error instanceof Error && typeof (error as { code?: unknown }).code === "string";
}

/** The store's word for an error, in brackets. */
function errorCode({ body }: { body: Uint8Array | undefined }): string {
  const text = new TextDecoder().decode(body?.subarray(0, MAX_ERROR_BYTES));
  const code = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(text)?.[1];
  return code ? ` (${code})` : "";
}
