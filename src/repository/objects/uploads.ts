/**
 * Blobs in a store of objects: sent as parts, each an object that is named by its offset, and joined and
 * hashed when the last is there. Who sends the same part later finds it there.
 * @module
 */
import { joined } from "../../outside/collect.ts";
import { BlobMismatchError, BlobOffsetError } from "../errors.ts";
import type { BlobRef } from "../repository.ts";
import { EMPTY_SHA256, sha256 } from "../../outside/sha256.ts";
import type { ObjectStore } from "./object_store.ts";

/** Where blobs and their parts lie. */
export const BLOBS = "blobs/", PARTS = "parts/";

/** Bytes of a part, and so what a process that dies can lose of an upload. */
const PART_BYTES = 4 * 1024 * 1024;

/** Blobs, whole or not. */
export class ObjectUploads {
  constructor(private readonly store: ObjectStore) {}

  /** Whether a blob is whole. */
  async isWhole(blob: BlobRef): Promise<boolean> {
    if (blob.size === 0) return blob.sha256 === EMPTY_SHA256;
    return await this.store.stat(keyOf(blob)) !== undefined;
  }

  /** The bytes of a whole blob, undefined where there is none. */
  async read(blob: BlobRef): Promise<Uint8Array | undefined> {
    if (blob.size === 0) return new Uint8Array();
    return (await this.store.get(keyOf(blob), blob.size))?.bytes;
  }

  /** Bytes that are there of a blob. */
  async offset(blob: BlobRef): Promise<number> {
    if (await this.isWhole(blob)) return blob.size;
    const parts = await this.#parts(blob);
    const end = parts.at(-1)?.end ?? 0;
    if (end < blob.size) return end;
    try {
      await this.#finish(blob, new Uint8Array()); // who sent the last part left before
      return blob.size;
    } catch (error) {
      if (!(error instanceof BlobMismatchError)) throw error;
      return 0;
    }
  }

  /** Appends a body to a blob: see `ModelRepository.writeBlob`. */
  async append(blob: BlobRef, body: ReadableStream<Uint8Array>, offset: number): Promise<number> {
    const received = await this.offset(blob);
    if (received !== offset) {
      await body.cancel();
      throw new BlobOffsetError(blob, received, offset);
    }
    const buffer = new PartBuffer(blob, offset, (part) => this.#putPart(blob, part));
    try {
      for await (const chunk of body) {
        if (buffer.end + chunk.length > blob.size) {
          await this.#refuse(blob, `it has more than ${blob.size} bytes`, received);
        }
        await buffer.add(chunk);
      }
    } catch (error) {
      if (!(error instanceof BlobMismatchError || error instanceof BlobOffsetError)) {
        await buffer.flush(); // what came stays
      }
      throw error;
    }
    const { end } = buffer;
    if (end < blob.size || received === blob.size) {
      await buffer.flush();
      return end;
    }
    await this.#finish(blob, buffer.rest());
    return end;
  }

  /** Joins a blob's parts and its last bytes. */
  async #finish(blob: BlobRef, last: Uint8Array): Promise<void> {
    const parts = await this.#parts(blob), length = (parts.at(-1)?.end ?? 0) + last.length;
    if (length > blob.size) await this.#refuse(blob, `it has more than ${blob.size} bytes`, 0);
    const bytes = new Uint8Array(blob.size); // in memory once, and a part beside it
    let end = 0;
    for (const { key, size } of parts) {
      const part = await this.store.get(key, size);
      if (part?.bytes.length !== size) break;
      bytes.set(part.bytes, end);
      end += size;
    }
    bytes.set(last, end);
    if (end + last.length < blob.size) { // another refused it, or collected its parts, meanwhile
      throw new BlobOffsetError(blob, await this.offset(blob), length);
    }
    if (await sha256(bytes) !== blob.sha256) await this.#refuse(blob, "its SHA-256 is another", 0);
    await this.store.put(keyOf(blob), bytes, { only: "absent" });
    await this.#removeParts(blob);
  }

  async #putPart(blob: BlobRef, { offset, bytes }: Part): Promise<void> {
    const key = `${prefixOf(blob)}${String(offset).padStart(10, "0")}`;
    if (await this.store.put(key, bytes, { only: "absent" })) return;
    throw new BlobOffsetError(blob, await this.offset(blob), offset);
  }

  /** A blob's parts in order, as far as there is none missing. */
  async #parts(blob: BlobRef): Promise<{ key: string; size: number; end: number }[]> {
    const parts: { key: string; size: number; end: number }[] = [], prefix = prefixOf(blob);
    let end = 0;
    for await (const { key, size } of this.store.list(prefix)) {
      if (Number(key.slice(prefix.length)) !== end) break;
      end += size;
      parts.push({ key, size, end });
    }
    return parts;
  }

  async #removeParts(blob: BlobRef): Promise<void> {
    for await (const { key } of this.store.list(prefixOf(blob))) await this.store.delete(key);
  }

  async #refuse(blob: BlobRef, reason: string, received: number): Promise<never> {
    if (received < blob.size) await this.#removeParts(blob);
    throw new BlobMismatchError(`Cannot keep blob ${blob.sha256}: ${reason}; send it again`);
  }
}

/** Bytes of a blob from an offset on. */
interface Part {
  offset: number;
  bytes: Uint8Array;
}

/** Gathers a body's chunks to parts. */
class PartBuffer {
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(
    private readonly blob: BlobRef,
    private offset: number,
    private readonly put: (part: Part) => Promise<void>,
  ) {}

  /** Where the next byte goes. */
  get end(): number {
    return this.offset + this.#length;
  }

  /** Keeps a chunk; the last bytes of a blob are left to {@linkcode rest}. */
  async add(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length >= PART_BYTES && this.end < this.blob.size) await this.flush();
  }

  async flush(): Promise<void> {
    const part = { offset: this.offset, bytes: this.rest() };
    if (part.bytes.length > 0) await this.put(part);
  }

  /** What was not put, which is given away. */
  rest(): Uint8Array {
    const bytes = joined(this.#chunks, this.#length);
    this.offset += this.#length;
    this.#chunks = [];
    this.#length = 0;
    return bytes;
  }
}

/** The blob that a key belongs to, of a whole one or a part. */
export function blobOfKey(key: string): BlobRef | undefined {
  const [, sha256, size] = /^(?:blobs|parts)\/([0-9a-f]{64})-(\d+)/.exec(key) ?? [];
  return sha256 ? { sha256, size: Number(size) } : undefined;
}

function keyOf({ sha256, size }: BlobRef): string {
  return `${BLOBS}${sha256}-${size}`;
}

function prefixOf({ sha256, size }: BlobRef): string {
  return `${PARTS}${sha256}-${size}/`;
}
