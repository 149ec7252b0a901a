/**
 * The kernels of training, compiled to ../training_wasm.ts: those of serving and more, with the fused
 * multiply-add of relaxed SIMD, whose bits may differ between machines.
 * @module
 */
export { runChains, placePanels, runLayer, sigmoidInPlace, softplusGain, sumSoftplus } from "./kernels";
export { fillUniform } from "./kernels";
export { annealBatch, annealPath } from "./annealing";
export { discriminateBatch } from "./discriminative";
export { learnBatch, predictBatch } from "./directed";
export { runNetwork, trainNetwork } from "./network";
export { trainBatch } from "./training";
