/**
 * Progress bars of terminals; see src/packages/tfjs_core.ts.
 * @module
 */
export { default } from "npm:cli-progress@3.12.0";
