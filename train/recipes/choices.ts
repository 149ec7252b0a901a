/**
 * The names that fields of a recipe choose from.
 * @module
 */

/** Ways to draw (I, O) weights. */
export const initializers = [
  ...["pretrained", "normal", "truncated_normal", "uniform"] as const,
  ...["glorot_normal", "glorot_uniform", "he_normal", "he_uniform"] as const,
  ...["lecun_normal", "lecun_uniform"] as const,
];

/** One of {@linkcode initializers}; `pretrained` takes the DBN's weights. */
export type Initializer = typeof initializers[number];

/** Shapes of a learning rate over a stage: as it is, or falling to 0 linearly or as a half cosine. */
export const rateSchedules = ["constant", "linear", "cosine"] as const;

/** One of {@linkcode rateSchedules}. */
export type RateSchedule = typeof rateSchedules[number];
