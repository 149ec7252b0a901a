/**
 * Engines on the project's own SIMD kernels: a whole model, or one of its parts alone. Parts of a model
 * share one memory and its threads.
 * @module
 */
import { Team } from "../../kernels/runtime/team.ts";
import type { WeightMatrix } from "../../math/weight_matrix.ts";
import type { Classifier, Dbn } from "../../model/dbn.ts";
import type { Model } from "../../format/weights.ts";
import type { Engine, EngineOptions, ImageClassifier, JointModel, Resource } from "../engine.ts";
import { classifierOn, placeClassifier } from "./classifier.ts";
import { conditionalsOn } from "./conditionals.ts";
import { jointModelOn } from "./joint_model.ts";
import { placeDbn } from "./placed_dbn.ts";

/** An engine over a whole model. */
export function createSimdEngine(
  { dbn, classifier }: Pick<Model, "dbn" | "classifier">,
  { onProblem, kernels }: EngineOptions = {},
): Engine {
  const team = new Team(undefined, undefined, { onProblem, kernels });
  const placed = placeDbn(team, dbn);
  const layers = placeClassifier(team, classifier), own = withOwnBiases(dbn);
  return {
    name: "simd",
    ...classifierOn(team, classifier, layers),
    ...jointModelOn(team, own, placed),
    ...conditionalsOn(team, own, placed),
    threads: () => team.status,
    settle: (file) => {
      const parts = file === "dbn" ? Object.values(placed) : [layers];
      for (const place of parts) place();
    },
    dispose: () => team.dispose(),
  };
}

/** A classifier alone. */
export function createSimdClassifier(
  classifier: Classifier<WeightMatrix>,
): ImageClassifier & Resource {
  const team = new Team();
  return { ...classifierOn(team, classifier), dispose: () => team.dispose() };
}

/** A joint model alone. */
export function createSimdJointModel(dbn: Dbn<WeightMatrix>): JointModel & Resource {
  const team = new Team();
  return { ...jointModelOn(team, dbn, placeDbn(team, dbn)), dispose: () => team.dispose() };
}

/** What is read of a model after its weights are placed, in arrays of its own. */
function withOwnBiases(dbn: Dbn<WeightMatrix>): Dbn<WeightMatrix> {
  const { top, penultimateMean } = dbn;
  const visibleBias = top.visibleBias.slice(), labelBias = top.labelBias.slice();
  return {
    ...dbn,
    top: { ...top, visibleBias, labelBias },
    penultimateMean: penultimateMean.slice(),
  };
}
