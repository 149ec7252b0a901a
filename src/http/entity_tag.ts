/**
 * Entity tags of requests.
 * @module
 */

/** Whether `If-None-Match` names a tag. RFC 9110, §13.1.2: weak comparison, so W/ is ignored. */
export function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((tag) => ["*", etag].includes(tag.trim().replace(/^W\//, "")));
}
