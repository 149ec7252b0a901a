/**
 * Deep Belief Network: a stack of RBMs under a top RBM that is joined to the labels, and the
 * feed-forward classifier fine-tuned from the same pretraining. Definitions only, no learning.
 * Hinton, Osindero, Teh (2006), "A fast learning algorithm for deep belief nets".
 * @module
 */
import { affine, checkShape, countRows, mapInPlace } from "../math/matrix.ts";
import { sigmoid, softmaxRows } from "../math/activations.ts";
import { checkMatrix, expandMatrix, type WeightMatrix } from "../math/weight_matrix.ts";
import {
  checkRbm,
  hiddenGivenVisible,
  labelFreeEnergies,
  labelPosterior,
  type LabelRbm,
  type Rbm,
  visibleGivenHidden,
} from "./rbm.ts";

// B batch, V image pixels, P penultimate units, H top hidden units, L labels

/** A layer of the stack: an RBM, or two directed layers where the up-down algorithm untied them. */
export interface StackLayer<M extends WeightMatrix = Float32Array> extends Rbm<M> {
  /** What generates visible from hidden units, (V, H); `weights` if left out. */
  generativeWeights?: M;
}

/** Parameters of the generative model; its matrices are float32 unless it says otherwise. */
export interface Dbn<M extends WeightMatrix = Float32Array> {
  /** Layers from the image upwards; the last one's hidden units are the top RBM's visible ones. */
  stack: StackLayer<M>[];
  /** The undirected top: penultimate units and labels below, hidden units above. */
  top: LabelRbm<M>;
  /** Mean activity of each penultimate unit over the training set, (P): where chains may start. */
  penultimateMean: Float32Array;
}

/** Activations of a classifier's hidden layers. */
export const hiddenActivations = ["sigmoid", "relu"] as const;

/** One of {@linkcode hiddenActivations}. */
export type HiddenActivation = typeof hiddenActivations[number];

/** A fully connected layer, y = f(x·kernel + bias). */
export interface DenseLayer<M extends WeightMatrix = Float32Array> {
  /** Inputs, I. */
  inputSize: number;
  /** Outputs, O. */
  outputSize: number;
  /** Weights (I, O). */
  kernel: M;
  /** Biases (O). */
  bias: Float32Array;
  /** f, `sigmoid` if left out; a classifier's last layer has none. */
  activation?: HiddenActivation;
}

/** Hidden layers and a softmax head, in order from the image. */
export type Classifier<M extends WeightMatrix = Float32Array> = DenseLayer<M>[];

/** What a joint model says of a batch of images. */
export interface JointPosterior {
  /** p(y|v) (B, L). */
  probabilities: Float32Array;
  /** F(v, y) of the top RBM in nats (B, L). */
  freeEnergies: Float32Array;
}

/** Number of image pixels. */
export function imageSize(dbn: Dbn<WeightMatrix>): number {
  return dbn.stack.length > 0 ? dbn.stack[0].visibleSize : dbn.top.visibleSize;
}

/** @throws {RangeError} if the sizes of neighbouring layers or their buffers do not match. */
export function checkDbn(dbn: Dbn<WeightMatrix>): void {
  const layers = [...dbn.stack, dbn.top];
  layers.forEach((layer, i) => {
    checkRbm(layer);
    if ("generativeWeights" in layer && layer.generativeWeights) {
      const { generativeWeights, visibleSize, hiddenSize } = layer;
      checkMatrix(`layer ${i} generativeWeights`, generativeWeights, visibleSize, hiddenSize);
    }
    if (i > 0 && layers[i - 1].hiddenSize !== layer.visibleSize) {
      throw new RangeError(
        `Cannot stack layers: layer ${i} needs ${layer.visibleSize} inputs, layer ${i - 1} has ${
          layers[i - 1].hiddenSize
        } hidden units`,
      );
    }
  });
  checkMatrix("top labelWeights", dbn.top.labelWeights, dbn.top.labelSize, dbn.top.hiddenSize);
  checkShape("top labelBias", dbn.top.labelBias, 1, dbn.top.labelSize);
  checkShape("penultimateMean", dbn.penultimateMean, 1, dbn.top.visibleSize);
}

/** Deterministic up-pass: image (B, V) → probabilities of the penultimate layer (B, P). */
export function upPass(dbn: Dbn, images: Float32Array): Float32Array {
  return dbn.stack.reduce((x, rbm) => hiddenGivenVisible(rbm, x), images);
}

/** Deterministic down-pass: penultimate layer (B, P) → pixel probabilities (B, V). */
export function downPass(dbn: Dbn, penultimate: Float32Array): Float32Array {
  return dbn.stack.reduceRight((x, rbm) => visibleGivenHidden(generative(rbm), x), penultimate);
}

/** The layer as what generates its visible units. */
export function generative<M extends WeightMatrix>(layer: StackLayer<M>): Rbm<M> {
  return { ...layer, weights: layer.generativeWeights ?? layer.weights };
}

/** Class posterior by up-pass and the exact free energy of each label (Hinton et al. 2006, §6). */
export function jointPosterior(dbn: Dbn, images: Float32Array): JointPosterior {
  const freeEnergies = labelFreeEnergies(dbn.top, upPass(dbn, images));
  return {
    probabilities: labelPosterior(freeEnergies, dbn.top.labelSize),
    freeEnergies: Float32Array.from(freeEnergies),
  };
}

/** Class probabilities of the fine-tuned classifier for images (B, V); result (B, L). */
export function classifierProbabilities(
  classifier: Classifier,
  images: Float32Array,
): Float32Array {
  let x = images;
  classifier.forEach((layer, i) => {
    const batch = countRows("batch", x, layer.inputSize);
    x = affine(new Float32Array(batch * layer.outputSize), x, layer.kernel, layer.bias);
    if (i === classifier.length - 1) return;
    mapInPlace(x, layer.activation === "relu" ? (value) => Math.max(0, value) : sigmoid);
  });
  return softmaxRows(x, classifier[classifier.length - 1].outputSize);
}

/** @throws {RangeError} if the layers of a classifier do not fit one another. */
export function checkClassifier(classifier: Classifier<WeightMatrix>): void {
  if (classifier.length === 0) throw new RangeError("Cannot use classifier: it has no layers");
  classifier.forEach((layer, i) => {
    checkMatrix(`classifier layer ${i} kernel`, layer.kernel, layer.inputSize, layer.outputSize);
    checkShape(`classifier layer ${i} bias`, layer.bias, 1, layer.outputSize);
    if (i > 0 && classifier[i - 1].outputSize !== layer.inputSize) {
      throw new RangeError(
        `Cannot stack layers: classifier layer ${i} needs ${layer.inputSize} inputs, layer ${
          i - 1
        } has ${classifier[i - 1].outputSize} outputs`,
      );
    }
  });
}

/** A DBN whose matrices are all float32. */
export function expandDbn({ stack, top, penultimateMean }: Dbn<WeightMatrix>): Dbn {
  return {
    stack: stack.map(({ generativeWeights, ...layer }) => ({
      ...layer,
      weights: expandMatrix(layer.weights),
      ...(generativeWeights && { generativeWeights: expandMatrix(generativeWeights) }),
    })),
    top: {
      ...top,
      weights: expandMatrix(top.weights),
      labelWeights: expandMatrix(top.labelWeights),
    },
    penultimateMean,
  };
}

/** A classifier whose matrices are all float32. */
export function expandClassifier(classifier: Classifier<WeightMatrix>): Classifier {
  return classifier.map((layer) => ({ ...layer, kernel: expandMatrix(layer.kernel) }));
}
