/**
 * Names that recipes choose from and that other code reads too.
 * @module
 */
import { optimizers } from "../../../src/kernels/training/network.ts";

/** What trains: `simd` has everything, `tfjs` runs the plain algorithms in TensorFlow.js. */
export const trainingBackends = ["simd", "tfjs"] as const;

/** One of {@linkcode trainingBackends}. */
export type TrainingBackend = typeof trainingBackends[number];

/** Ways to draw (I, O) weights. */
export const initializers = [
  ...["pretrained", "normal", "truncated_normal", "uniform"] as const,
  ...["glorot_normal", "glorot_uniform", "he_normal", "he_uniform"] as const,
  ...["lecun_normal", "lecun_uniform"] as const,
];

/** One of {@linkcode initializers}; `pretrained` has the DBN's weights. */
export type Initializer = typeof initializers[number];

/** Shapes of a learning rate over a stage: as it is, or falling to 0 linearly or as a half cosine. */
export const rateSchedules = ["constant", "linear", "cosine"] as const;

/** One of {@linkcode rateSchedules}. */
export type RateSchedule = typeof rateSchedules[number];

/** How fine-tuning turns gradients into updates. */
export const fineTuningOptimizers = [...optimizers, "conjugate_gradient"] as const;
