/**
 * `@std/cli/parse-args` as npm has it, with types: its republication ships none.
 * @module
 */
// @ts-types="./cli_parse_args.d.ts"
export * from "npm:deno-std@1.4.0/cli/parse_args.js";
