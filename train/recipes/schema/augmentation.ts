/**
 * How images are distorted, anew in each epoch of fine-tuning; src/data/augment.ts does it.
 * Simard, Steinkraus, Platt (2003); ranges as in Cireşan et al. (2010), "Deep, big, simple neural nets".
 * @module
 */
import { type AugmentationOptions, noAugmentation } from "../../../src/data/augment.ts";
import type { NumberDomain, Row } from "./field.ts";

/** The rows of distortions. */
export const augmentationFields = {
  shift: {
    type: "number",
    default: noAugmentation.shift,
    bounds: [0, 14],
    help: "largest shift along each axis, in pixels",
  },
  rotation: {
    type: "number",
    default: noAugmentation.rotation,
    bounds: [0, 180],
    help: "largest rotation either way, in degrees",
  },
  scaling: {
    type: "number",
    default: noAugmentation.scaling,
    bounds: [0, 0.9],
    help: "largest change of each axis' scale, as a share",
  },
  shear: {
    type: "number",
    default: noAugmentation.shear,
    bounds: [0, 1],
    help: "largest horizontal shear, as the tangent of its angle",
  },
  elasticAlpha: {
    type: "number",
    default: noAugmentation.elasticAlpha,
    bounds: [0, 1000],
    help: "α of elastic displacements, in pixels; 0 for none",
    source: "Simard et al. (2003)",
  },
  elasticSigma: {
    type: "number",
    default: noAugmentation.elasticSigma,
    bounds: [0.5, 30],
    help: "σ of the Gaussian that smooths displacements, in pixels",
    source: "Simard et al. (2003)",
  },
} as const satisfies Record<keyof AugmentationOptions, NumberDomain & Row<number>>;
