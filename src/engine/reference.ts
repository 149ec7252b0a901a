/**
 * The plain TypeScript twin of every fast engine: readable loops, sums in double precision.
 * @module
 */
import {
  classifierProbabilities,
  downPass,
  imageSize,
  jointPosterior,
  upPass,
} from "../model/dbn.ts";
import { hiddenGivenVisibleAndLabel, labelGivenHidden, visibleGivenHidden } from "../model/rbm.ts";
import { expandModel, type Model } from "../format/weights.ts";
import type { Engine } from "./engine.ts";

/** An engine over `model` in plain TypeScript. */
export function createReferenceEngine(model: Model): Engine {
  const { dbn, classifier } = expandModel(model), { top } = dbn;
  return {
    name: "reference",
    imageSize: imageSize(dbn),
    visibleSize: top.visibleSize,
    labelSize: top.labelSize,
    hiddenSize: top.hiddenSize,
    visibleMean: dbn.penultimateMean,
    hiddenGivenVisible: (visible, labels, temperature) =>
      Promise.resolve(hiddenGivenVisibleAndLabel(top, visible, labels, temperature)),
    visibleGivenHidden: (hidden, temperature) =>
      Promise.resolve({
        visible: visibleGivenHidden(top, hidden, temperature),
        labels: labelGivenHidden(top, hidden, temperature),
      }),
    upPass: (images) => Promise.resolve(upPass(dbn, images)),
    downPass: (visible) => Promise.resolve(downPass(dbn, visible)),
    classifierProbabilities: (images) =>
      Promise.resolve(classifierProbabilities(classifier, images)),
    jointPosterior: (images) => Promise.resolve(jointPosterior(dbn, images)),
    dispose: () => {},
  };
}
