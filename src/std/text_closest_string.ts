/**
 * `@std/text/closest-string` as npm has it, with types: its republication ships none.
 * @module
 */
// @ts-types="./text_closest_string.d.ts"
export * from "npm:deno-std@1.4.0/text/closest_string.js";
