/**
 * The fine-tuned network on the kernels.
 * @module
 */
import { placeLayer } from "../../kernels/serving/dense.ts";
import type { Team } from "../../kernels/runtime/team.ts";
import { softmaxRows } from "../../math/activations.ts";
import type { Classifier } from "../../model/dbn.ts";
import type { ImageClassifier } from "../engine.ts";
import { type ActivationOf, answer, applyLayers, lazily } from "./layers.ts";

// B batch, V image pixels, L labels

/** A classifier in a team's memory; its weights are placed when they are first needed. */
export function classifierOn(team: Team, classifier: Classifier): ImageClassifier {
  const imageSize = classifier[0].inputSize, labelSize = classifier.at(-1)!.outputSize;
  const layers = lazily(() =>
    classifier.map(({ kernel, bias, inputSize }) =>
      placeLayer(team.arena, { weights: kernel, bias, inputSize })
    )
  );
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
