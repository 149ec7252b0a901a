/**
 * The help of a command: its flags by groups, with what each takes and its default.
 * @module
 */
import type { FlagKind, FlagRow, FlagTable } from "./flags.ts";

/** Heading of flags without a group. */
const HEADING = "Flags";

const placeholders: Record<FlagKind, string> = {
  string: "TEXT",
  path: "PATH",
  boolean: "",
  integer: "INTEGER",
  number: "NUMBER",
  integers: "INTEGER,…",
};

/** A command's help: usage, what it does, and its flags. */
export function commandHelp(
  { usage, about, flags }: { usage: string; about: string; flags: FlagTable },
): string {
  const help: FlagRow = { kind: "boolean", help: "this text; -h for short" };
  const all = Object.entries<FlagRow>({ ...flags, help });
  const groups = Map.groupBy(all, ([, { group }]) => group ?? HEADING);
  const width = Math.max(...all.map((flag) => leftColumn(flag).length)) + 2;
  const sections = [...groups].map(([group, rows]) => {
    const lines = rows.map((flag) => leftColumn(flag).padEnd(width) + rightColumn(flag[1]));
    return `${group[0].toUpperCase()}${group.slice(1)}:\n${lines.join("\n")}`;
  });
  return `Usage: ${usage}\n\n${about}\n\n${sections.join("\n\n")}\n`;
}

function leftColumn([name, { kind }]: [string, FlagRow]): string {
  return `  --${name} ${placeholders[kind]}`.trimEnd();
}

function rightColumn({ help, default: initial, choices, range }: FlagRow): string {
  const bounds = range && `in [${range.map(String).join(", ")}]`;
  const values = choices?.join(", ") ?? bounds;
  return `${help}${values ? ` (${values})` : ""}${initial === undefined ? "" : ` [${initial}]`}`;
}
