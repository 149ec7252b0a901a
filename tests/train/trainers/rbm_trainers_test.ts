import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { program } from "../../../src/kernels/generated/training.ts";
import { Team } from "../../../src/kernels/runtime/team.ts";
import { DirectedLayer } from "../../../src/kernels/training/directed_layer.ts";
import { RbmBatch } from "../../../src/kernels/training/rbm_batch.ts";
import { RbmMemory } from "../../../src/kernels/training/rbm_memory.ts";
import { fillUniform } from "../../../src/math/random.ts";
import { freeEnergy, labelFreeEnergies, type LabelRbm, type Rbm } from "../../../src/model/rbm.ts";
import { openTrainingBackend } from "../../../train/trainers/tfjs/kernels.ts";
import { presets } from "../../../train/recipes/presets.ts";
import type { RbmRecipe } from "../../../train/recipes/recipe.ts";
import {
  initialHiddenBias,
  initialVisibleBias,
  initialWeights,
  type RbmTrainerOptions,
} from "../../../train/trainers/rbm_start.ts";
import type { RbmTrainer } from "../../../train/trainers/rbm_trainer.ts";
import { SimdRbmTrainer } from "../../../train/trainers/simd/rbm_trainer.ts";
import { TfjsRbmTrainer } from "../../../train/trainers/tfjs/rbm_trainer.ts";
import { PlainRbmTrainer } from "./plain_rbm_trainer.ts";

await openTrainingBackend();
const teams = [1, 2, 3].map((workers) => new Team(workers, program));
for (const team of teams) await team.start();

const methods: Record<string, Partial<RbmRecipe>> = {
  "CD-1": {},
  "CD-1 of binary samples": { inputs: "sample", reconstruction: "sample" },
  "CD-3 of sampled reconstructions": { reconstruction: "sample", k: 3 },
  "CD-2": { k: 2 },
  "CD-2 of binary samples": { inputs: "sample", reconstruction: "sample", k: 2 },
  PCD: { epochs: 0, persistentEpochs: 2 },
  "CD, then PCD": { epochs: 1, persistentEpochs: 1 },
  "PCD-3": { epochs: 0, persistentEpochs: 2, k: 3 },
};
/** Methods that the kernels alone have. */
const kernelMethods: Record<string, Partial<RbmRecipe>> = {
  "CD with schedules": { schedule: "cosine", kSchedule: [{ epoch: 0, k: 1 }, { epoch: 1, k: 2 }] },
  "CD with an L1 penalty": { l1: 0.02 },
  "CD with dropout": { dropout: 0.4 },
  "CD of binary samples with dropout": {
    dropout: 0.4,
    inputs: "sample",
    reconstruction: "sample",
  },
  "CD with a sparsity target": { sparsityCost: 0.3 },
  "centred CD": { centring: 0.1 },
  "centred CD of binary samples with a sparsity target": {
    centring: 0.1,
    sparsityCost: 0.2,
    inputs: "sample",
    reconstruction: "sample",
  },
  "centred PCD of five chains": { epochs: 0, persistentEpochs: 2, centring: 0.05, chains: 5 },
  "PCD with fast weights": { epochs: 0, persistentEpochs: 2, fastLearningRate: 0.2, l1: 0.01 },
  "CD, then PCD with fast weights": { epochs: 1, persistentEpochs: 1, fastLearningRate: 0.2 },
  "CD with dropout and a sparsity target": { dropout: 0.4, sparsityCost: 0.3 },
  "parallel tempering": {
    epochs: 0,
    persistentEpochs: 2,
    temperatures: 3,
    lowestBeta: 0.2,
    chains: 3,
  },
  "CD of Gaussian pixels": { visible: "gaussian" },
};
// Stage 0 takes grey inputs as lists, the others as a dense product.
const shapes = [
  { visibleSize: 1, hiddenSize: 1, labelSize: 0, batchSize: 1 },
  { visibleSize: 33, hiddenSize: 31, labelSize: 0, batchSize: 5 },
  { visibleSize: 31, hiddenSize: 65, labelSize: 3, batchSize: 7 },
  { visibleSize: 64, hiddenSize: 96, labelSize: 10, batchSize: 18 },
].flatMap((shape) => [0, 1].map((stage) => ({ ...shape, stage })));
const BATCHES = 6, BATCHES_PER_EPOCH = 3;

function optionsOf(shape: typeof shapes[number], method: Partial<RbmRecipe>): RbmTrainerOptions {
  const defaults = { epochs: 2, momentumSwitchEpoch: 1, weightCost: 0.01 };
  const recipe = { ...presets.plain.stack, ...defaults, ...method };
  const visibleMean = new Float64Array(shape.visibleSize).fill(0.3);
  return { ...shape, recipe, seed: 2 ** 40 + 3, visibleMean };
}

/** Inputs that are grey, 0 and 1; the last batch is a row short. */
function batchOf({ visibleSize, labelSize, batchSize }: typeof shapes[number], step: number) {
  const size = step === BATCHES - 1 && batchSize > 1 ? batchSize - 1 : batchSize;
  const inputs = new Float32Array(size * visibleSize);
  fillUniform(inputs, { seed: 9, chain: 0, step, layer: 77 });
  inputs.forEach((u, i) => inputs[i] = u < 0.5 ? 0 : u < 0.7 ? 1 : u);
  return {
    inputs,
    labels: Uint8Array.from({ length: size }, (_, i) => labelSize ? (i + step) % labelSize : 0),
    size,
  };
}

function train(
  step: (
    batch: ReturnType<typeof batchOf>,
    at: { epoch: number; step: number; batchesPerEpoch: number },
  ) => unknown,
  shape: typeof shapes[number],
  steps = BATCHES,
) {
  let last: unknown;
  for (let i = 0; i < steps; i++) {
    const epoch = Math.floor(i / BATCHES_PER_EPOCH);
    last = step(batchOf(shape, i), { epoch, step: i, batchesPerEpoch: BATCHES_PER_EPOCH });
  }
  return last;
}

function distance(trainer: RbmTrainer, twin: PlainRbmTrainer, labelSize: number): number {
  const { weights, visibleBias, hiddenBias } = labelSize > 0
    ? joined(trainer.labelParameters())
    : trainer.parameters();
  const expected = [...twin.rbm.weights.flat(), ...twin.rbm.visibleBias, ...twin.rbm.hiddenBias];
  const got = [...weights, ...visibleBias, ...hiddenBias];
  assertEquals(got.length, expected.length);
  return Math.max(...got.map((x, i) => Math.abs(x - expected[i])));
}

function joined(rbm: LabelRbm) {
  return {
    weights: [...rbm.weights, ...rbm.labelWeights],
    visibleBias: [...rbm.visibleBias, ...rbm.labelBias],
    hiddenBias: rbm.hiddenBias,
  };
}

for (const [name, method] of Object.entries({ ...methods, ...kernelMethods })) {
  Deno.test(`${name} on every backend learns what the plain twin learns`, () => {
    for (const shape of shapes) {
      const options = optionsOf(shape, method), twin = new PlainRbmTrainer(options);
      const error = train((batch, at) => twin.step(batch, at), shape) as number;
      const trainers = [
        ...teams.map((team) => new SimdRbmTrainer(team, options)),
        ...(name in methods ? [new TfjsRbmTrainer(options)] : []),
      ];
      for (const trainer of trainers) {
        const metrics = train((batch, at) => trainer.step(batch, at), shape) as Record<
          string,
          number
        >;
        assert(
          distance(trainer, twin, shape.labelSize) < 2e-6,
          `${trainer.constructor.name} ${name}`,
        );
        if (metrics.reconstruction_error === undefined) continue;
        assertAlmostEquals(metrics.reconstruction_error, error, 1e-4 * Math.max(1, error));
      }
      const [one, two, three] = trainers.map((trainer) => trainer.state());
      assertEquals(two, one, "two workers");
      assertEquals(three, one, "three workers");
      for (const trainer of trainers.toReversed()) trainer.dispose();
    }
  });

  Deno.test(`${name} goes on from a checkpoint to the same bits, with any number of workers`, () => {
    for (const shape of shapes) {
      const options = optionsOf(shape, method);
      const whole = new SimdRbmTrainer(teams[1], options);
      train((batch, at) => whole.step(batch, at), shape);
      const first = new SimdRbmTrainer(teams[0], options);
      train((batch, at) => first.step(batch, at), shape, 3);
      const second = new SimdRbmTrainer(teams[2], options);
      second.load(first.state());
      train((batch, at) => at.step < 3 || second.step(batch, at), shape);
      assertEquals(second.state(), whole.state());
      for (const trainer of [whole, first, second]) trainer.dispose();
    }
  });
}

Deno.test("exact free energies after training on the kernels are the twin's", () => {
  for (const labelSize of [0, 4]) {
    const shape = { visibleSize: 12, hiddenSize: 9, labelSize, batchSize: 6, stage: 0 };
    const options = optionsOf(shape, { ...methods["CD-1 of binary samples"], epochs: 20 });
    const twin = new PlainRbmTrainer(options), trainer = new SimdRbmTrainer(teams[1], options);
    train((batch, at) => twin.step(batch, at), shape, 50);
    train((batch, at) => trainer.step(batch, at), shape, 50);
    const { inputs } = batchOf(shape, 99);
    const energies = (rbm: Rbm | LabelRbm) =>
      "labelSize" in rbm ? labelFreeEnergies(rbm, inputs) : freeEnergy(rbm, inputs);
    const expected = energies(plainParameters(twin, shape));
    const got = energies(labelSize > 0 ? trainer.labelParameters() : trainer.parameters());
    got.forEach((f, i) => assertAlmostEquals(f, expected[i], 1e-4));
    trainer.dispose();
  }
});

function plainParameters(
  { rbm }: PlainRbmTrainer,
  { visibleSize, hiddenSize, labelSize }: typeof shapes[number],
): Rbm | LabelRbm {
  const plain = {
    visibleSize,
    hiddenSize,
    weights: Float32Array.from(rbm.weights.slice(0, visibleSize).flat()),
    visibleBias: Float32Array.from(rbm.visibleBias.slice(0, visibleSize)),
    hiddenBias: Float32Array.from(rbm.hiddenBias),
  };
  if (labelSize === 0) return plain;
  return {
    ...plain,
    labelSize,
    labelWeights: Float32Array.from(rbm.weights.slice(visibleSize).flat()),
    labelBias: Float32Array.from(rbm.visibleBias.slice(visibleSize)),
  };
}

Deno.test("the kernels write nowhere beside a training RBM's memory", () => {
  const GUARD = 12345.678;
  for (const team of teams) {
    for (const shape of shapes) {
      for (const method of Object.values({ ...methods, ...kernelMethods })) {
        const release = team.arena.mark();
        const before = team.arena.place(new Float32Array(256).fill(GUARD));
        const trainer = new SimdRbmTrainer(team, optionsOf(shape, method));
        const after = team.arena.place(new Float32Array(256).fill(GUARD));
        train((batch, at) => trainer.step(batch, at), shape);
        for (const guard of [before, after]) {
          assert(team.arena.floats(guard, 256).every((x) => x === Math.fround(GUARD)));
        }
        release();
      }
    }
  }
});

Deno.test("a batch that is not whole rows, or too large, is refused", () => {
  const shape = shapes[2], trainer = new SimdRbmTrainer(teams[0], optionsOf(shape, {}));
  const at = { epoch: 0, step: 0, batchesPerEpoch: 1 };
  const refused = (rows: number, numbers: number) =>
    assertThrows(
      () =>
        trainer.step({
          inputs: new Float32Array(numbers),
          labels: new Uint8Array(rows),
          size: rows,
        }, at),
      RangeError,
      "a batch must be 1 to 5 rows of 33",
    );
  refused(6, 6 * 33);
  refused(0, 0);
  refused(2, 65);
  trainer.dispose();
});

Deno.test("inputs that a batch has no room for are refused, and targets of another size", () => {
  const [team] = teams, release = team.arena.mark();
  const rbm = new RbmMemory(team, { inputSize: 2, hiddenSize: 3, maxRows: 4 });
  const batch = new RbmBatch(rbm),
    layer = new DirectedLayer(team, {
      inputSize: 2,
      outputSize: 3,
      maxRows: 4,
    });
  const bytes = { bytes: new Uint8Array(4), divisor: 255 }, inputs = new Float32Array(4);
  const refused = (message: string, run: () => unknown) => assertThrows(run, RangeError, message);
  refused("without room for bytes", () => batch.place({ inputs: bytes }, { kind: "values" }));
  refused("without room for dense inputs", () => batch.place({ inputs }, { kind: "dense" }));
  refused(
    "a batch must be 1 to 4 rows of 2, got 3 numbers",
    () => layer.predict(new Float32Array(3), { kind: "values" }),
  );
  refused("targets must be 2 rows of 3, got 5 numbers", () =>
    layer.learn(
      { inputs, targets: new Float32Array(5) },
      { kind: "values", learningRate: 1, weightCost: 0 },
    ));
  release();
});

Deno.test("an RBM that starts as the transpose of the one below is its distribution of hidden units", () => {
  const V = 3, H = 4, extra = 2, below = randomRbm(V, H);
  const options = optionsOf(
    { visibleSize: H, hiddenSize: V + extra, labelSize: 0, batchSize: 1, stage: 1 },
    {},
  );
  const from = { ...options, below };
  const above: Rbm = {
    visibleSize: H,
    hiddenSize: V + extra,
    weights: initialWeights(from, H),
    visibleBias: initialVisibleBias(from),
    hiddenBias: initialHiddenBias(from),
  };
  above.weights.forEach((_, i) => { // units past those of the image say nothing
    if (i % (V + extra) >= V) above.weights[i] = 0;
  });
  const states = (n: number) =>
    Array.from({ length: 2 ** n }, (_, s) => Array.from({ length: n }, (_, i) => s >> i & 1));
  const differences = states(H).map((h) => {
    const logP = Math.log(
      states(V).reduce((sum, v) => {
        let x = 0;
        for (let i = 0; i < V; i++) x += v[i] * below.visibleBias[i];
        for (let j = 0; j < H; j++) x += h[j] * below.hiddenBias[j];
        for (let i = 0; i < V; i++) {
          for (let j = 0; j < H; j++) x += v[i] * h[j] * below.weights[i * H + j];
        }
        return sum + Math.exp(x);
      }, 0),
    );
    return logP + freeEnergy(above, Float32Array.from(h))[0];
  });
  const spread = Math.max(...differences) - Math.min(...differences);
  console.log(`largest difference of log p(h): ${spread.toExponential(1)} nats`);
  assert(spread < 1e-5);
  assertThrows(
    () => initialWeights({ ...from, hiddenSize: V - 1 }, H),
    RangeError,
    "at least 3 hidden units",
  );
});

Deno.test("training from a transposed RBM is the twin's", () => {
  const shape = { visibleSize: 31, hiddenSize: 65, labelSize: 3, batchSize: 7, stage: 1 };
  const options = { ...optionsOf(shape, { reconstruction: "sample" }), below: randomRbm(40, 31) };
  const trainer = new SimdRbmTrainer(teams[1], options), twin = new PlainRbmTrainer(options);
  train((batch, at) => trainer.step(batch, at), shape);
  train((batch, at) => twin.step(batch, at), shape);
  const largest = distance(trainer, twin, shape.labelSize);
  console.log(`largest difference from the twin: ${largest.toExponential(1)}`);
  assert(largest < 1e-4);
  trainer.dispose();
});

Deno.test("inputs as bytes are trained on as the floats they stand for, bit for bit", () => {
  const shape = { visibleSize: 33, hiddenSize: 31, labelSize: 2, batchSize: 5 };
  for (const stage of [0, 1]) { // lists and dense products
    for (const method of [{}, { inputs: "sample", reconstruction: "sample" }] as const) {
      for (const persistentEpochs of [0, 2]) {
        const epochs = persistentEpochs ? 0 : 2;
        const options = optionsOf({ ...shape, stage }, { ...method, epochs, persistentEpochs });
        const results = [false, true].map((asBytes) => {
          const trainer = new SimdRbmTrainer(teams[2], options);
          const error = train((batch, at) => {
            const bytes = Uint8Array.from(batch.inputs, (x) => Math.round(255 * x));
            const inputs = Float32Array.from(bytes, (byte) => byte / 255);
            const source = asBytes ? { bytes, divisor: 255 } : undefined;
            return trainer.step({ ...batch, inputs, source }, at);
          }, { ...shape, stage });
          const result = { error, rbm: trainer.labelParameters() };
          trainer.dispose();
          return result;
        });
        assertEquals(results[1], results[0]);
      }
    }
  }
});

/** Weights of a few tenths. */
function randomRbm(visibleSize: number, hiddenSize: number): Rbm {
  const fill = (length: number, layer: number) => {
    const out = new Float32Array(length);
    fillUniform(out, { seed: 3, chain: 0, step: 0, layer });
    return out.map((x) => 2 * x - 1);
  };
  return {
    visibleSize,
    hiddenSize,
    weights: fill(visibleSize * hiddenSize, 1),
    visibleBias: fill(visibleSize, 2),
    hiddenBias: fill(hiddenSize, 3),
  };
}
