/**
 * Objects in a bucket of an S3-compatible store: conditional writes by If-None-Match and If-Match, lists by
 * pages. Its objects are seen as they are by every request after their write, as S3, R2 and others promise.
 * @module
 */
import { pollChanges } from "../poll.ts";
import {
  type ObjectInfo,
  type ObjectStore,
  ObjectTooLargeError,
  type PutOptions,
  type StoredObject,
} from "./object_store.ts";
import { hasCode, type S3Bucket, S3Client, type S3Request } from "./s3_client.ts";
import { readListing } from "./s3_listing.ts";

/** How a bucket is used. */
export interface S3Options {
  /**
   * Mean time between two looks for changes, in milliseconds.
   * @default 5000
   */
  pollMs?: number;
  /**
   * Keys of a page of a list.
   * @default 1000
   */
  pageKeys?: number;
}

const DEFAULT_POLL_MS = 5000, DEFAULT_PAGE_KEYS = 1000;
const MAX_LISTING_BYTES = 8 * 1024 * 1024;
/** Pages of a list: a million keys. */
const MAX_PAGES = 1000;

/** Objects below a prefix of a bucket. */
export class S3Store implements ObjectStore {
  #client: S3Client;
  #prefix: string;
  #pollMs: number;
  #pageKeys: number;

  /** @param prefix of all keys: empty, or with a closing slash */
  constructor(bucket: S3Bucket, prefix: string, options: S3Options = {}) {
    this.#client = new S3Client(bucket);
    this.#prefix = prefix;
    this.#pollMs = options.pollMs ?? DEFAULT_POLL_MS;
    this.#pageKeys = options.pageKeys ?? DEFAULT_PAGE_KEYS;
  }

  get address(): string {
    return this.#client.bucket.address;
  }

  async get(key: string, maxBytes: number): Promise<StoredObject | undefined> {
    const request: S3Request = { method: "GET", key: this.#prefix + key, maxBytes };
    const response = await this.#client.send(request);
    if (hasCode(response, "NoSuchBucket")) throw this.#client.refusal(request, response);
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw this.#client.refusal(request, response);
    const { body: bytes, headers } = response;
    if (!bytes) {
      throw new ObjectTooLargeError(key, maxBytes, headers.get("content-length") ?? "more");
    }
    return { bytes, etag: etagOf(headers) };
  }

  async stat(key: string): Promise<ObjectInfo | undefined> {
    const request: S3Request = { method: "HEAD", key: this.#prefix + key };
    const response = await this.#client.send(request);
    const { status, headers } = response;
    if (status === 404) return undefined;
    if (status !== 200) throw this.#client.refusal(request, response);
    return {
      ...{ key, etag: etagOf(headers), size: Number(headers.get("content-length")) },
      ageMs: dateOf(headers) - Date.parse(headers.get("last-modified") ?? ""),
    };
  }

  async put(key: string, bytes: Uint8Array, { only }: PutOptions = {}): Promise<boolean> {
    const condition: Record<string, string> = only === undefined
      ? {}
      : only === "absent"
      ? { "if-none-match": "*" }
      : { "if-match": only.etag };
    const request: S3Request = {
      ...{ method: "PUT", key: this.#prefix + key, body: bytes },
      headers: { ...condition, "content-type": "application/octet-stream" },
    };
    const response = await this.#client.send(request);
    if (response.status === 200) return true;
    // A store says 404 of an object that is to have an etag and is gone.
    const isGone = response.status === 404 && only !== undefined &&
      !hasCode(response, "NoSuchBucket");
    const isRefused = response.status === 412 || isGone;
    if (!isRefused) throw this.#client.refusal(request, response);
    return response.retries > 0 && await this.#holds(key, bytes); // the first answer was lost
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    let token: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const request: S3Request = {
        ...{ method: "GET", maxBytes: MAX_LISTING_BYTES },
        query: {
          "list-type": "2",
          "encoding-type": "url",
          "max-keys": String(this.#pageKeys),
          prefix: this.#prefix + prefix,
          ...token !== undefined && { "continuation-token": token },
        },
      };
      const response = await this.#client.send(request);
      if (response.status !== 200 || !response.body) throw this.#client.refusal(request, response);
      const listing = readListing(response.body, dateOf(response.headers));
      if (!listing) throw this.#client.unreachable(request, "its list of objects is broken");
      for (const info of listing.objects) {
        if (!info.key.startsWith(this.#prefix + prefix)) continue;
        yield { ...info, key: info.key.slice(this.#prefix.length) };
      }
      token = listing.next;
      if (token === undefined) return;
    }
  }

  async delete(key: string): Promise<void> {
    const request: S3Request = { method: "DELETE", key: this.#prefix + key };
    const response = await this.#client.send(request);
    if (![200, 202, 204, 404].includes(response.status)) {
      throw this.#client.refusal(request, response);
    }
  }

  /** A write to S3 leaves nothing when it breaks off. */
  collect(): Promise<void> {
    return Promise.resolve();
  }

  changes(topic: string, signal: AbortSignal): AsyncIterable<void> {
    const look = async () => {
      const objects: string[] = [];
      for await (const { key, etag } of this.list(topic)) objects.push(`${key} ${etag}`);
      return objects.join("\n");
    };
    return pollChanges(look, { intervalMs: this.#pollMs, signal });
  }

  close(): void {}

  async #holds(key: string, bytes: Uint8Array): Promise<boolean> {
    if ((await this.stat(key))?.size !== bytes.length) return false;
    const stored = (await this.get(key, bytes.length))?.bytes;
    return stored?.length === bytes.length && stored.every((byte, i) => byte === bytes[i]);
  }
}

function etagOf(headers: Headers): string {
  return headers.get("etag") ?? "";
}

/** The store's time, ours where it does not say it, in milliseconds since 1970. */
function dateOf(headers: Headers): number {
  const date = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(date) ? Date.now() : date;
}
