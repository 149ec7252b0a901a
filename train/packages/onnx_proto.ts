/**
 * The messages of ONNX; see src/packages/tfjs_core.ts.
 * @module
 */
export { default } from "npm:onnx-proto@8.0.1";
