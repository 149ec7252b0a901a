/**
 * docs/recipes.md: every field of a recipe as a table, from the schema.
 * @module
 */
import { domainText, valueText } from "./describe.ts";
import { recipeNotes } from "./files.ts";
import { rules } from "./rules.ts";
import type { Fields, LeafField } from "./schema/field.ts";
import { recipeFields } from "./schema/recipe.ts";

/** Groups that have the same rows: `stack`, `upperStack` and `topRbm` do. */
interface Section {
  fields: Fields;
  groups: { path: string; help: string }[];
}

/** The document, before `deno fmt` aligns its tables. */
export async function recipesDocument(): Promise<string> {
  const notes = Object.entries(await recipeNotes());
  return `<!-- Written by \`deno task recipes\` from train/recipes. Change it there. -->

# Recipes

A recipe holds all that a training run depends on, beside the data. \`deno task train --recipe NAME\` trains
by one of these:

${table(["recipe", "what it trains"], notes.map(([name, note]) => [`\`${name}\``, note]))}

To make one, write \`train/recipes/NAME.json\`: the recipe that it \`extends\` (\`plain\` by default), what it is
\`about\`, and the fields that differ. On the command line \`--set "stack.k=5 fineTuning.optimizer=sgd"\` sets
any field, and the flags below set theirs. A field that nothing sets has its default.

The backend \`simd\` takes all values; where \`tfjs\` takes only one, it stands below the table.

${sections().map(sectionText).join("\n")}
## What goes with what

${rules.map(({ rule }) => `- ${rule}.`).join("\n")}
`;
}

function sections(): Section[] {
  const found: Section[] = [{ fields: recipeFields, groups: [] }];
  const collect = (fields: Fields, path: string) => {
    for (const [name, field] of Object.entries(fields)) {
      if (field.type !== "group") continue;
      let section = found.find((one) => one.fields === field.fields);
      if (section === undefined) found.push(section = { fields: field.fields, groups: [] });
      section.groups.push({ path: `${path}${name}`, help: field.help });
      collect(field.fields, `${path}${name}.`);
    }
  };
  collect(recipeFields, "");
  return found;
}

function sectionText({ fields, groups }: Section): string {
  const names = groups.map(({ path }) => `\`${path}\``).join(", ");
  const rows = Object.entries(fields).flatMap(([name, field]) =>
    field.type === "group" ? [] : [fieldRow(name, field)]
  );
  return `## ${names || "The run"}

${groups.map(({ path, help }) => `- \`${path}\`: ${help}\n`).join("")}
${table(["field", "default", "values", "flag", "what it is"], rows)}

${notes(fields).map((note) => `- ${note}\n`).join("")}`;
}

function fieldRow(name: string, field: LeafField): string[] {
  const flags = typeof field.flag === "string" ? [field.flag] : Object.values(field.flag ?? {});
  const source = field.source ? `; ${field.source}` : "";
  return [
    `\`${name}\``,
    `\`${valueText(field.default)}\``,
    isLong(field) ? "a name below" : domainText(field),
    flags.map((flag) => `\`--${flag}\``).join(", "),
    `${field.help}${source}`,
  ];
}

/** What has no place in a table's cells: many choices, and what tfjs takes. */
function notes(fields: Fields): string[] {
  const leaves = Object.entries(fields).flatMap(([name, field]): [string, LeafField][] =>
    field.type === "group" ? [] : [[name, field]]
  );
  const choices = leaves.filter(([, field]) => isLong(field))
    .map(([name, field]) => `\`${name}\`: ${domainText(field)}`);
  const only = leaves.filter(([, { tfjs }]) => tfjs !== undefined)
    .map(([name, { tfjs }]) => `\`${name}\` ${valueText(tfjs)}`);
  return only.length === 0 ? choices : [...choices, `tfjs takes only ${only.join(", ")}`];
}

/** Whether a field has more choices than a table's cell can hold. */
function isLong(field: LeafField): boolean {
  return field.type === "choice" && field.choices.length > 4;
}

function table(heads: string[], rows: string[][]): string {
  const lines = [heads, heads.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.map(escape).join(" | ")} |`).join("\n");
}

/** Text that Markdown shows as it is: a bar ends no cell, a bracket opens no link. */
function escape(text: string): string {
  return text.replaceAll("|", "\\|");
}
