/**
 * `@std/path` as npm has it, with types: its republication ships none.
 * @module
 */
// @ts-types="./path.d.ts"
export * from "npm:deno-std@1.4.0/path/mod.js";
