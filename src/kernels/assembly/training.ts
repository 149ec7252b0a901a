/**
 * The kernels of training, compiled to ../training_wasm.ts: those of serving and more, with the fused
 * multiply-add of relaxed SIMD, whose bits may differ between machines.
 * @module
 */
export { runChains, placePanels, runLayer, sigmoidInPlace, softplusDifference, sumSoftplus } from "./serving";
export { fillUniform } from "./serving";
export { annealBatch, annealPath } from "./rbm/annealing";
export { discriminateBatch } from "./rbm/discriminative";
export { learnBatch, predictBatch } from "./rbm/directed";
export { runNetwork, trainNetwork } from "./network/network";
export { trainBatch } from "./rbm/contrastive_divergence";
