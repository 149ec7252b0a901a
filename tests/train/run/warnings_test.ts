import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Examples, floatExamples, imageExamples } from "../../../train/data/examples.ts";
import {
  isExplained,
  type TrainingWarning,
  type WarningKind,
} from "../../../train/measure/health.ts";
import { presets } from "../../../train/recipes/presets.ts";
import type { Recipe } from "../../../train/recipes/recipe.ts";
import { runTraining } from "../../../train/run/run.ts";

const SIZE = 20;

/** Learns the stripes below in a second. */
const healthy: Recipe = {
  ...presets.quick,
  hidden: [16],
  top: 24,
  batchSize: 10,
  stack: { ...presets.quick.stack, epochs: 20 },
  topRbm: { ...presets.quick.topRbm, epochs: 20, persistentEpochs: 10 },
  fineTuning: { ...presets.quick.fineTuning, epochs: 20, batchSize: 10, learningRate: 0.01 },
};

/** Two pixels a class are on, in `on`; labels belong to them, or are shifted at random. */
function stripes(count: number, { on = 255, misplaced = false, divisor = 255 } = {}): Examples {
  const images = new Uint8Array(count * SIZE);
  const classes = Uint8Array.from({ length: count }, (_, i) => i % 10);
  classes.forEach((label, i) => images.fill(on, i * SIZE + 2 * label, i * SIZE + 2 * label + 2));
  const labels = misplaced ? classes.map((_, i) => Math.floor(i / 10) * 7 % 10) : classes;
  return imageExamples(images, labels, SIZE, divisor);
}

/** A classifier without pretraining, at this learning rate. */
function fromScratch(learningRate: number): Recipe {
  const fineTuning = {
    ...healthy.fineTuning,
    initializer: "glorot_uniform" as const,
    epochs: 10,
    learningRate,
  };
  return { ...healthy, pretraining: false, fineTuning };
}

async function warningsOf(
  recipe: Recipe,
  train = stripes(300),
  validation = stripes(100),
): Promise<TrainingWarning[]> {
  const heard: TrainingWarning[] = [];
  const onWarning = (warning: TrainingWarning) => void heard.push(warning);
  const { warnings } = await runTraining(recipe, { train, validation }, { onWarning });
  assertEquals(warnings, heard);
  return warnings;
}

/** The message of the one warning, which must be of this stage and this kind. */
function only(warnings: readonly TrainingWarning[], stage: string, kind: WarningKind): string {
  assertEquals(warnings.map((warning) => [warning.stage, warning.kind]), [[stage, kind]]);
  return warnings[0].message;
}

Deno.test("a healthy training warns of nothing", async () => {
  assertEquals(await warningsOf(healthy), []);
});

Deno.test("bytes of 0 and 1 at divisor 255 are warned of, at divisor 1 not", async () => {
  const faint = await warningsOf(healthy, stripes(300, { on: 1 }), stripes(100, { on: 1 }));
  assert(only(faint, "data", "faint data").includes("--divisor 1"));
  const whole = { on: 1, divisor: 1 };
  assertEquals(await warningsOf(healthy, stripes(300, whole), stripes(100, whole)), []);
});

Deno.test("a learning rate of 10 is warned of by the field's name, RBM or classifier", async () => {
  const stack = { ...healthy.stack, learningRate: 10 };
  const found = only(await warningsOf({ ...healthy, stack, top: 0 }), "rbm1", "constant layer");
  assert(found.includes("biases hold them at 0 or 1"), found);
  assert(found.endsWith("lower stack.learningRate (10)"), found);
  const classifier = only(
    await warningsOf(fromScratch(10)),
    "classifier layer 1",
    "exploding weights",
  );
  assert(classifier.endsWith("lower fineTuning.learningRate (10)"), classifier);
});

Deno.test("weights that are too large by two fields are warned of for each field", async () => {
  const warning = (stage: string, field?: string): TrainingWarning => ({
    stage,
    kind: field === undefined ? "error at chance" : "exploding weights",
    message: "",
    field,
  });
  const stack = warning("rbm1", "stack.learningRate (10)");
  assert(isExplained(warning("rbm2", "stack.learningRate (10)"), stack));
  assert(isExplained(warning("top"), stack));
  assert(!isExplained(warning("top", "topRbm.learningRate (10)"), stack));
  const rates = { stack: { ...healthy.stack, learningRate: 10 } };
  const both = { ...healthy, ...rates, hidden: [16, 16] };
  assertEquals((await warningsOf(both)).map(({ stage }) => stage), ["rbm1"]);
});

Deno.test("a classifier whose units are held at 0 or 1 is warned of as saturated", async () => {
  const message = only(await warningsOf(fromScratch(1)), "classifier layer 1", "saturated units");
  assert(/^\d+ % of activations are 0 or 1/.test(message), message);
  assert(message.includes("lower fineTuning.learningRate (1)"), message);
});

Deno.test("images that are all the same are warned of as a constant layer, up to its cause", async () => {
  const same = (count: number) =>
    floatExamples(new Float32Array(count * SIZE).fill(0.5), stripes(count).labels, SIZE);
  const found = await warningsOf(healthy, same(300), same(100));
  assert(only(found, "rbm1", "constant layer").includes("its inputs are too"));
});

Deno.test("labels that do not belong to the images are warned of as an error at chance", async () => {
  const [train, held] = [300, 100].map((count) => stripes(count, { misplaced: true }));
  const message = only(await warningsOf(healthy, train, held), "top", "error at chance");
  assert(message.includes("labels may not belong to the images"), message);
});

Deno.test("a warning's listener ends the run with what it throws, after the stage is saved", async () => {
  const stack = { ...healthy.stack, learningRate: 10 };
  let saved = 0;
  const ended = runTraining({ ...healthy, stack }, { train: stripes(300) }, {
    save: ({ progress }) => Promise.resolve(void (saved = progress.stage)),
    onWarning: ({ kind }) => {
      throw new Error(kind);
    },
  });
  await assertRejects(() => ended, Error, "constant layer");
  assertEquals(saved, 1);
});

Deno.test("data out of bounds are refused in training and held-out examples", async () => {
  const broken = floatExamples(new Float32Array(10 * SIZE), new Uint8Array(10), SIZE);
  const read: Examples["read"] = (out, rows) => {
    broken.read(out, rows);
    out[3] = NaN;
  };
  const bad = { ...broken, read }, good = stripes(300);
  const message = "got NaN at validation[0], pixel 3";
  const held = () => runTraining(healthy, { train: good, validation: bad });
  await assertRejects(held, RangeError, message);
  await assertRejects(
    () => runTraining(healthy, { train: bad }),
    RangeError,
    "at train[0], pixel 3",
  );
});

Deno.test("weights that diverge end a run that saves nothing, with stage and epoch", async () => {
  const wild = { ...healthy.stack, learningRate: 10, weightCost: 1, finalMomentum: 0.99 };
  const recipe = { ...healthy, stack: { ...wild, epochs: 60 } };
  const message = /^Training diverged: in rbm1 epoch \d+, weights\[\d+\] is (NaN|-?Infinity)/;
  const error = await assertRejects(() => runTraining(recipe, { train: stripes(300) }), RangeError);
  assert(message.test(error.message), error.message);
});
