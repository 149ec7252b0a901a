/**
 * The help of a command: its positional arguments, and its flags by groups, with what each takes and its
 * default.
 * @module
 */
import {
  type FlagKind,
  type FlagRow,
  type FlagTable,
  positionalLabel,
  type PositionalRow,
  type PositionalTable,
} from "./flags.ts";

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

/** A command's help: usage, what it does, its positional arguments and its flags. */
export function commandHelp(
  { usage, about, positionals = {}, flags }: {
    usage: string;
    about: string;
    positionals?: PositionalTable;
    flags: FlagTable;
  },
): string {
  const help: FlagRow = { kind: "boolean", help: "this text; -h for short" };
  const all = [
    ...Object.entries(positionals).map(([name, row]) => ({
      group: "Arguments",
      left: `  ${positionalLabel(name)}`,
      right: rightColumn(row),
    })),
    ...Object.entries<FlagRow>({ ...flags, help }).map(([name, row]) => ({
      group: row.group ?? HEADING,
      left: `  --${name} ${placeholders[row.kind]}`.trimEnd(),
      right: rightColumn(row),
    })),
  ];
  const width = Math.max(...all.map(({ left }) => left.length)) + 2;
  const sections = [...new Set(all.map(({ group }) => group))].map((group) => {
    const rows = all.filter((row) => row.group === group);
    const lines = rows.map(({ left, right }) => left.padEnd(width) + right);
    return `${group[0].toUpperCase()}${group.slice(1)}:\n${lines.join("\n")}`;
  });
  return `Usage: ${usage}\n\n${about}\n\n${sections.join("\n\n")}\n`;
}

function rightColumn(
  { help, default: initial, choices, range, isRequired, isRepeatable, isOptional }:
    & Omit<FlagRow, "kind">
    & Pick<PositionalRow, "isOptional">,
): string {
  const bounds = range && `in [${range.map(String).join(", ")}]`;
  const notes = [
    choices?.join(", ") ?? bounds,
    isRequired && "must be given",
    isRepeatable && "may be given several times",
    isOptional && "may be left out",
  ].filter(Boolean).map((note) => ` (${note})`);
  return `${help}${notes.join("")}${initial === undefined ? "" : ` [${initial}]`}`;
}
