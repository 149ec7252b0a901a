/**
 * Seeded distortions of images: shifts, rotations, scalings, shears and elastic deformations.
 * Simard, Steinkraus, Platt (2003), "Best practices for convolutional neural networks applied to
 * visual document analysis"; ranges as in Cireşan et al. (2010), "Deep, big, simple neural nets".
 * @module
 */
import { fillUniform } from "../math/random.ts";
import { streamOf, streams } from "../math/streams.ts";
import type { Example } from "./dataset.ts";

// D pixels, height × width

/** How far images are distorted; each image draws its own amounts within these. */
export interface AugmentationOptions {
  /** Largest shift along each axis, in pixels. */
  shift: number;
  /** Largest rotation either way, in degrees. */
  rotation: number;
  /** Each axis is scaled by a factor in [1 − scaling, 1 + scaling]. */
  scaling: number;
  /** Largest horizontal shear, as the tangent of its angle. */
  shear: number;
  /** α: displacements are a smoothed field of uniforms in [−1, 1] times this, in pixels; 0 for none. */
  elasticAlpha: number;
  /** σ: standard deviation of the Gaussian that smooths them, in pixels. */
  elasticSigma: number;
}

/** No distortion. */
export const noAugmentation: AugmentationOptions = {
  shift: 0,
  rotation: 0,
  scaling: 0,
  shear: 0,
  elasticAlpha: 0,
  elasticSigma: 6,
};

/** Numbers that an image draws: angle, two scales, shear, two shifts, four of two windows. */
const DRAWS = 10;
/** Side of the field whose windows are the images' displacements; it wraps around. */
const FIELD_SIZE = 512;

/** Distorts images of one size; what an image gets depends on seed, epoch and its index alone. */
export class Augmenter {
  readonly #options: AugmentationOptions;
  readonly #size: { height: number; width: number };
  readonly #key: { seed: number; epoch: number };
  readonly #draws = new Float32Array(DRAWS);
  readonly #field: Float32Array | undefined;

  constructor(
    options: AugmentationOptions,
    size: { height: number; width: number },
    key: { seed: number; epoch: number },
  ) {
    this.#options = options;
    this.#size = size;
    this.#key = key;
    if (options.elasticAlpha > 0) this.#field = smoothField(options.elasticSigma, key);
  }

  /** Writes the distorted image (D) to `out`; outside of the image all is 0. */
  apply(out: Float32Array, image: ArrayLike<number>, index: number): void {
    const { height, width } = this.#size, draws = this.#draws;
    const { shift, rotation, scaling, shear, elasticAlpha } = this.#options;
    const { seed, epoch } = this.#key;
    fillUniform(draws, { seed, chain: index, step: epoch, layer: streamOf(streams.augment) });
    const spread = (i: number, most: number) => (2 * draws[i] - 1) * most;
    const angle = spread(0, rotation) * Math.PI / 180;
    const scaleX = 1 + spread(1, scaling), scaleY = 1 + spread(2, scaling);
    const slant = spread(3, shear), cos = Math.cos(angle), sin = Math.sin(angle);
    // Where a pixel comes from: rotate back, then shear and scale back.
    const xx = (cos + slant * sin) / scaleX, xy = (sin - slant * cos) / scaleX;
    const yx = -sin / scaleY, yy = cos / scaleY;
    const middleX = (width - 1) / 2, middleY = (height - 1) / 2;
    const startX = middleX - spread(4, shift), startY = middleY - spread(5, shift);
    const windowX = Math.floor(draws[6] * FIELD_SIZE) * FIELD_SIZE + draws[7] * FIELD_SIZE | 0;
    const windowY = Math.floor(draws[8] * FIELD_SIZE) * FIELD_SIZE + draws[9] * FIELD_SIZE | 0;
    const field = this.#field, mask = FIELD_SIZE * FIELD_SIZE - 1;
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        const dx = x - middleX, dy = y - middleY;
        let fromX = startX + xx * dx + xy * dy, fromY = startY + yx * dx + yy * dy;
        if (field) {
          const step = y * FIELD_SIZE + x;
          fromX += elasticAlpha * field[windowX + step & mask];
          fromY += elasticAlpha * field[windowY + step & mask];
        }
        out[at] = interpolate(image, height, width, fromX, fromY);
      }
    }
  }
}

/** A dataset map that distorts float images, such as those of `flattenImage`. */
export function augment(
  { seed, epoch = 0, height = 28, width = 28, ...options }:
    & Partial<AugmentationOptions>
    & { seed: number; epoch?: number; height?: number; width?: number },
): (example: Example) => Example {
  const augmenter = new Augmenter({ ...noAugmentation, ...options }, { height, width }, {
    seed,
    epoch,
  });
  return (example) => {
    if (example.image.length !== height * width) {
      throw new RangeError(
        `Cannot augment: an image must have ${height} × ${width} pixels, got ${example.image.length}`,
      );
    }
    const image = new Float32Array(example.image.length);
    augmenter.apply(image, example.image, example.index);
    return { ...example, image };
  };
}

/** Bilinear interpolation, 0 outside. */
function interpolate(
  image: ArrayLike<number>,
  height: number,
  width: number,
  x: number,
  y: number,
): number {
  const left = Math.floor(x), top = Math.floor(y);
  if (left < -1 || top < -1 || left >= width || top >= height) return 0;
  const right = x - left, below = y - top, at = top * width + left;
  const isLeft = left >= 0, isRight = left + 1 < width;
  let sum = 0;
  if (top >= 0) {
    if (isLeft) sum += (1 - below) * (1 - right) * image[at];
    if (isRight) sum += (1 - below) * right * image[at + 1];
  }
  if (top + 1 < height) {
    if (isLeft) sum += below * (1 - right) * image[at + width];
    if (isRight) sum += below * right * image[at + width + 1];
  }
  return sum;
}

/** Uniforms in [−1, 1] smoothed by a Gaussian of standard deviation `sigma`, on a torus. */
function smoothField(sigma: number, { seed, epoch }: { seed: number; epoch: number }) {
  const n = FIELD_SIZE, radius = Math.ceil(3 * sigma);
  const weights = Float64Array.from(
    { length: 2 * radius + 1 },
    (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)),
  );
  const total = weights.reduce((a, b) => a + b);
  const rows = new Float32Array(n * n),
    out = new Float32Array(n * n),
    noise = new Float32Array(n * n);
  fillUniform(noise, { seed, chain: 0, step: epoch, layer: streamOf(streams.augmentField) });
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      let sum = 0;
      for (let k = -radius; k <= radius; k++) {
        sum += weights[k + radius] * (2 * noise[y * n + (x + k & n - 1)] - 1);
      }
      rows[y * n + x] = sum / total;
    }
  }
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      let sum = 0;
      for (let k = -radius; k <= radius; k++) {
        sum += weights[k + radius] * rows[(y + k & n - 1) * n + x];
      }
      out[y * n + x] = sum / total;
    }
  }
  return out;
}
