/**
 * TensorFlow.js, by a file of its own: deno.json names only what serves, because `deno task` fetches every
 * package that it names.
 * @module
 */
export * from "npm:@tensorflow/tfjs-core@4.22.0";
