/** Trainers that are called by themselves: what they refuse to learn from, and to have learnt. */
import { assertThrows } from "@std/assert";
import { trainingTeam } from "../../../train/trainers/simd/team.ts";
import { openTrainingBackend } from "../../../train/trainers/tfjs/kernels.ts";
import { presets } from "../../../train/recipes/presets.ts";
import type { FineTuningRecipe, RbmRecipe } from "../../../train/recipes/recipe.ts";
import { initialNetwork } from "../../../train/trainers/initializers.ts";
import { ConjugateGradientTrainer } from "../../../train/trainers/simd/conjugate_gradient_trainer.ts";
import { SimdClassifierTrainer } from "../../../train/trainers/simd/classifier_trainer.ts";
import { SimdRbmTrainer } from "../../../train/trainers/simd/rbm_trainer.ts";
import { TfjsClassifierTrainer } from "../../../train/trainers/tfjs/classifier_trainer.ts";
import { TfjsRbmTrainer } from "../../../train/trainers/tfjs/rbm_trainer.ts";
import { TrainingDiverged } from "../../../train/trainers/trainer.ts";

await openTrainingBackend();
const team = await trainingTeam(), at = { epoch: 0, step: 0, batchesPerEpoch: 9 };

function rbmOptions(changes: Partial<RbmRecipe> = {}, stage = 0) {
  const recipe: RbmRecipe = { ...presets.plain.stack, ...changes };
  const sizes = { visibleSize: 3, hiddenSize: 5, labelSize: 0, batchSize: 2 };
  return { ...sizes, recipe, seed: 1, stage, visibleMean: new Float64Array(3).fill(0.3) };
}

function batchOf(...values: number[]) {
  return { inputs: Float32Array.from(values), labels: new Uint8Array(2), size: 2 };
}

Deno.test("an RBM's trainer refuses values outside [0, 1], of floats and of bytes", () => {
  for (
    const trainer of [new SimdRbmTrainer(team, rbmOptions()), new TfjsRbmTrainer(rbmOptions())]
  ) {
    for (const bad of [1.5, -0.25, NaN]) {
      const step = () => trainer.step(batchOf(0, 1, 0, 0, bad, 0), at);
      assertThrows(step, RangeError, `Values must be in [0, 1], got ${bad} at batch[1], pixel 1`);
    }
    trainer.step(batchOf(0, 1, 0, 0, 0.5, 0), at);
    const source = { bytes: Uint8Array.of(0, 100, 0, 0, 150, 0), divisor: 100 };
    const bytes = { ...batchOf(0, 1, 0, 0, 1.5, 0), source };
    assertThrows(() => trainer.step(bytes, at), RangeError, "got 1.5 at batch[1], pixel 1");
    trainer.dispose();
  }
});

Deno.test("Gaussian pixels may be any finite number", () => {
  const trainer = new SimdRbmTrainer(team, rbmOptions({ visible: "gaussian" }));
  trainer.step(batchOf(0, 7, 0, 0, -3, 0), at);
  assertThrows(() => trainer.step(batchOf(0, 7, 0, 0, NaN, 0), at), RangeError, "must be finite");
  trainer.dispose();
});

Deno.test("a step that leaves NaN is told, whatever trains", () => {
  const nan = batchOf(0, 1, 0, 0, NaN, 0);
  const network = initialNetwork([3, 4, 10], "glorot_uniform", 1);
  const classifierOptions = (optimizer: FineTuningRecipe["optimizer"]) => {
    const recipe = { ...presets.plain.fineTuning, dropout: 0, inputDropout: 0, optimizer };
    return {
      recipe: { ...recipe, schedule: "constant" as const },
      seed: 1,
      stage: 0,
      batchSize: 2,
    };
  };
  const trainers = [
    new SimdRbmTrainer(team, rbmOptions({}, 1)),
    new TfjsRbmTrainer(rbmOptions({}, 1)),
    new SimdClassifierTrainer(team, network, classifierOptions("adam")),
    new ConjugateGradientTrainer(team, network, classifierOptions("conjugate_gradient")),
    new TfjsClassifierTrainer(network, classifierOptions("adam")),
  ];
  for (const trainer of trainers) {
    assertThrows(() => trainer.step(nan, at), TrainingDiverged, "is NaN in batch 0");
  }
  for (const trainer of trainers.toReversed()) trainer.dispose();
});
