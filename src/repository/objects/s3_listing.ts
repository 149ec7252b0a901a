/**
 * Reads a page of S3's ListObjectsV2, whose keys were asked for as in URLs, so that no character of XML
 * stands in them.
 * @module
 */
import type { ObjectInfo } from "./object_store.ts";

/** Objects of a page, and what the next one is asked for with. */
export interface Listing {
  objects: ObjectInfo[];
  next?: string;
}

/** A page of a list, undefined if it is none. @param nowMs the store's time, since 1970 */
export function readListing(body: Uint8Array, nowMs: number): Listing | undefined {
  const text = new TextDecoder().decode(body);
  if (!/<ListBucketResult[\s>\/]/.test(text)) return undefined;
  const objects: ObjectInfo[] = [];
  for (const [, contents] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
    const key = keyOf(contents), size = Number(element(contents, "Size"));
    const written = Date.parse(element(contents, "LastModified") ?? "");
    if (key === undefined || !Number.isSafeInteger(size) || Number.isNaN(written)) return undefined;
    const etag = element(contents, "ETag") ?? "";
    objects.push({ key, size, etag, ageMs: nowMs - written });
  }
  if (element(text, "IsTruncated") !== "true") return { objects };
  const next = element(text, "NextContinuationToken");
  return next === undefined ? undefined : { objects, next };
}

function keyOf(contents: string): string | undefined {
  const key = element(contents, "Key");
  try {
    return key === undefined ? undefined : decodeURIComponent(key);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return undefined;
  }
}

/** The text of the first element of that name, which holds no other. */
function element(text: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  return found?.replace(/&(#x?[0-9a-f]+|[a-z]+);/gi, (all, entity: string) => {
    if (entity.startsWith("#x")) return character(Number.parseInt(entity.slice(2), 16));
    if (entity.startsWith("#")) return character(Number(entity.slice(1)));
    return { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }[entity] ?? all;
  });
}

function character(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
}
