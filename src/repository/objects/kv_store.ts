/**
 * Objects in Deno KV: the platform's on Deno Deploy, SQLite in a file, or a server that speaks KV Connect.
 * An object is one entry: its bytes where they fit, else the name of its chunks, which are written before
 * it and removed after it. A commit changes the entry if it has the versionstamp that it should have, tells
 * the topic's watchers, and remembers the chunks that nobody needs any more, so that a crash loses no track.
 * @module
 */
import { joined } from "../../outside/collect.ts";
import { visible } from "../../outside/shown.ts";
import { RepositoryUnreachableError } from "../errors.ts";
import { pause, pollChanges } from "../poll.ts";
import { mergeChanges } from "./merge_changes.ts";
import {
  type ObjectInfo,
  type ObjectStore,
  ObjectTooLargeError,
  type PutOptions,
  type StoredObject,
} from "./object_store.ts";

/** How a KV is used. */
export interface KvOptions {
  /**
   * Mean time between two looks for changes, beside watching, in milliseconds.
   * @default 5000, and 1000 for a file
   */
  pollMs?: number;
}

const DEFAULT_POLL_MS = 5000;
/** A value of Deno KV holds 64 KiB at most, and a commit 800 KiB. */
const CHUNK_BYTES = 60_000, CHUNKS_PER_COMMIT = 10;
/** How long one operation may take, in milliseconds. */
const DEADLINE_MS = 15_000;
/** Chunks of writes that have not ended are not removed before that age, in milliseconds. */
const PENDING_MS = 60 * 60_000;
/** Tries of an operation that fails: SQLite says so at once while another process writes. */
const MAX_TRIES = 16;
/** Reads of an object that is replaced all the while. */
const MAX_READS = 10;

/** An object as its entry has it. */
interface Entry {
  size: number;
  /** Milliseconds since 1970. */
  written: number;
  bytes?: Uint8Array;
  /** Name of its chunks, where it has no `bytes`. */
  chunks?: string;
  /** Of the write, so that one whose answer was lost is known again. */
  id: string;
}

const ROOT = "dbn-edge";
const keys = {
  object: (key: string) => [ROOT, "objects", ...key.split("/")],
  chunk: (name: string, i: number) => [ROOT, "chunks", name, i],
  chunks: (name: string) => [ROOT, "chunks", name],
  /** Chunks that no entry names yet, or any more. */
  pending: (name: string) => [ROOT, "pending", name],
  topic: (topic: string) => [ROOT, "topics", topic],
};

/** Objects in Deno KV. */
export class KvStore implements ObjectStore {
  #pollMs: number;
  #isClosed = false;

  constructor(private readonly kv: Deno.Kv, readonly address: string, options: KvOptions = {}) {
    this.#pollMs = options.pollMs ?? DEFAULT_POLL_MS;
  }

  async get(key: string, maxBytes: number): Promise<StoredObject | undefined> {
    for (let reads = 0; reads < MAX_READS; reads++) {
      const entry = await this.#entry(key);
      if (!entry) return undefined;
      const { value, versionstamp: etag } = entry;
      if (value.size > maxBytes) throw new ObjectTooLargeError(key, maxBytes, value.size);
      const bytes = value.bytes ?? await this.#readChunks(value.chunks!, value.size);
      if (bytes.length === value.size) return { bytes, etag };
      // its chunks were removed: it was replaced meanwhile, or is broken
    }
    throw new RepositoryUnreachableError(
      `Cannot read ${key} in ${this.address}: its chunks are missing`,
    );
  }

  async stat(key: string): Promise<ObjectInfo | undefined> {
    const entry = await this.#entry(key);
    return entry && infoOf(key, entry);
  }

  async put(
    key: string,
    bytes: Uint8Array,
    { only, topic }: PutOptions & { topic?: string } = {},
  ): Promise<boolean> {
    const value: Entry = { size: bytes.length, written: Date.now(), id: crypto.randomUUID() };
    if (bytes.length <= CHUNK_BYTES) value.bytes = bytes;
    else value.chunks = await this.#writeChunks(bytes);
    const isPut = await this.#replace(key, value, { only, topic });
    if (!isPut && value.chunks) await this.#removeChunks(value.chunks);
    return isPut;
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    const cut = prefix.lastIndexOf("/"), folder = cut < 0 ? [] : prefix.slice(0, cut).split("/");
    const entries = this.kv.list<Entry>({ prefix: [ROOT, "objects", ...folder] });
    for (;;) {
      const { done, value: entry } = await this.#call("list", () => entries.next());
      if (done) return;
      const key = entry.key.slice(2).join("/");
      if (key.startsWith(prefix)) yield infoOf(key, entry);
    }
  }

  async delete(key: string, { topic }: { topic?: string } = {}): Promise<void> {
    await this.#replace(key, undefined, { topic });
  }

  async collect(olderThanMs: number): Promise<void> {
    const age = Math.max(olderThanMs, PENDING_MS),
      entries = this.kv.list<number>({
        prefix: [ROOT, "pending"],
      });
    for (;;) {
      const { done, value: entry } = await this.#call("list", () => entries.next());
      if (done) return;
      if (Date.now() - entry.value >= age) await this.#removeChunks(String(entry.key[2]));
    }
  }

  /** By watching; and by looking, should the connection that tells of changes be lost. */
  changes(topic: string, signal: AbortSignal): AsyncIterable<void> {
    const look = async () => {
      const { versionstamp } = await this.#call("get", () => this.kv.get(keys.topic(topic)));
      return String(versionstamp);
    };
    return mergeChanges((ended) => [
      pollChanges(look, { intervalMs: this.#pollMs, signal: ended }),
      this.#watch(topic, ended),
    ], signal);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.kv.close();
  }

  async *#watch(topic: string, signal: AbortSignal): AsyncGenerator<void> {
    while (!signal.aborted) {
      const reader = this.kv.watch([keys.topic(topic)]).getReader();
      const stop = () => void Promise.allSettled([reader.cancel()]);
      signal.addEventListener("abort", stop);
      try {
        while (!(await this.#whole("watch", reader.read())).done && !signal.aborted) yield;
      } catch (error) {
        if (!(error instanceof RepositoryUnreachableError)) throw error;
      } finally {
        signal.removeEventListener("abort", stop);
        stop();
      }
      await pause(this.#pollMs, signal);
    }
  }

  async #entry(key: string) {
    const entry = await this.#call("get", () => this.kv.get<Entry>(keys.object(key)));
    return entry.versionstamp === null ? undefined : entry;
  }

  /** Writes or removes an entry; what others do at the same time comes before or after it as a whole. */
  async #replace(
    key: string,
    value: Entry | undefined,
    { only, topic }: PutOptions & { topic?: string },
  ): Promise<boolean> {
    for (let tries = 1;; tries++) {
      const old = await this.#call("get", () => this.kv.get<Entry>(keys.object(key)));
      if (value && old.value?.id === value.id) return true; // the answer of the last try was lost
      const asked = only === undefined ? old.versionstamp : only === "absent" ? null : only.etag;
      if (old.versionstamp !== asked) return false;
      if (!value && old.versionstamp === null) return true;
      const operation = this.kv.atomic()
        .check({ key: keys.object(key), versionstamp: old.versionstamp });
      if (value) operation.set(keys.object(key), value);
      else operation.delete(keys.object(key));
      if (value?.chunks) operation.delete(keys.pending(value.chunks));
      if (old.value?.chunks) operation.set(keys.pending(old.value.chunks), Date.now());
      if (topic) operation.set(keys.topic(topic), crypto.randomUUID());
      try {
        if (!(await this.#call("commit", () => operation.commit(), 1)).ok) continue;
      } catch (error) { // the answer may be lost, or SQLite busy with another process
        if (!(error instanceof RepositoryUnreachableError) || tries >= MAX_TRIES) throw error;
        await pause(backoffMs(tries));
        continue;
      }
      if (old.value?.chunks) await this.#removeChunks(old.value.chunks);
      return true;
    }
  }

  async #writeChunks(bytes: Uint8Array): Promise<string> {
    const name = crypto.randomUUID();
    await this.#call("set", () => this.kv.set(keys.pending(name), Date.now()));
    const count = Math.ceil(bytes.length / CHUNK_BYTES);
    for (let first = 0; first < count; first += CHUNKS_PER_COMMIT) {
      const operation = this.kv.atomic();
      for (let i = first; i < Math.min(count, first + CHUNKS_PER_COMMIT); i++) {
        const chunk = bytes.slice(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES);
        operation.set(keys.chunk(name, i), chunk);
      }
      await this.#call("commit", () => operation.commit());
    }
    return name;
  }

  /** Chunks in order, as far as there are any and `size` allows. */
  async #readChunks(name: string, size: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const entries = this.kv.list<Uint8Array>({ prefix: keys.chunks(name) }, { batchSize: 50 });
    while (length < size) {
      const { done, value: entry } = await this.#call("list", () => entries.next());
      if (done) break;
      chunks.push(entry.value);
      length += entry.value.length;
    }
    return joined(chunks, length);
  }

  async #removeChunks(name: string): Promise<void> {
    for (;;) {
      const operation = this.kv.atomic();
      let count = 0;
      const options = { limit: 50, batchSize: 50 };
      const entries = this.kv.list({ prefix: keys.chunks(name) }, options);
      for (;;) {
        const { done, value: entry } = await this.#call("list", () => entries.next());
        if (done) break;
        operation.delete(entry.key);
        count++;
      }
      if (count === 0) break;
      await this.#call("commit", () => operation.commit());
    }
    await this.#call("delete", () => this.kv.delete(keys.pending(name)));
  }

  /**
   * Runs one operation, again where it fails: all are such that twice is as once.
   * @throws {RepositoryUnreachableError} if it fails so often, or takes too long
   */
  async #call<T>(what: string, run: () => Promise<T>, maxTries = MAX_TRIES): Promise<T> {
    const deadline = performance.now() + DEADLINE_MS;
    for (let tries = 1;; tries++) {
      try {
        return await this.#once(what, run);
      } catch (error) {
        const isOver = tries >= maxTries || this.#isClosed || performance.now() > deadline;
        if (!(error instanceof RepositoryUnreachableError) || isOver) throw error;
        await pause(backoffMs(tries));
      }
    }
  }

  async #once<T>(what: string, run: () => Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const fail = () => reject(new Error(`it must end within ${DEADLINE_MS} ms`));
      timer = setTimeout(fail, DEADLINE_MS);
    });
    try {
      return await this.#whole(what, Promise.race([run(), late]));
    } finally {
      clearTimeout(timer);
    }
  }

  async #whole<T>(what: string, promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (cause) {
      if (!(cause instanceof Error)) throw cause;
      throw new RepositoryUnreachableError(
        `Cannot ${what} in ${this.address}: ${visible(cause.message)}`,
        { cause },
      );
    }
  }
}

/** Pause before another try, in milliseconds: random, about 6 s in all. */
function backoffMs(tries: number): number {
  return Math.min(1000, 20 * 2 ** tries) * Math.random();
}

function infoOf(key: string, entry: { value: Entry; versionstamp: string }): ObjectInfo {
  const { size, written } = entry.value;
  return { key, size, etag: entry.versionstamp, ageMs: Date.now() - written };
}
