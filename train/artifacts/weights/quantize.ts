/**
 * Weights in fewer bits: half floats, or 8-bit integers with a scale a column, symmetric about 0.
 * Jacob et al. (2018), "Quantization and training of neural networks", §2.1, with a zero-point of 0.
 * @module
 */
import type { Dtype } from "../../../src/format/safetensors.ts";
import { type Model, readModel, writeWeights } from "../../../src/format/weights.ts";
import type { ScaledMatrix } from "../../../src/math/weight_matrix.ts";
import type { Classifier, Dbn } from "../../../src/model/dbn.ts";

// R rows, C columns

/** The largest integer: the range is symmetric, so −128 is not made. */
const LARGEST = 127;

/** The smallest float32 above 0. */
const SMALLEST = 2 ** -149;

/**
 * A model as files of the dtype hold it, which is what engines read of them.
 * @throws {WeightsFormatError} naming the tensor if a number is too large for the dtype
 */
export function toDtype(model: Model<Float32Array>, dtype: Dtype): Model {
  const converted = {
    config: { ...model.config, dtype },
    dbn: dtype === "I8" ? quantizeDbn(model.dbn) : model.dbn,
    classifier: dtype === "I8" ? quantizeClassifier(model.classifier) : model.classifier,
  };
  return readModel(converted.config, writeWeights(converted));
}

/** w ≈ values · scale of the column, each to the nearest integer in [−127, 127]. @param matrix (R, C) */
export function quantizeColumns(matrix: Float32Array, columns: number): ScaledMatrix {
  const values = new Int8Array(matrix.length), scales = new Float32Array(columns);
  for (let j = 0; j < columns; j++) {
    const scale = scales[j] = chooseScale(matrix, j, columns);
    for (let i = j; i < matrix.length; i += columns) {
      values[i] = Math.sign(matrix[i]) * Math.round(Math.abs(matrix[i]) / scale);
    }
  }
  return { values, scales };
}

/** max|w| / 127 of a column; 1 of one of zeros. */
function chooseScale(matrix: Float32Array, column: number, columns: number): number {
  let largest = 0;
  for (let i = column; i < matrix.length; i += columns) {
    largest = Math.max(largest, Math.abs(matrix[i]));
  }
  if (largest === 0) return 1;
  const scale = Math.fround(largest / LARGEST);
  return largest < (LARGEST + 0.5) * scale ? scale : scale + SMALLEST; // float32 has few digits there
}

function quantizeDbn({ stack, top, penultimateMean }: Dbn): Model["dbn"] {
  return {
    stack: stack.map(({ generativeWeights, ...layer }) => ({
      ...layer,
      weights: quantizeColumns(layer.weights, layer.hiddenSize),
      ...(generativeWeights && {
        generativeWeights: quantizeColumns(generativeWeights, layer.hiddenSize),
      }),
    })),
    top: {
      ...top,
      weights: quantizeColumns(top.weights, top.hiddenSize),
      labelWeights: quantizeColumns(top.labelWeights, top.hiddenSize),
    },
    penultimateMean,
  };
}

function quantizeClassifier(classifier: Classifier): Model["classifier"] {
  return classifier.map((layer) => ({
    ...layer,
    kernel: quantizeColumns(layer.kernel, layer.outputSize),
  }));
}
