/**
 * Which version answers a request: a pinned one, the candidate for its share of keys, or production.
 * @module
 */

/** The alias whose version answers. */
export const PRODUCTION = "production";
/** The alias whose version answers a share of requests, or classifies a share of them unseen. */
export const CANDIDATE = "candidate";

/**
 * A number in [0, 1) for a key, the same in every process: FNV-1a (Fowler, Noll and Vo) over the key's
 * UTF-16 units, and the finalizer of MurmurHash3 (Appleby), so that neighbouring keys are far apart.
 */
export function shareOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
