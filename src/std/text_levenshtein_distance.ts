/**
 * `@std/text/levenshtein-distance` as npm has it, with types: its republication ships none.
 * @module
 */
// @ts-types="./text_levenshtein_distance.d.ts"
export * from "npm:deno-std@1.4.0/text/levenshtein_distance.js";
