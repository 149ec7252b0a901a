/**
 * The default engine: TensorFlow.js on its WASM backend.
 * @module
 */
import { generative, type HiddenActivation, imageSize, type StackLayer } from "../model/dbn.ts";
import { countRows } from "../math/matrix.ts";
import { expandModel, type Model } from "../format/weights.ts";
import type { Engine } from "./engine.ts";
import { openTfjsBackend, tf } from "./tfjs_backend.ts";

// B batch, V image pixels, P penultimate units, H top hidden units, L labels

/** Images whose label free energies are computed at once; bounds memory to 4·64·L·H bytes. */
const POSTERIOR_ROWS = 64;

type Tensor2D = tf.Tensor2D;
type Tensor1D = tf.Tensor1D;

/** Tensors of an RBM, and Wᵀ beside W so that no step transposes. */
interface RbmTensors {
  weights: Tensor2D; // (V, H)
  transposed: Tensor2D; // (H, V)
  visibleBias: Tensor1D;
  hiddenBias: Tensor1D;
}

/** An engine over `model` on tfjs's WASM backend. */
export async function createTfjsEngine(model: Model): Promise<Engine> {
  const { dbn, classifier } = expandModel(model);
  await openTfjsBackend();
  const stack = dbn.stack.map(rbmTensors);
  const top = rbmTensors(dbn.top);
  const labelWeights = tf.tensor2d(dbn.top.labelWeights, [dbn.top.labelSize, dbn.top.hiddenSize]);
  const labelTransposed = tf.transpose(labelWeights);
  const labelBias = tf.tensor1d(dbn.top.labelBias);
  const dense = classifier.map(({ kernel, bias, inputSize, outputSize, activation }) => ({
    kernel: tf.tensor2d(kernel, [inputSize, outputSize]),
    bias: tf.tensor1d(bias),
    activation: activation ?? "sigmoid",
  }));
  const sizes = {
    imageSize: imageSize(dbn),
    visibleSize: dbn.top.visibleSize,
    labelSize: dbn.top.labelSize,
    hiddenSize: dbn.top.hiddenSize,
    visibleMean: dbn.penultimateMean,
  };
  const up = (images: Tensor2D) =>
    stack.reduce((x, { weights, hiddenBias }) => affine(x, weights, hiddenBias, "sigmoid"), images);

  /** softplus(a + U_y) − softplus(a) is small, so its sum keeps the digits that a sum of both loses. */
  const posterior = (images: Tensor2D) => {
    const penultimate = up(images);
    const logits = affine(penultimate, top.weights, top.hiddenBias); // a (B, H)
    const own = tf.softplus(logits);
    const joined = tf.add(tf.expandDims(logits, 1), tf.expandDims(labelWeights, 0)); // (B, L, H)
    const labelTerms = tf.sum(tf.sub(tf.softplus(joined), tf.expandDims(own, 1)), 2);
    const relative = tf.add(labelTerms, labelBias); // −F(v, y) + F(v), (B, L)
    const common = tf.add(
      tf.sum(own, 1, true),
      tf.matMul(penultimate, tf.expandDims(top.visibleBias, 1) as Tensor2D),
    );
    return [tf.softmax(relative), tf.neg(tf.add(relative, common))];
  };

  return {
    name: "tfjs",
    ...sizes,
    hiddenGivenVisible: (visible, labels, temperature) =>
      run(() => {
        const v = rows(visible, sizes.visibleSize), y = rows(labels, sizes.labelSize);
        const logits = tf.add(affine(v, top.weights, top.hiddenBias), tf.matMul(y, labelWeights));
        return [tf.sigmoid(tempered(logits, temperature))];
      }).then(([hidden]) => hidden),
    visibleGivenHidden: (hidden, temperature) =>
      run(() => {
        const h = rows(hidden, sizes.hiddenSize);
        const visible = affine(h, top.transposed, top.visibleBias);
        const labels = affine(h, labelTransposed, labelBias);
        return [
          tf.sigmoid(tempered(visible, temperature)),
          tf.softmax(tempered(labels, temperature)),
        ];
      }).then(([visible, labels]) => ({ visible, labels })),
    upPass: (images) => run(() => [up(rows(images, sizes.imageSize))]).then(([x]) => x),
    downPass: (visible) =>
      run(() => [
        stack.reduceRight(
          (x, { transposed, visibleBias }) => affine(x, transposed, visibleBias, "sigmoid"),
          rows(visible, sizes.visibleSize),
        ),
      ]).then(([images]) => images),
    classifierProbabilities: (images) =>
      run(() => {
        const logits = dense.reduce(
          (x, { kernel, bias, activation }, i) =>
            affine(x, kernel, bias, i < dense.length - 1 ? activation : undefined),
          rows(images, sizes.imageSize),
        );
        return [tf.softmax(logits)];
      }).then(([probabilities]) => probabilities),
    jointPosterior: async (images) => {
      const batch = images.length / sizes.imageSize;
      const probabilities = new Float32Array(batch * sizes.labelSize);
      const freeEnergies = new Float32Array(batch * sizes.labelSize);
      for (let row = 0; row < batch; row += POSTERIOR_ROWS) {
        const slice = images.subarray(
          row * sizes.imageSize,
          (row + POSTERIOR_ROWS) * sizes.imageSize,
        );
        const [p, f] = await run(() => posterior(rows(slice, sizes.imageSize)));
        probabilities.set(p, row * sizes.labelSize);
        freeEnergies.set(f, row * sizes.labelSize);
      }
      return { probabilities, freeEnergies };
    },
    dispose: () =>
      tf.dispose([
        ...[...stack, top].flatMap((rbm) => Object.values(rbm) as tf.Tensor[]),
        ...dense.flatMap(({ kernel, bias }) => [kernel, bias]),
        labelWeights,
        labelTransposed,
        labelBias,
      ]),
  };
}

function rbmTensors(
  layer: StackLayer,
): RbmTensors {
  const { weights, visibleBias, hiddenBias, visibleSize, hiddenSize } = layer;
  const w = tf.tensor2d(weights, [visibleSize, hiddenSize]);
  return {
    weights: w,
    transposed: tf.tidy(() =>
      tf.transpose(tf.tensor2d(generative(layer).weights, [visibleSize, hiddenSize]))
    ),
    visibleBias: tf.tensor1d(visibleBias),
    hiddenBias: tf.tensor1d(hiddenBias),
  };
}

/** x·w + b, then the activation; x (B, I), w (I, O), b (O). */
function affine(a: Tensor2D, b: Tensor2D, bias: Tensor1D, activation?: HiddenActivation): Tensor2D {
  return tf.fused.matMul({ a, b, bias, activation: activation ?? "linear" }) as Tensor2D;
}

function tempered(logits: tf.Tensor, temperature: number): tf.Tensor {
  return temperature === 1 ? logits : tf.div(logits, temperature);
}

/** A batch of rows as a tensor. @throws {RangeError} if it is empty or not whole rows. */
function rows(data: Float32Array, size: number): Tensor2D {
  const batch = countRows("batch", data, size);
  return tf.tensor2d(data, [batch, size]);
}

/** Runs ops, reads their results and frees everything else. Errors become rejections. */
function run(f: () => tf.Tensor[]): Promise<Float32Array[]> {
  return new Promise((resolve) => {
    let results: Float32Array[] = [];
    // Read inside, return nothing: tidy would walk a returned array number by number.
    tf.tidy(() => {
      results = f().map((tensor) => tensor.dataSync<"float32">());
    });
    resolve(results);
  });
}
