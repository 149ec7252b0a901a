/**
 * `HEAD|PUT /v2/repository/blobs/{sha256}`: bytes by their SHA-256, sent in one or more parts. A part is a PUT
 * with `Content-Range` (RFC 9110, 14.5), and what is there is told by `Upload-Offset` (the IETF's draft of
 * resumable uploads).
 * @module
 */
import { type Context, Hono } from "hono";
import { manifestBounds } from "../../format/manifest.ts";
import { shown } from "../../outside/shown.ts";
import { BlobOffsetError } from "../../repository/errors.ts";
import type { BlobRef } from "../../repository/repository.ts";
import { HttpProblem, methodNotAllowed } from "../problem.ts";
import { readQuery } from "../query.ts";
import { type Answer, type HeadInsteadOfGet, takes } from "../typed.ts";
import { needs } from "./authorization.ts";
import { openUpload } from "./body.ts";
import { digestOf, refuse } from "./names.ts";
import {
  inPlace,
  noStore,
  type RepositoryEnv,
  repositoryOf,
  type RepositoryRoutes,
} from "./service.ts";

/** Where the bytes of a body belong in a blob. */
type PartHeaders = { "Content-Range"?: string };

/** The routes of this resource. */
export function blobRoutes(service: RepositoryRoutes) {
  const push = needs(service, "push"), notAllowed = methodNotAllowed("A blob", "HEAD", "PUT");
  const reading = inPlace(service, "others"), writing = inPlace(service, "uploads");
  const app = new Hono<RepositoryEnv>()
    .get("/:sha256", push, reading, takes<{ query: { size: string } }>(), async (c) => {
      if (c.req.method !== "HEAD") return notAllowed(c);
      const sha256 = digestOf(c);
      const { size } = readQuery(c.req.queries(), {
        size: { kind: "integer", min: 0, max: manifestBounds.maxFileBytes },
      });
      if (size === undefined) throw new HttpProblem(400, "size must be given: the blob's bytes");
      return tell(c, size, await repositoryOf(service).blobOffset({ sha256, size }), 404);
    })
    .put("/:sha256", push, writing, takes<{ header?: PartHeaders }>(), async (c) => {
      readQuery(c.req.queries(), {}); // there are no parameters
      const repository = repositoryOf(service);
      const { blob, offset, length } = readPart(c);
      const upload = openUpload(c.req.raw, {
        length,
        silenceMs: service.bounds.bodyTimeoutMs,
        shutdown: service.shutdown,
      });
      try {
        const there = await repository.writeBlob(blob, upload.stream, offset);
        return tell(c, blob.size, there, 202, 201);
      } catch (error) {
        const failure = upload.failure();
        if (failure) throw failure;
        await upload.stream.cancel().catch(ignoreLocked);
        if (error instanceof BlobOffsetError && error.received === blob.size) {
          return tell(c, blob.size, blob.size, 200); // it was there
        }
        throw error;
      }
    })
    .all("/:sha256", push, notAllowed);
  return app as unknown as HeadInsteadOfGet<typeof app>;
}

/** How much of a blob is there, as headers. */
function tell<Partial extends 200 | 202 | 404, Whole extends 200 | 201 = 200>(
  c: Context,
  size: number,
  there: number,
  partial: Partial,
  whole?: Whole,
): Answer<null, Partial | Whole, "body"> {
  const isWhole = there === size;
  const answer = c.body(null, isWhole ? whole ?? 200 : partial, {
    ...noStore,
    "upload-offset": String(there),
    "upload-length": String(size),
    "upload-complete": isWhole ? "?1" : "?0",
  });
  return answer as unknown as Answer<null, Partial | Whole, "body">;
}

/** Which bytes of which blob a PUT sends. @throws {HttpProblem} 400, 411, 413 or 415 */
function readPart(c: Context): { blob: BlobRef; offset: number; length: number } {
  const sha256 = digestOf(c), { maxFileBytes } = manifestBounds;
  const encoding = c.req.header("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    throw new HttpProblem(415, `Content-Encoding must be identity, got ${shown(encoding)}`, {}, {
      "accept-encoding": "identity",
    });
  }
  const range = c.req.header("content-range"), declared = c.req.header("content-length");
  if (range === undefined && declared === undefined) {
    throw new HttpProblem(411, "Content-Range or Content-Length must say how many bytes come");
  }
  const { first, length, size } = range === undefined
    ? { first: 0, length: Number(declared), size: Number(declared) }
    : readRange(range);
  if (size > maxFileBytes) {
    throw new HttpProblem(413, `A blob may have at most ${maxFileBytes} bytes, got ${size}`, {
      maxFileBytes,
    });
  }
  if (declared !== undefined && Number(declared) !== length) {
    refuse("Content-Length", `${length}, as Content-Range says`, declared);
  }
  return { blob: { sha256, size }, offset: first, length };
}

/** Reads `bytes FIRST-LAST/SIZE`. @throws {HttpProblem} 400 */
function readRange(range: string): { first: number; length: number; size: number } {
  const match = /^bytes (\d{1,12})-(\d{1,12})\/(\d{1,12})$/.exec(range.trim());
  const [first, last, size] = (match ?? []).slice(1).map(Number);
  if (match && first <= last && last < size) return { first, length: last - first + 1, size };
  return refuse("Content-Range", "bytes FIRST-LAST/SIZE with FIRST ≤ LAST < SIZE", range);
}

/** A stream that is being read is cancelled by who reads it. */
function ignoreLocked(error: unknown): void {
  if (!(error instanceof TypeError)) throw error;
}
