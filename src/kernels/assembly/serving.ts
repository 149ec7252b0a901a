/**
 * The kernels of serving, in AssemblyScript. `deno task kernels` compiles them to ../kernels_wasm.ts.
 *
 * No relaxed SIMD and no library math: every result is the same bits on every machine. The caller
 * checks bounds; pointers are byte addresses in the module's memory, aligned to 16.
 * @module
 */
export { runChains } from "./serving/chains";
export {
  placePanels,
  runLayer,
  sigmoidInPlace,
  softplusDifference,
  sumSoftplus,
} from "./serving/dense";
export { fillUniform } from "./simd/random";
