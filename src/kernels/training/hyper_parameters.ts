/**
 * Hyper-parameters of a kernel's struct: its numbers that are floats, under the names that recipes have for
 * them. A caller passes a recipe on, and a new one needs no line between recipe and kernel.
 * @module
 */
import type { Layout } from "../runtime/pack.ts";

/** The float fields of a struct. */
export type HyperParameters<L extends Layout> = {
  [Name in keyof L["fields"] as L["fields"][Name][0] extends "f32" | "f64" ? Name : never]: number;
};
