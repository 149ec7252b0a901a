/** Types of what we use of `@std/path`, whose republication on npm has none. @module */

/** The last part of a path, without `suffix`. */
export function basename(path: string, suffix?: string): string;
/** A path without its last part. */
export function dirname(path: string): string;
/** Parts as one normalized path. */
export function join(path: string, ...paths: string[]): string;
/** An absolute path, from right to left. */
export function resolve(...pathSegments: string[]): string;
/** The way from one path to another. */
export function relative(from: string, to: string): string;
/** The path of a file: URL. */
export function fromFileUrl(url: string | URL): string;
