/**
 * Trainers of the feed-forward classifier, on tfjs or on the project's own kernels.
 * @module
 */
import type { Classifier, Dbn } from "../src/model/dbn.ts";
import { ConjugateGradientTrainer } from "./conjugate_gradient_trainer.ts";
import type { FineTuningRecipe, TrainingBackend } from "./recipe.ts";
import { SimdClassifierTrainer } from "./simd_classifier_trainer.ts";
import { trainingTeam } from "./team.ts";
import { TfjsClassifierTrainer } from "./tfjs_classifier_trainer.ts";
import type { Trainer } from "./trainer.ts";

// B batch, I inputs, L labels

/** Settings of a {@linkcode ClassifierTrainer}. */
export interface ClassifierTrainerOptions {
  recipe: FineTuningRecipe;
  seed: number;
  stage: number;
  /** Rows of the largest batch. */
  batchSize: number;
}

/** A trainer whose result is a classifier. */
export interface ClassifierTrainer extends Trainer {
  /** The network learnt so far. */
  parameters(): Classifier;
  /** Scores before the softmax, (B, L), of inputs (B, I), without dropout. */
  scores(inputs: Float32Array): Float32Array;
}

/** A trainer on a backend that starts from a network. */
export async function createClassifierTrainer(
  backend: TrainingBackend,
  start: Classifier,
  options: ClassifierTrainerOptions,
): Promise<ClassifierTrainer> {
  if (backend === "tfjs") return new TfjsClassifierTrainer(start, options);
  const team = await trainingTeam();
  return options.recipe.optimizer === "conjugate_gradient"
    ? new ConjugateGradientTrainer(team, start, options)
    : new SimdClassifierTrainer(team, start, options);
}

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
