/**
 * The kernels of training, compiled to ../training_wasm.ts: those of serving and more, with the fused
 * multiply-add of relaxed SIMD, whose bits may differ between machines.
 * @module
 */
export {
  placePanels,
  runChains,
  runLayer,
  sigmoidInPlace,
  softplusDifference,
  sumSoftplus,
} from "./serving";
export { fillUniform } from "./serving";
export { annealPath, annealTemperatures } from "./rbm/annealing";
export { contrastiveDivergence } from "./rbm/contrastive_divergence";
export { learnDirected, predictDirected } from "./rbm/directed";
export { discriminate } from "./rbm/discriminative";
export { persistentDivergence } from "./rbm/persistent";
export { runNetwork, trainNetwork } from "./network/network";
