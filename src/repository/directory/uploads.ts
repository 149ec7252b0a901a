/**
 * The hidden folder of a model repository in a directory: blobs that are being sent, versions that are being
 * put together or taken away, and lock files. What a crash leaves here is collected.
 * @module
 */
import {
  copyVerified,
  isAbsent,
  isFileOf,
  listDirectory,
  openLocked,
  orUndefined,
  syncDirectory,
  writeAll,
} from "./files.ts";
import { BlobMismatchError, BlobOffsetError } from "../errors.ts";
import type { BlobRef } from "../repository.ts";

/** Name of the folder, which no model can have. */
export const HIDDEN_FOLDER = ".repository";

/** Versions being put together younger than that are not collected, in milliseconds. */
const STAGING_MS = 60 * 60_000;

/** Blobs and versions that are not in the repository yet, or no longer. */
export class LocalUploads {
  #blobs: URL;
  #staging: URL;
  #locks: URL;

  /** @param root the repository's directory, with a closing slash */
  constructor(root: URL) {
    this.#blobs = new URL(`${HIDDEN_FOLDER}/blobs/`, root);
    this.#staging = new URL(`${HIDDEN_FOLDER}/staging/`, root);
    this.#locks = new URL(`${HIDDEN_FOLDER}/locks/`, root);
  }

  /** Bytes that are there of a blob; what is larger than it is no part of it. */
  async offset(blob: BlobRef): Promise<number> {
    if (await this.#isWhole(blob)) return blob.size;
    const part = await orUndefined(Deno.lstat(this.#part(blob)));
    if (!part?.isFile || part.size > blob.size) return 0;
    if (part.size < blob.size) return part.size;
    return await this.#finishBroken(blob) ? blob.size : 0;
  }

  /** Finishes a blob whose sender died after its last byte. @returns whether it is whole */
  async #finishBroken(blob: BlobRef): Promise<boolean> {
    try {
      using file = await this.#openPart(blob);
      if (!file) return true;
      if ((await file.stat()).size < blob.size) return false;
      await file.sync();
      return await orUndefined(this.#finish(blob)) ?? false;
    } catch (error) {
      if (!(error instanceof BlobMismatchError)) throw error;
      return false;
    }
  }

  /** Makes the place that blobs are appended in. */
  async prepare(): Promise<void> {
    await Deno.mkdir(this.#blobs, { recursive: true });
  }

  /** Appends a body to a blob: see `ModelRepository.writeBlob`. */
  async append(blob: BlobRef, body: ReadableStream<Uint8Array>, offset: number): Promise<number> {
    using file = await this.#openPart(blob);
    const size = file ? (await file.stat()).size : blob.size;
    const received = size <= blob.size ? size : 0;
    if (!file || received !== offset) {
      await body.cancel();
      throw new BlobOffsetError(blob, received, offset);
    }
    await file.truncate(received);
    await file.seek(offset, Deno.SeekMode.Start);
    let end = offset;
    for await (const chunk of body) {
      end += chunk.length;
      if (end > blob.size) await this.#refuse(blob, `it has more than ${blob.size} bytes`);
      await writeAll(file, chunk);
    }
    if (end < blob.size) return end;
    await file.sync();
    if (await orUndefined(this.#finish(blob)) === undefined) { // it was collected meanwhile
      throw new BlobOffsetError(blob, 0, offset);
    }
    return end;
  }

  /** Makes a part a blob, if it is that. */
  async #finish(blob: BlobRef): Promise<true> {
    if (!await isFileOf(this.#part(blob), blob)) await this.#refuse(blob, "its SHA-256 is another");
    await Deno.rename(this.#part(blob), this.#whole(blob));
    await syncDirectory(this.#blobs);
    return true;
  }

  /** Copies a whole blob to a new file. @returns whether there was one, and its bytes are its own */
  async copy(blob: BlobRef, to: URL): Promise<boolean> {
    try {
      if (!await this.#isWhole(blob)) return false;
      if (await copyVerified(this.#whole(blob), to, blob)) return true;
    } catch (error) { // it was collected meanwhile
      if (!isAbsent(error)) throw error;
      return false;
    }
    await this.discard(blob); // the disk lost it
    return false;
  }

  /** Forgets a blob. */
  async discard(blob: BlobRef): Promise<void> {
    await orUndefined(Deno.remove(this.#whole(blob)));
    await orUndefined(Deno.remove(this.#part(blob)));
  }

  /** A new hidden directory, with a closing slash. */
  async stage(): Promise<URL> {
    const directory = new URL(`${crypto.randomUUID()}/`, this.#staging);
    await Deno.mkdir(directory, { recursive: true });
    return directory;
  }

  /** Locks what is done to a model's aliases and versions; closing the file frees it. */
  async lock(model: string): Promise<Deno.FsFile> {
    await Deno.mkdir(this.#locks, { recursive: true });
    return await openLocked(new URL(`${model}.lock`, this.#locks));
  }

  /** Removes what is older than that. @returns the blobs that no version has, as `isUsed` says */
  async collect(
    olderThanMs: number,
    isUsed: (blob: BlobRef) => boolean,
  ): Promise<{ blobs: number; bytes: number }> {
    const removed = { blobs: 0, bytes: 0 };
    for (const { name } of await listDirectory(this.#blobs)) {
      const info = await this.#removeOld(new URL(name, this.#blobs), olderThanMs);
      const [, sha256, size] = /^([0-9a-f]{64})-(\d+)/.exec(name) ?? [];
      if (!info || isUsed({ sha256, size: Number(size) })) continue;
      removed.blobs++;
      removed.bytes += info.size;
    }
    for (const { name } of await listDirectory(this.#staging)) {
      await this.#removeOld(new URL(name, this.#staging), Math.max(olderThanMs, STAGING_MS));
    }
    return removed;
  }

  async #removeOld(path: URL, olderThanMs: number): Promise<Deno.FileInfo | undefined> {
    const info = await orUndefined(Deno.lstat(path));
    if (!info || Date.now() - (info.mtime?.getTime() ?? 0) < olderThanMs) return undefined;
    await orUndefined(Deno.remove(path, { recursive: true }));
    return info;
  }

  /** A blob's part, locked; undefined if the blob is whole. */
  async #openPart(blob: BlobRef): Promise<Deno.FsFile | undefined> {
    for (;;) {
      if (await this.#isWhole(blob)) return undefined;
      const file = await openLocked(this.#part(blob));
      // Whoever had the lock may have made the blob whole, or removed it: then this is not its part.
      const [own, current] = [await file.stat(), await orUndefined(Deno.lstat(this.#part(blob)))];
      if (current?.isFile && current.ino === own.ino && current.dev === own.dev) return file;
      file.close();
      if (current && !current.isFile) await orUndefined(Deno.remove(this.#part(blob)));
    }
  }

  async #refuse(blob: BlobRef, reason: string): Promise<never> {
    await orUndefined(Deno.remove(this.#part(blob)));
    throw new BlobMismatchError(`Cannot keep blob ${blob.sha256}: ${reason}; send it again`);
  }

  async #isWhole(blob: BlobRef): Promise<boolean> {
    const info = await orUndefined(Deno.lstat(this.#whole(blob)));
    return info !== undefined && info.isFile && info.size === blob.size;
  }

  #whole({ sha256, size }: BlobRef): URL {
    return new URL(`${sha256}-${size}`, this.#blobs);
  }

  #part(blob: BlobRef): URL {
    return new URL(`${this.#whole(blob).pathname}.part`, this.#blobs);
  }
}
