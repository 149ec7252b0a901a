import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { program } from "../../../src/kernels/generated/training.ts";
import { Team } from "../../../src/kernels/runtime/team.ts";
import { DiscriminativeGradient } from "../../../src/kernels/training/discriminative_gradient.ts";
import { RbmBatch } from "../../../src/kernels/training/rbm_batch.ts";
import { RbmMemory, type TrainingParameters } from "../../../src/kernels/training/rbm_memory.ts";
import { fillUniform } from "../../../src/math/random.ts";
import { sigmoid } from "../../../src/math/activations.ts";
import { downPass, upPass } from "../../../src/model/dbn.ts";
import { presets } from "../../../train/recipes/presets.ts";
import type { UpDownRecipe } from "../../../train/recipes/recipe.ts";
import { UpDownTrainer } from "../../../train/trainers/simd/up_down_trainer.ts";
import { tinyModel } from "../../model/tiny_model.ts";

const teams = [1, 2, 3].map((workers) => new Team(workers, program));
for (const team of teams) await team.start();

const shapes = [
  { height: 3, width: 2, hidden: [5, 4], top: 7, labels: 3 },
  { height: 5, width: 7, hidden: [33, 40], top: 65, labels: 10 },
  { height: 4, width: 4, hidden: [31], top: 33, labels: 4 },
];
const SEED = 2 ** 35 + 1, STAGE = 4, B = 5;
const recipe: UpDownRecipe = {
  ...presets.plain.upDown,
  epochs: 2,
  batchSize: B,
  learningRate: 0.1,
  recognitionLearningRate: 0.07,
  topLearningRate: 0.13,
  momentum: 0.4,
  weightCost: 0.02,
  k: 2,
};
const optionsOf = { recipe, seed: SEED, stage: STAGE };
const at = (step: number) => ({ epoch: 0, step, batchesPerEpoch: 10 });

function batchOf(pixels: number, labelSize: number, step: number) {
  const inputs = new Float32Array(B * pixels);
  fillUniform(inputs, { seed: 4, chain: 0, step, layer: 70 });
  inputs.forEach((u, i) => inputs[i] = u < 0.4 ? 0 : u < 0.6 ? 1 : u);
  const labels = Uint8Array.from({ length: B }, (_, i) => (i + step) % labelSize);
  return { inputs, labels, size: B };
}

/** Appendix B of the paper in plain loops, a case at a time, with the trainer's random numbers. */
function plainStep(
  model: ReturnType<typeof tinyModel>["dbn"],
  { inputs, labels }: ReturnType<typeof batchOf>,
  step: number,
  decay: number,
  chains: { v: number[]; y: number[] }[] | undefined, // what PCD goes on from, and is changed
  velocities: Map<Float32Array, Float64Array>, // of the top, changed too
  steps = recipe.k, // of Gibbs
) {
  const { stack, top } = model, pixels = stack[0].visibleSize;
  const uniform = (count: number, row: number, stream: number) => {
    const out = new Float32Array(count);
    const layer = 512 + 4096 * STAGE + stream;
    fillUniform(out, { seed: SEED, chain: row, step, layer });
    return [...out];
  };
  const affine = (
    x: number[],
    w: (i: number, j: number) => number,
    bias: ArrayLike<number>,
  ) => Array.from(bias, (b, j) => x.reduce((sum, v, i) => sum + v * w(i, j), b));
  const sample = (p: number[], row: number, stream: number) => {
    const u = uniform(p.length, row, stream);
    return p.map((x, i) => u[i] < x ? 1 : 0);
  };
  const change = new Map<Float32Array, Float64Array>();
  const recognition = new Set(stack.flatMap(({ weights, hiddenBias }) => [weights, hiddenBias]));
  const ofTop = new Set(Object.values(top).filter((value) => value instanceof Float32Array));
  const rateOf = (array: Float32Array) => {
    const { learningRate, recognitionLearningRate, topLearningRate } = recipe;
    if (ofTop.has(array)) return decay * topLearningRate;
    return decay * (recognition.has(array) ? recognitionLearningRate : learningRate);
  };
  const add = (array: Float32Array, i: number, value: number) => {
    const sums = change.get(array) ?? new Float64Array(array.length);
    sums[i] += rateOf(array) * value / B;
    change.set(array, sums);
  };
  const gen = (i: number) => stack[i].generativeWeights!;
  const up = (i: number, x: number[]) => {
    const { weights, hiddenSize, hiddenBias } = stack[i];
    return affine(x, (a, b) => weights[a * hiddenSize + b], hiddenBias).map(sigmoid);
  };
  const down = (i: number, x: number[]) =>
    affine(x, (a, b) => gen(i)[b * stack[i].hiddenSize + a], stack[i].visibleBias).map(sigmoid);
  const H = top.hiddenSize;
  const topHidden = (v: number[], y: number[]) => {
    const own = affine(v, (a, b) => top.weights[a * H + b], top.hiddenBias);
    return own.map((x, j) =>
      sigmoid(x + y.reduce((sum, on, l) => sum + on * top.labelWeights[l * H + j], 0))
    );
  };
  labels.forEach((label, row) => {
    const wake = [[...inputs.subarray(row * pixels, (row + 1) * pixels)]];
    stack.forEach((_, i) => wake.push(sample(up(i, wake[i]), row, 3500 + i)));
    const y0 = Array.from({ length: top.labelSize }, (_, l) => l === label ? 1 : 0);
    const first = topHidden(wake[stack.length], y0);
    let { v, y } = chains?.[row] ?? { v: wake[stack.length], y: y0 }, h = topHidden(v, y);
    for (let k = 0; k < steps; k++) {
      const stream = 3 * k + (chains ? 1 : 0), on = sample(h, row, stream);
      v = sample(
        affine(on, (a, b) => top.weights[b * H + a], top.visibleBias).map(sigmoid),
        row,
        stream + 1,
      );
      const e = affine(on, (a, b) => top.labelWeights[b * H + a], top.labelBias).map(Math.exp);
      const total = e.reduce((a, b) => a + b, 0), u = uniform(1, row, stream + 2)[0];
      let running = 0;
      const found = e.findIndex((x) => u < (running += x / total));
      const chosen = found < 0 ? e.length - 1 : found;
      y = e.map((_, l) => l === chosen ? 1 : 0);
      h = topHidden(v, y);
    }
    if (chains) chains[row] = { v, y };
    const v0 = wake[stack.length];
    for (let j = 0; j < H; j++) {
      v0.forEach((x, i) => add(top.weights, i * H + j, x * first[j] - v[i] * h[j]));
      y0.forEach((x, l) => add(top.labelWeights, l * H + j, x * first[j] - y[l] * h[j]));
      add(top.hiddenBias, j, first[j] - h[j]);
    }
    v0.forEach((x, i) => add(top.visibleBias, i, x - v[i]));
    y0.forEach((x, l) => add(top.labelBias, l, x - y[l]));
    const sleep: number[][] = [];
    sleep[stack.length] = v;
    for (let i = stack.length - 1; i >= 0; i--) {
      const p = down(i, sleep[i + 1]);
      sleep[i] = i > 0 ? sample(p, row, 3600 + i) : p;
    }
    stack.forEach(({ hiddenSize, weights, hiddenBias, visibleBias }, i) => {
      const predicted = down(i, wake[i + 1]), recognised = up(i, sleep[i]);
      wake[i].forEach((x, a) => {
        add(visibleBias, a, x - predicted[a]);
        wake[i + 1].forEach((on, b) => add(gen(i), a * hiddenSize + b, on * (x - predicted[a])));
      });
      sleep[i + 1].forEach((x, b) => {
        add(hiddenBias, b, x - recognised[b]);
        sleep[i].forEach((on, a) => add(weights, a * hiddenSize + b, on * (x - recognised[b])));
      });
    });
  });
  const weights = [
    ...stack.flatMap((layer) => [layer.weights, layer.generativeWeights!]),
    top.weights,
    top.labelWeights,
  ];
  for (const [array, sums] of change) {
    const cost = weights.includes(array) ? rateOf(array) * recipe.weightCost : 0;
    const velocity = velocities.get(array) ?? new Float64Array(array.length);
    sums.forEach((value, i) => {
      velocity[i] = (ofTop.has(array) ? recipe.momentum : 0) * velocity[i] + value -
        cost * array[i];
      array[i] += velocity[i];
    });
    velocities.set(array, velocity);
  }
}

Deno.test("an up-down step is that of the paper's appendix, for any number of workers", () => {
  const cases = [[2, false], [1, false], [2, true], [1, true]] as const;
  for (const [shape, [k, persistent]] of shapes.flatMap((s) => cases.map((c) => [s, c] as const))) {
    const model = tinyModel({ ...shape, untied: true });
    const options = { ...optionsOf, recipe: { ...recipe, k, persistent } };
    const trainers = teams.map((team) => new UpDownTrainer(team, model.dbn, options));
    const chains = persistent ? [] : undefined;
    const velocities = new Map(),
      twin = structuredClone(model.dbn),
      pixels = shape.height * shape.width;
    for (let step = 0; step < 3; step++) {
      const batch = batchOf(pixels, shape.labels, step);
      for (const trainer of trainers) trainer.step(batch, at(step));
      plainStep(twin, batch, step, 1 - step / 20, chains, velocities, k);
    }
    const [one, two, three] = trainers.map((trainer) => trainer.state());
    assertEquals(two, one);
    assertEquals(three, one);
    const { stack, top } = trainers[0].parameters();
    const close = (got: object, expected: object) => {
      for (const [name, value] of Object.entries(expected)) {
        if (!(value instanceof Float32Array)) continue;
        const other = (got as Record<string, Float32Array>)[name];
        value.forEach((x, i) => assertAlmostEquals(other[i], x, 3e-6, `${name} ${i}`));
      }
    };
    stack.forEach((layer, i) => close(layer, twin.stack[i]));
    close(top, twin.top);
    for (const trainer of trainers.toReversed()) trainer.dispose();
  }
});

Deno.test("up-down training goes on from a checkpoint to the same bits", () => {
  const [, shape] = shapes, { dbn } = tinyModel({ ...shape, scale: 0.1 });
  for (const persistent of [false, true]) {
    const changes = { momentum: 0.5, topLearningRate: 0.2, persistent };
    const options = { ...optionsOf, recipe: { ...recipe, ...changes } };
    const trainers = [0, 1, 2].map((team) => new UpDownTrainer(teams[team], dbn, options));
    const [whole, first, second] = trainers;
    const batches = [0, 1, 2, 3].map((step) => batchOf(35, 10, step));
    batches.forEach((batch, step) => whole.step(batch, at(step)));
    batches.slice(0, 2).forEach((batch, step) => first.step(batch, at(step)));
    second.load(first.state());
    batches.slice(2).forEach((batch, i) => second.step(batch, at(i + 2)));
    assertEquals(second.state(), whole.state());
    assertEquals(whole.state().has("particles"), persistent);
    for (const trainer of trainers.toReversed()) trainer.dispose();
  }
});

Deno.test("before a step the untied model is the tied one; after it, both ways differ", () => {
  const { dbn } = tinyModel(shapes[1]);
  const trainer = new UpDownTrainer(teams[1], dbn, optionsOf);
  const same = { ...trainer.parameters(), penultimateMean: dbn.penultimateMean };
  const { inputs } = batchOf(35, 10, 9), middle = inputs.subarray(0, 3 * 40);
  assertEquals(upPass(same, inputs), upPass(dbn, inputs));
  assertEquals(downPass(same, middle), downPass(dbn, middle));
  trainer.step(batchOf(35, 10, 0), at(0));
  const [layer] = trainer.parameters().stack;
  assert(layer.weights.some((w, i) => w !== layer.generativeWeights![i]));
  trainer.dispose();
});

/** Mean log p(label|input) of an RBM with parameters as a trainer has them, by enumerating labels. */
function meanLabelLogLikelihood(
  { weights, visibleBias, hiddenBias }: TrainingParameters,
  { inputs, labels }: { inputs: Float32Array; labels: Uint8Array },
  labelSize: number,
): number {
  const P = inputs.length / labels.length, H = hiddenBias.length;
  let sum = 0;
  labels.forEach((label, row) => {
    const own = Array.from(hiddenBias, (c, j) => {
      for (let i = 0; i < P; i++) c += inputs[row * P + i] * weights[i * H + j];
      return c;
    });
    const scores = Array.from({ length: labelSize }, (_, y) =>
      own.reduce(
        (total, x, j) => total + Math.log1p(Math.exp(x + weights[(P + y) * H + j])),
        visibleBias[P + y],
      ));
    sum += scores[label] - Math.log(scores.reduce((total, s) => total + Math.exp(s), 0));
  });
  return sum / labels.length;
}

Deno.test("the discriminative step is the gradient of log p(label|input), for any number of workers", () => {
  const sizes = [[6, 3, 7, false], [33, 10, 33, true], [40, 2, 31, true]] as const;
  for (const [inputSize, labelSize, hiddenSize, binaryInputs] of sizes) {
    const rate = 0.25, { inputs, labels } = batchOf(inputSize, labelSize, 3);
    if (binaryInputs) inputs.forEach((x, i) => inputs[i] = x < 0.5 ? 0 : 1);
    const random = (count: number, layer: number) => {
      const out = new Float32Array(count);
      fillUniform(out, { seed: 9, chain: 0, step: 0, layer });
      return out.map((u) => u - 0.5);
    };
    const V = inputSize + labelSize;
    const before: TrainingParameters = {
      weights: random(V * hiddenSize, 0),
      visibleBias: random(V, 1),
      hiddenBias: random(hiddenSize, 2),
    };
    const [one, ...others] = teams.map((team) => {
      const release = team.arena.mark();
      const rbm = new RbmMemory(team, { inputSize, labelSize, hiddenSize, maxRows: B + 2 });
      rbm.setParameters(before);
      const gradient = new DiscriminativeGradient({ rbm, batch: new RbmBatch(rbm) });
      const kind = binaryInputs ? "binary" as const : "values" as const;
      const options = { kind, learningRate: rate };
      const losses = [1, 2].map(() => gradient.step({ inputs, labels }, options));
      const after = rbm.parameters();
      release();
      return { losses, after };
    });
    for (const other of others) assertEquals(other, one);
    const twin = structuredClone(before);
    for (let step = 0; step < 2; step++) {
      const value = () => meanLabelLogLikelihood(twin, { inputs, labels }, labelSize);
      assertAlmostEquals(one.losses[step], -value(), 1e-5);
      const moved = structuredClone(twin);
      for (const part of ["weights", "visibleBias", "hiddenBias"] as const) {
        twin[part].forEach((x, i) => {
          const [up, down] = [x + 1 / 64, x - 1 / 64].map((near) => {
            twin[part][i] = near;
            return value();
          });
          twin[part][i] = x;
          moved[part][i] += rate * (up - down) * 32;
        });
      }
      Object.assign(twin, moved);
    }
    for (const part of ["weights", "visibleBias", "hiddenBias"] as const) {
      twin[part].forEach((x, i) => assertAlmostEquals(one.after[part][i], x, 1e-4, `${part} ${i}`));
    }
  }
});

Deno.test("a hybrid up-down run lowers the label loss more than the paper's, and moves the top alone", () => {
  const [, shape] = shapes, { dbn } = tinyModel({ ...shape, scale: 0.1 });
  const run = (discriminativeLearningRate: number, steps: number) => {
    const options = { ...optionsOf, recipe: { ...recipe, discriminativeLearningRate } };
    const trainer = new UpDownTrainer(teams[1], dbn, options);
    const losses = Array.from(
      { length: steps },
      (_, step) => trainer.step(batchOf(35, 10, 0), at(step % 4)).label_loss,
    );
    const parameters = trainer.parameters();
    trainer.dispose();
    return { losses, ...parameters };
  };
  const hybrid = run(0.5, 1), paper = run(0, 1);
  assertEquals<unknown>(paper.losses, [undefined]);
  assertEquals(hybrid.stack, paper.stack);
  assert(hybrid.top.labelWeights.some((w, i) => w !== paper.top.labelWeights[i]));
  const { losses } = run(0.5, 40);
  assert(losses[39] < losses[0] / 2, `${losses[0]} → ${losses[39]} nats`);
});

Deno.test("labels that the RBM does not have are refused", () => {
  const rbm = new RbmMemory(teams[0], { inputSize: 2, labelSize: 3, hiddenSize: 2, maxRows: 1 });
  const gradient = new DiscriminativeGradient({ rbm, batch: new RbmBatch(rbm) });
  const cases = { inputs: new Float32Array(2), labels: Uint8Array.of(3) };
  assertThrows(
    () => gradient.step(cases, { kind: "values", learningRate: 1 }),
    RangeError,
    "Cannot train: labels must be below 3, got 3",
  );
});
