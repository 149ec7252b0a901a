import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { program } from "../../../src/kernels/generated/training.ts";
import { Team } from "../../../src/kernels/runtime/team.ts";
import { fillNormal } from "../../../src/math/random.ts";
import type { Classifier } from "../../../src/model/dbn.ts";
import { weightsAlone } from "../../../train/trainers/unroll.ts";
import { ConjugateGradientTrainer } from "../../../train/trainers/simd/conjugate_gradient_trainer.ts";
import { minimize } from "../../../train/trainers/simd/conjugate_gradient.ts";
import { EarlyStopping } from "../../../train/trainers/early_stopping.ts";
import { initializers } from "../../../train/recipes/schema/choices.ts";
import { initialNetwork } from "../../../train/trainers/initializers.ts";
import { openTrainingBackend } from "../../../train/trainers/tfjs/kernels.ts";
import { presets } from "../../../train/recipes/presets.ts";
import type { FineTuningRecipe } from "../../../train/recipes/recipe.ts";
import { learningRateAt } from "../../../train/trainers/schedules.ts";
import { SimdClassifierTrainer } from "../../../train/trainers/simd/classifier_trainer.ts";
import { TfjsClassifierTrainer } from "../../../train/trainers/tfjs/classifier_trainer.ts";

await openTrainingBackend();
const team = new Team(2, program);
await team.start();

const B = 7, SIZES = [33, 40, 35, 4];
const start = initialNetwork(SIZES, "glorot_uniform", 3);
const optionsOf = (recipe: Partial<FineTuningRecipe>) => ({
  recipe: { ...presets.plain.fineTuning, epochs: 2, ...recipe },
  seed: 2 ** 41 + 5,
  stage: 3,
  batchSize: B,
});

function batchOf(step: number) {
  const size = step === 5 ? B - 2 : B, inputs = new Float32Array(size * SIZES[0]);
  fillNormal(inputs, { seed: 1, chain: 0, step, layer: 50 });
  const labels = Uint8Array.from({ length: size }, (_, i) => (i + step) % 4);
  labels.forEach((y, row) => inputs[row * SIZES[0] + y] += 3);
  return { inputs, labels, size };
}

const at = (step: number) => ({ epoch: step / 3 | 0, step, batchesPerEpoch: 3 });

function largestDifference(a: Classifier, b: Classifier): number {
  return Math.max(...a.flatMap(({ kernel, bias }, l) => [
    ...[...kernel].map((w, i) => Math.abs(w - b[l].kernel[i])),
    ...[...bias].map((w, i) => Math.abs(w - b[l].bias[i])),
  ]));
}

Deno.test("both backends fine-tune to the same network, dropout and all", () => {
  const options = optionsOf({ dropout: 0.3, inputDropout: 0.2, learningRate: 0.01 });
  const trainers = [
    new SimdClassifierTrainer(team, start, options),
    new TfjsClassifierTrainer(start, options),
  ];
  for (let step = 0; step < 6; step++) {
    const [simd, tfjs] = trainers.map((trainer) => trainer.step(batchOf(step), at(step)));
    assertAlmostEquals(simd.loss, tfjs.loss, 1e-4);
    assertEquals(simd.accuracy, tfjs.accuracy);
  }
  const off = largestDifference(trainers[0].parameters(), trainers[1].parameters());
  assert(off < 1e-4, `${off}`);
  const { inputs } = batchOf(9), [simd, tfjs] = trainers.map((trainer) => trainer.scores(inputs));
  simd.forEach((score, i) => assertAlmostEquals(score, tfjs[i], 1e-3));
  assertEquals([...trainers[0].state().keys()].sort(), [...trainers[1].state().keys()].sort());
});

Deno.test("fine-tuning goes on from a checkpoint to the same bits", () => {
  const normalized = {
    ...{ activation: "relu", batchNormalization: true, noise: 0.3, inputNoise: 0.2 } as const,
    ...{ adversarialEpsilon: 1, adversarialNorm: "l2", adversarialCases: "after" } as const,
  };
  const recipes = [{ optimizer: "rmsprop", maxNorm: 1 } as const, { optimizer: "adam" } as const];
  for (const recipe of [...recipes, normalized]) {
    const options = optionsOf({ ...recipe, dropout: 0.5 });
    const make = () => new EarlyStopping(new SimdClassifierTrainer(team, start, options), 2);
    const whole = make(), first = make(), second = make();
    for (let step = 0; step < 6; step++) {
      whole.step(batchOf(step), at(step));
      if (step === 2) whole.afterEpoch({ val_error_percent: 1.24 });
    }
    for (let step = 0; step < 3; step++) first.step(batchOf(step), at(step));
    first.afterEpoch({ val_error_percent: 1.24 });
    second.load(first.state());
    for (let step = 3; step < 6; step++) second.step(batchOf(step), at(step));
    for (const trainer of [whole, second]) trainer.afterEpoch({ val_error_percent: 1.24 });
    assertEquals(second.state(), whole.state());
    assertEquals(second.parameters(), first.parameters()); // no better than the first epoch
  }
});

Deno.test("what a normalized trainer gives scores as it does, without normalization", () => {
  const recipe = {
    ...{ activation: "relu", batchNormalization: true, noise: 0.3, learningRate: 0.05 } as const,
  };
  const trainer = new SimdClassifierTrainer(team, weightsAlone(start), optionsOf(recipe));
  for (let step = 0; step < 5; step++) trainer.step(batchOf(step), at(step));
  const plain = new SimdClassifierTrainer(
    team,
    trainer.parameters(),
    optionsOf({ activation: "relu" }),
  );
  const { inputs } = batchOf(9), scores = trainer.scores(inputs);
  assert(Math.max(...scores) > 0.1, `${scores}`);
  plain.scores(inputs).forEach((s, i) => assertAlmostEquals(s, scores[i], 1e-4));
});

Deno.test("early stopping ends after epochs without gain, with the best network", () => {
  const trainer = new EarlyStopping(new SimdClassifierTrainer(team, start, optionsOf({})), 2);
  const errors = [3, 2, 2.5, 2], networks: Classifier[] = [];
  errors.forEach((error, epoch) => {
    assert(!trainer.finished);
    trainer.step(batchOf(epoch), at(epoch));
    trainer.afterEpoch({ val_error_percent: error });
    networks.push(trainer.parameters());
  });
  assert(trainer.finished);
  assertEquals(networks[3], networks[1]);
  assert(largestDifference(networks[1], networks[0]) > 0);
});

Deno.test("tfjs refuses what it does not have, by name", () => {
  const refused = (recipe: Partial<FineTuningRecipe>, message: string) =>
    assertThrows(() => new TfjsClassifierTrainer(start, optionsOf(recipe)), RangeError, message);
  refused({ optimizer: "sgd" }, "optimizer sgd needs the backend simd");
  refused({ activation: "relu" }, "activation relu needs the backend simd");
  refused({ maxNorm: 1 }, "maxNorm 1 needs the backend simd; tfjs takes 0 alone");
  refused({ adversarialEpsilon: 0.1 }, "adversarialEpsilon 0.1 needs the backend simd");
  refused({ batchNormalization: true }, "batchNormalization true needs the backend simd");
  refused({ inputNoise: 0.1 }, "inputNoise 0.1 needs the backend simd");
});

Deno.test("rates fall as their schedules say", () => {
  const rate = (schedule: "constant" | "linear" | "cosine", step: number) =>
    learningRateAt({ learningRate: 2, schedule, epochs: 4 }, { step, batchesPerEpoch: 10 });
  assertEquals([0, 10, 39].map((step) => rate("constant", step)), [2, 2, 2]);
  assertEquals([0, 10, 40].map((step) => rate("linear", step)), [2, 1.5, 0]);
  assertAlmostEquals(rate("cosine", 20), 1, 1e-12);
  assertAlmostEquals(rate("cosine", 10), 1 + Math.SQRT1_2, 1e-12);
});

Deno.test("conjugate gradients minimise a quadratic in as many searches as it has dimensions", () => {
  const curvatures = [1, 10, 100, 3];
  const f = (x: Float64Array) => ({
    value: x.reduce((sum, v, i) => sum + curvatures[i] * (v - i) ** 2 / 2, 0),
    gradient: x.map((v, i) => curvatures[i] * (v - i)),
  });
  const { point, value } = minimize(f, new Float64Array([5, -5, 5, 5]), 8);
  assert(value < 1e-4, `${value}`);
  point.forEach((x, i) => assertAlmostEquals(x, i, 0.02));
});

Deno.test("conjugate gradients find the minimum of Rosenbrock's valley", () => {
  const f = ([x, y]: Float64Array) => ({
    value: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
    gradient: Float64Array.of(-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)),
  });
  const { point, evaluations } = minimize(f, Float64Array.of(-1.2, 1), 60);
  assertAlmostEquals(point[0], 1, 1e-4);
  assertAlmostEquals(point[1], 1, 1e-4);
  assert(evaluations < 400, `${evaluations}`);
});

Deno.test("conjugate gradients never leave a batch with a higher loss", () => {
  const trainer = new ConjugateGradientTrainer(
    team,
    start,
    optionsOf({ optimizer: "conjugate_gradient", dropout: 0, inputDropout: 0 }),
  );
  const losses = Array.from(
    { length: 6 },
    (_, step) => trainer.step(batchOf(0), { epoch: 0, step, batchesPerEpoch: 6 }).loss,
  );
  losses.slice(1).forEach((loss, i) => assert(loss <= losses[i], losses.join()));
  assert(losses[5] < losses[0] / 5, losses.join());
  assertThrows(
    () => new ConjugateGradientTrainer(team, start, optionsOf({ optimizer: "conjugate_gradient" })),
    RangeError,
    "leave out dropout, inputDropout",
  );
});

const expectedStd = { glorot: 2 / 700, he: 2 / 400, lecun: 1 / 400 };
for (const name of initializers.slice(1) as Exclude<typeof initializers[number], "pretrained">[]) {
  Deno.test(`initial weights of ${name} have its spread and bounds`, () => {
    const [{ kernel, bias }] = initialNetwork([400, 300], name, 7);
    const variance = kernel.reduce((sum, w) => sum + w * w, 0) / kernel.length;
    const [kind, shape] = name.split("_");
    const scaled = Math.sqrt(expectedStd[kind as keyof typeof expectedStd] ?? 0);
    const largest = Math.max(...kernel.map(Math.abs));
    if (scaled > 0) {
      assertAlmostEquals(Math.sqrt(variance), scaled, 0.01 * scaled);
      assert(largest <= scaled * (shape === "uniform" ? Math.sqrt(3) : 2 / 0.8796) * 1.0001);
    } else if (kind === "normal") assertAlmostEquals(Math.sqrt(variance), 0.05, 5e-4);
    else assert(largest <= (kind === "uniform" ? 0.05 : 0.1) * 1.0001, `${largest}`);
    assertAlmostEquals(kernel.reduce((a, b) => a + b) / kernel.length, 0, 1e-3);
    assert(bias.every((b) => b === 0));
    assertEquals(initialNetwork([400, 300], name, 7)[0].kernel, kernel);
  });
}
