/**
 * Classification as a library call: what `POST /classify` answers.
 * @module
 */
import { argmaxRows } from "../math/activations.ts";
import { countRows } from "../math/matrix.ts";
import type { ImageClassifier, JointModel } from "./engine.ts";
import type { Classification } from "./answers.ts";

export type { Classification };

// B images, V pixels, L labels

/**
 * Classifies images (B, V) with both models.
 * @param images pixel intensities, 0 background.
 * @param options `divisor`: the intensity of full ink; pixels are divided by it. @default 1
 * @throws {RangeError} naming image, pixel, bound and value if a pixel is outside [0, divisor].
 */
export async function classify(
  engine: ImageClassifier & JointModel,
  images: ArrayLike<number>,
  { divisor = 1 }: { divisor?: number } = {},
): Promise<Classification[]> {
  const batch = countRows("images", images, engine.imageSize);
  const scaled = scalePixels(images, divisor, engine.imageSize);
  const probabilities = await engine.classifierProbabilities(scaled);
  const joint = await engine.jointPosterior(scaled);
  const size = engine.labelSize;
  const labels = argmaxRows(probabilities, size),
    jointLabels = argmaxRows(joint.probabilities, size);
  return Array.from({ length: batch }, (_, row) => {
    const of = (data: Float32Array) => Array.from(data.subarray(row * size, (row + 1) * size));
    return {
      label: labels[row],
      classifier: { label: labels[row], probabilities: of(probabilities) },
      joint: {
        label: jointLabels[row],
        probabilities: of(joint.probabilities),
        freeEnergies: of(joint.freeEnergies),
      },
    };
  });
}

/** What both models say of images, an array each, as a probe holds it: see `ProbeAnswers`. */
export function answerArrays(answers: readonly Classification[]) {
  const rows = (of: (answer: Classification) => number[]) => Float32Array.from(answers.flatMap(of)); // (B, L)
  return {
    classifier: rows(({ classifier }) => classifier.probabilities),
    joint: rows(({ joint }) => joint.probabilities),
    freeEnergies: rows(({ joint }) => joint.freeEnergies),
  };
}

function scalePixels(pixels: ArrayLike<number>, divisor: number, imageSize: number): Float32Array {
  const out = new Float32Array(pixels.length);
  for (let i = 0; i < out.length; i++) {
    const pixel = pixels[i];
    if (!(pixel >= 0 && pixel <= divisor)) {
      throw new RangeError(
        `Cannot classify: pixels must be numbers in [0, ${divisor}], got ${pixel} at pixel ${
          i % imageSize
        } of image ${Math.floor(i / imageSize)}`,
      );
    }
    out[i] = pixel / divisor;
  }
  return out;
}
