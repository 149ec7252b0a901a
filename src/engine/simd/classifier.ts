/**
 * The fine-tuned network on the kernels.
 * @module
 */
import { type PlacedLayer, placeLayer } from "../../kernels/serving/dense.ts";
import type { Team } from "../../kernels/runtime/team.ts";
import { softmaxRows } from "../../math/activations.ts";
import type { WeightMatrix } from "../../math/weight_matrix.ts";
import type { Classifier } from "../../model/dbn.ts";
import type { ImageClassifier } from "../engine.ts";
import { type ActivationOf, answer, applyLayers, lazily } from "./layers.ts";

// B batch, V image pixels, L labels

/** A classifier's layers for a team's memory, as a function that places them once. */
export function placeClassifier(
  { arena }: Team,
  classifier: Classifier<WeightMatrix>,
): () => PlacedLayer[] {
  return lazily(() =>
    classifier.map(({ kernel, bias, inputSize }) =>
      placeLayer(arena, { weights: kernel, bias, inputSize })
    )
  );
}

/** A classifier in a team's memory. */
export function classifierOn(
  team: Team,
  classifier: Classifier<WeightMatrix>,
  layers = placeClassifier(team, classifier),
): ImageClassifier {
  const imageSize = classifier[0].inputSize, labelSize = classifier.at(-1)!.outputSize;
  const activationOf: ActivationOf = (i) =>
    i < classifier.length - 1 ? classifier[i].activation ?? "sigmoid" : undefined;
  return {
    imageSize,
    labelSize,
    classifierProbabilities: answer((images: Float32Array) => {
      const scores = applyLayers(team, layers(), images, { inputSize: imageSize, activationOf });
      return softmaxRows(scores, labelSize);
    }),
  };
}
