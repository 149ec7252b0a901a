/**
 * Structs of the kernels, written by name. Layouts come from generated/abi.ts.
 * @module
 */
import type { Arena } from "./arena.ts";

/** How a field is stored: an integer, a float, or the address of a buffer or struct. */
export type FieldType = "i32" | "u32" | "f32" | "f64" | "address";

/** A struct of assembly/: where each field lies, in bytes from its start. */
export interface Layout {
  readonly name: string;
  readonly bytes: number;
  readonly fields: Readonly<Record<string, readonly [type: FieldType, offset: number]>>;
}

/** A value for every field of a struct; booleans are 0 and 1. */
export type StructValues<L extends Layout> = Record<keyof L["fields"], number | boolean>;

/** Nothing but the fields of a struct: a member that it lacks must be absent. */
type OnlyFieldsOf<L extends Layout, V> = Record<Exclude<keyof V, keyof L["fields"]>, never>;

/** Room for a struct, of zeros. @returns its address */
export function allocateStruct(arena: Arena, { bytes }: Layout): number {
  return arena.allocate(Math.ceil(bytes / 4));
}

/**
 * Writes every field of a struct. A field that is missing, or that the struct has not, is a type error.
 * @throws {RangeError} naming struct, field, bound and value if a number does not fit its field.
 */
export function pack<L extends Layout, V extends StructValues<L>>(
  arena: Arena,
  layout: L,
  address: number,
  values: V & OnlyFieldsOf<L, V>,
): void {
  const words = Math.ceil(layout.bytes / 4);
  const integers = arena.integers(address, words), floats = arena.floats(address, words);
  const given: Record<string, number | boolean> = values;
  for (const name in layout.fields) {
    const [type, offset] = layout.fields[name], value = Number(given[name]), at = offset / 4;
    if (type === "f32") floats[at] = value;
    else if (type === "f64") {
      new DataView(integers.buffer).setFloat64(address + offset, value, true);
    } else integers[at] = checkWord(layout, name, type, value);
  }
}

/** A struct in fresh room. @returns its address */
export function place<L extends Layout, V extends StructValues<L>>(
  arena: Arena,
  layout: L,
  values: V & OnlyFieldsOf<L, V>,
): number {
  const address = allocateStruct(arena, layout);
  pack(arena, layout, address, values);
  return address;
}

/** The members of `from` that a struct has fields for: hyper-parameters pass through by their names. */
export function pickFields<L extends Layout, T extends object>(
  { fields }: L,
  from: T,
): Pick<T, keyof T & keyof L["fields"]> {
  return Object.fromEntries(
    Object.entries(from).filter(([name]) => Object.hasOwn(fields, name)),
  ) as Pick<T, keyof T & keyof L["fields"]>;
}

/** A seed's 53 bits as the two words that kernels take. */
export function seedWords(seed: number): { seedLow: number; seedHigh: number } {
  return { seedLow: seed | 0, seedHigh: Math.floor(seed / 2 ** 32) | 0 };
}

const LOWEST = { i32: -(2 ** 31), u32: 0, address: 0 };

/** @throws {RangeError} if an integer field cannot hold `value`. */
function checkWord(
  layout: Layout,
  name: string,
  type: "i32" | "u32" | "address",
  value: number,
): number {
  if (type === "address" && value % 4 !== 0) {
    throw new RangeError(
      `Cannot pack ${layout.name}.${name}: an address must be a multiple of 4, got ${value}`,
    );
  }
  if (Number.isInteger(value) && value >= LOWEST[type] && value < 2 ** 32) return value;
  throw new RangeError(
    `Cannot pack ${layout.name}.${name}: it must be an integer in [${LOWEST[type]}, ${
      2 ** 32 - 1
    }], got ${value}`,
  );
}
