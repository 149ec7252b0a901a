/**
 * Versions, sizes and tables as commands print them.
 * @module
 */
import type { Alias } from "../../../src/repository/repository.ts";

/** Bytes in megabytes, kilobytes or bytes. */
export function formatBytes(bytes: number): string {
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return bytes >= 1e3 ? `${(bytes / 1e3).toFixed(1)} kB` : `${bytes} B`;
}

/** Rows with their cells under each other. */
export function formatRows(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd())
    .join("\n");
}

/** An alias with its shares. */
export function formatAlias({ alias, settings: { share, shadow } }: Alias): string {
  const shares = [
    share ? `${percent(share)} of requests` : "",
    shadow ? `${percent(shadow)} unseen` : "",
  ].filter(Boolean);
  return shares.length > 0 ? `${alias} (${shares.join(", ")})` : alias;
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
