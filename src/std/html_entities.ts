/**
 * `@std/html/entities` as npm has it, with types: its republication ships none.
 * @module
 */
// @ts-types="./html_entities.d.ts"
export * from "npm:deno-std@1.4.0/html/entities.js";
