/**
 * Who a request is from, for fairness between clients.
 * @module
 */
import type { Context } from "hono";

/** The address of the connection, where the platform tells it; all others are one client. */
export function clientOf(c: Context): string {
  const { remoteAddr } = (c.env ?? {}) as { remoteAddr?: { hostname?: string } };
  return remoteAddr?.hostname ?? "unknown";
}
