/**
 * Tensors between tfjs, memory and checkpoints.
 * @module
 */
import type { Tensor } from "../../../src/format/safetensors.ts";
import { tf } from "../../../src/engine/tfjs_backend.ts";

/** A tensor's numbers, copied. */
export function read(tensor: tf.Tensor): Float32Array {
  return Float32Array.from(tensor.dataSync<"float32">());
}

/** A tensor as it goes into a checkpoint. */
export function toTensor(tensor: tf.Tensor): Tensor {
  return { shape: tensor.shape, data: read(tensor) };
}

/** A saved tensor in the place of one of the same shape. @throws {RangeError} if it does not fit. */
export function replace(current: tf.Tensor, saved: Tensor | undefined): tf.Tensor {
  if (!saved || saved.shape.join() !== current.shape.join()) {
    throw new RangeError(
      `expected a tensor of shape (${current.shape.join(", ")}), got ${
        saved ? `(${saved.shape.join(", ")})` : "none"
      }`,
    );
  }
  current.dispose();
  return tf.tensor(saved.data, saved.shape as number[]);
}
