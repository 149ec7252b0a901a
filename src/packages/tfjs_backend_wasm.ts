/**
 * The WASM backend of TensorFlow.js; see tfjs_core.ts.
 * @module
 */
export * from "npm:@tensorflow/tfjs-backend-wasm@4.22.0";
