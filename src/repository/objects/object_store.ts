/**
 * What a model repository needs of a store of objects: Deno KV, or anything that speaks S3's protocol.
 * Reads see every write that ended before they began, lists too.
 * @module
 */

/** An object, and a text that tells its bytes from those of other times. */
export interface StoredObject {
  bytes: Uint8Array;
  etag: string;
}

/** An object without its bytes. */
export interface ObjectInfo {
  key: string;
  size: number; // bytes
  etag: string;
  /** Time since it was written, by the store's clock, in milliseconds. */
  ageMs: number;
}

/** What must be so for an object to be written. */
export interface PutOptions {
  /** `absent`, or the etag that it must have. */
  only?: "absent" | { etag: string };
}

/** Objects by key: names of letters, digits, `_`, `.` and `-` with `/` between them. */
export interface ObjectStore {
  /** For messages, without secrets. */
  readonly address: string;

  /**
   * An object, undefined where there is none.
   * @throws {ObjectTooLargeError} if it holds more than `maxBytes`
   */
  get(key: string, maxBytes: number): Promise<StoredObject | undefined>;
  stat(key: string): Promise<ObjectInfo | undefined>;
  /**
   * Writes an object whole.
   * @param topic whose watchers hear of it
   * @returns whether what `only` asks for was so
   */
  put(key: string, bytes: Uint8Array, options?: PutOptions & { topic?: string }): Promise<boolean>;
  /** Objects whose keys begin so, by key. */
  list(prefix: string): AsyncIterable<ObjectInfo>;
  delete(key: string, options?: { topic?: string }): Promise<void>;
  /** Removes what writes that broke off left behind. */
  collect(olderThanMs: number): Promise<void>;
  /** Yields at once, and when something of a topic, which is a prefix of keys, may have changed. */
  changes(topic: string, signal: AbortSignal): AsyncIterable<void>;
  close(): void;
}

/** An object holds more than was asked for. */
export class ObjectTooLargeError extends Error {
  override name = "ObjectTooLargeError";
  constructor(key: string, maxBytes: number, got: number | string) {
    super(`Cannot read ${key}: it must hold at most ${maxBytes} bytes, got ${got}`);
  }
}
