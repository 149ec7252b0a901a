/**
 * What a field of a recipe is: a row of type, default, bounds, backends, help and source. From the rows
 * come the TypeScript types, the checks, the flags of `train` and docs/recipes.md.
 * @module
 */

/** A number within bounds, both of them allowed. */
export interface NumberDomain {
  type: "number" | "integer";
  bounds: readonly [lowest: number, highest: number];
}

/** One of several names. */
export interface ChoiceDomain {
  type: "choice";
  choices: readonly string[];
}

/** On or off. */
export interface BooleanDomain {
  type: "boolean";
}

/** Text, of a form if one is given. */
export interface StringDomain {
  type: "string";
  form?: { pattern: RegExp; bound: string };
}

/** Values of one kind. */
export interface ListDomain {
  type: "list";
  entries: Domain;
  /** Fewest and most entries. */
  length?: readonly [fewest: number, most: number];
}

/** Named values; a `partial` group names only what differs from the group `base`. */
export interface GroupDomain {
  type: "group";
  fields: Readonly<Record<string, Domain>>;
  partial?: { base: string };
}

/** Which values are allowed. */
export type Domain =
  | NumberDomain
  | ChoiceDomain
  | BooleanDomain
  | StringDomain
  | ListDomain
  | GroupDomain;

/** What a row says beside the allowed values. */
export interface Row<T> {
  /** The value in a recipe that does not name the field. */
  default: T;
  /** One line for `--help` and docs/recipes.md, with the unit. */
  help: string;
  /** The paper that it comes from. */
  source?: string;
  /** The only value that the backend tfjs takes; without it tfjs takes them all. */
  tfjs?: T;
  /** The flag of `train` that sets it in every group of these rows, or a flag for each group. */
  flag?: string | Readonly<Record<string, string>>;
  /** What earlier versions called it. */
  formerly?: string;
}

/** A group of rows. */
export interface GroupField extends GroupDomain {
  fields: Fields;
  help: string;
}

/** A field that is no group. */
export type LeafField =
  | NumberDomain & Row<number>
  | ChoiceDomain & Row<string>
  | BooleanDomain & Row<boolean>
  | StringDomain & Row<string>
  | ListDomain & Row<readonly unknown[]>;

/** A row of the schema. */
export type Field = LeafField | GroupField;

/** Rows by the name of their field. */
export type Fields = Readonly<Record<string, Field>>;

/** The type of a field's values. */
export type ValueOf<F> = F extends { type: "number" | "integer" } ? number
  : F extends { type: "choice"; choices: readonly (infer Choice)[] } ? Choice
  : F extends { type: "boolean" } ? boolean
  : F extends { type: "string" } ? string
  : F extends { type: "list"; entries: infer E } ? ValueOf<E>[]
  : F extends { type: "group"; fields: infer G; partial: object } ? Partial<ValuesOf<G>>
  : F extends { type: "group"; fields: infer G } ? ValuesOf<G>
  : never;

/** The type of a group of fields. */
export type ValuesOf<G> = { -readonly [Name in keyof G]: ValueOf<G[Name]> };

/** Any of a group's fields, and of the groups in it. */
export type ChangesOf<G> = {
  -readonly [Name in keyof G]?: G[Name] extends { type: "group"; fields: infer Inner }
    ? ChangesOf<Inner>
    : ValueOf<G[Name]>;
};
