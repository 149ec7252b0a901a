/**
 * Property tests; see src/packages/tfjs_core.ts.
 * @module
 */
export { default } from "npm:fast-check@4.10.2";
export * from "npm:fast-check@4.10.2";
