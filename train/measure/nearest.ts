/**
 * How far images are from those that a model was trained on.
 * @module
 */
import { runDense } from "../data/dense.ts";
import { type Examples, readRows } from "../data/examples.ts";

// N images, T training images of a part, V pixels

/** Training images whose products with all images are made at once. */
const TRAINING_ROWS = 2000;

/** Euclidean distance of each image (N, V) to the nearest training image, (N). */
export async function nearestDistances(
  images: Float32Array,
  train: Examples,
): Promise<Float64Array> {
  const { size } = train, count = images.length / size;
  const nearest = new Float64Array(count).fill(Infinity), own = squaredNorms(images, size);
  for (let first = 0; first < train.count; first += TRAINING_ROWS) {
    const rows = readRows(train, first, Math.min(TRAINING_ROWS, train.count - first));
    const theirs = squaredNorms(rows, size), width = theirs.length;
    await runDense(
      {
        count,
        read: (at, some) => images.subarray(at * size, (at + some) * size),
        // |a − b|² = |a|² + |b|² − 2·a·b
        use: (products, at, some) => {
          for (let i = 0; i < some; i++) {
            for (let j = 0; j < width; j++) {
              const square = own[at + i] + theirs[j] - 2 * products[i * width + j];
              if (square < nearest[at + i]) nearest[at + i] = square;
            }
          }
        },
      },
      { inputSize: size, weights: rows, bias: new Float32Array(width), transposed: true },
    );
  }
  return nearest.map((square) => Math.sqrt(Math.max(0, square)));
}

function squaredNorms(rows: Float32Array, size: number): Float64Array {
  const out = new Float64Array(rows.length / size);
  for (let i = 0; i < rows.length; i++) out[Math.floor(i / size)] += rows[i] * rows[i];
  return out;
}
