/**
 * `@std/assert` as npm has it, with types: its republication ships none.
 * @module
 */
// @ts-types="./assert.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
