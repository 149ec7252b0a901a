/**
 * ZIP archives; see src/packages/tfjs_core.ts.
 * @module
 */
export * from "npm:@zip.js/zip.js@2.24.0";
