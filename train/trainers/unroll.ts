/**
 * The feed-forward network that a DBN unrolls to. Hinton and Salakhutdinov (2006), "Reducing the
 * dimensionality of data with neural networks".
 * @module
 */
import type { Classifier, Dbn } from "../../src/model/dbn.ts";

/** The network that a DBN unrolls to: its recognition weights, then the label weights as the head. */
export function unroll({ stack, top }: Dbn): Classifier {
  const head = new Float32Array(top.hiddenSize * top.labelSize);
  for (let label = 0; label < top.labelSize; label++) {
    for (let j = 0; j < top.hiddenSize; j++) {
      head[j * top.labelSize + label] = top.labelWeights[label * top.hiddenSize + j];
    }
  }
  return [
    ...[...stack, top].map(({ visibleSize, hiddenSize, weights, hiddenBias }) => ({
      inputSize: visibleSize,
      outputSize: hiddenSize,
      kernel: weights.slice(),
      bias: hiddenBias.slice(),
    })),
    {
      inputSize: top.hiddenSize,
      outputSize: top.labelSize,
      kernel: head,
      bias: top.labelBias.slice(),
    },
  ];
}

/** Weights of hidden layers alone; biases and the head are 0, which units that are normalized begin with. */
export function weightsAlone(network: Classifier): Classifier {
  return network.map((layer, i) => ({
    ...layer,
    kernel: i === network.length - 1 ? new Float32Array(layer.kernel.length) : layer.kernel,
    bias: new Float32Array(layer.bias.length),
  }));
}
