/**
 * Opens Deno KV where there is one.
 * @module
 */
import { shownUrl, visible } from "../../outside/shown.ts";
import { systemFailure } from "../../outside/system_failure.ts";
import { RepositoryUnreachableError } from "../errors.ts";

/** A KV, how messages call it, and whether it is a file, whose changes only this process is told of. */
export interface OpenKv {
  kv: Deno.Kv;
  address: string;
  isFile: boolean;
}

/**
 * The platform's KV if `place` is empty, else that of a file, or of a server of KV Connect by its URL, whose
 * token is in DENO_KV_ACCESS_TOKEN.
 * @throws {RangeError} if the runtime has no KV, or the URL holds a password.
 * @throws {RepositoryUnreachableError} if it cannot be opened.
 */
export async function openDenoKv(place: string): Promise<OpenKv> {
  const isUrl = /^https?:/.test(place);
  const address = `kv:${isUrl ? shownUrl(new URL(place)).replace(/[?#].*/, "") : visible(place)}`;
  if (!("Deno" in globalThis) || typeof Deno.openKv !== "function") {
    throw new RangeError(`Cannot open ${address}: this runtime has no Deno KV`);
  }
  if (isUrl && (new URL(place).password || new URL(place).username)) {
    throw new RangeError(`Cannot open ${address}: its token must be in DENO_KV_ACCESS_TOKEN alone`);
  }
  try {
    const kv = await Deno.openKv(place === "" ? undefined : place);
    return { kv, address, isFile: place !== "" && !isUrl };
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new RepositoryUnreachableError(`Cannot open ${address}: ${systemFailure(cause)}`, {
      cause,
    });
  }
}
