import { assert, assertEquals, assertRejects } from "@std/assert";
import { FlagError, parseFlags } from "../../../src/cli/flags.ts";
import { recipeFromFlags, trainFlags } from "../../../train/cli/train_flags.ts";
import { checkRecipe } from "../../../train/recipes/check.ts";
import { readRecipe, recipeNames } from "../../../train/recipes/files.ts";
import { recipeOf } from "../../../train/recipes/complete.ts";
import { recipeFlags, withFlags } from "../../../train/recipes/flags.ts";
import { presets } from "../../../train/recipes/presets.ts";

Deno.test("flags change the recipe of their preset, and nothing else", async () => {
  assertEquals(await recipeFromFlags({}), presets.quick);
  assertEquals(await recipeFromFlags({ preset: "full" }), presets.full);
  const args = [
    "--preset",
    "full",
    "--epochs",
    "3",
    "--k=2",
    "--hidden",
    "50,60",
    "--dropout",
    "0.1",
  ];
  const recipe = await recipeFromFlags(parseFlags(args, trainFlags));
  assertEquals([recipe.stack.epochs, recipe.topRbm.epochs], [3, presets.full.topRbm.epochs]);
  assertEquals([recipe.stack.k, recipe.topRbm.k, recipe.hidden], [2, 2, [50, 60]]);
  assertEquals(recipe.fineTuning, { ...presets.full.fineTuning, dropout: 0.1 });
});

Deno.test("every recipe is one that can be trained, under the name of its file", async () => {
  for (const name of await recipeNames()) {
    assertEquals(checkRecipe(await readRecipe(name)).name, name);
  }
  const evaluation = await recipeFromFlags({
    recipe: "evaluation",
    set: "fineTuning.optimizer=sgd seed=7",
  });
  assertEquals([evaluation.pretraining, evaluation.seed, evaluation.fineTuning.optimizer], [
    false,
    7,
    "sgd",
  ]);
});

const bad: [string, string][] = [
  ["--preset best", 'one of quick, plain, full, got "best"'],
  ["--preset constructor", "one of quick, plain, full"],
  ["--epochs=-1", '--epochs must be an integer in [0, 10000], got "-1"'],
  ["--hidden 500,0", '--hidden must be an integer in [1, 65536], got "0"'],
  ["--hidden 1,1,1,1,1,1,1,1,1", "hidden must have 1 to 8 entries, got 9"],
  ["--recipe best", "--recipe must be one of quick, plain, full"],
  ["--recipe rmb500", 'got "rmb500"; did you mean rbm500?'],
  ["--recipe judge", 'got "judge"; it is called evaluation now'],
  ["--set fineTuning.adversarialReach=1", "it is called fineTuning.adversarialEpsilon now"],
  ["--set stack.zzzzzz=1", "there is no field stack.zzzzzz; there are epochs, k"],
  ["--set k", '--set must be FIELD=VALUE, got "k"'],
  ["--set stack.kk=2", "there is no field stack.kk; did you mean stack.k? There are epochs, k"],
  ["--set stack.k=two", 'stack.k must be an integer in [1, 1000], got "two"'],
  ["--set stack.epochs=-1", "stack.epochs must be an integer in [0, 10000], got -1"],
  ["--set hidden=[500,0]", "hidden[1] must be an integer in [1, 65536], got 0"],
  ["--set seed=-1", "seed must be an integer in [0, 9007199254740991], got -1"],
  ["--set stack.k=0", "stack.k must be an integer in [1, 1000], got 0"],
  [
    "--set upperStack.kk=2",
    "there is no field upperStack.kk; did you mean upperStack.k? There are epochs, k",
  ],
  ["--set upperStack.k=two", 'upperStack.k must be an integer in [1, 1000], got "two"'],
  ["--set upperStack.k=0", "upperStack.k must be an integer in [1, 1000], got 0"],
  ["--set upperStack.initializer=glorot", 'must be one of normal, transposed, got "glorot"'],
  ["--set upperStack.visible=gaussian", "upperStack.visible must be bernoulli, got gaussian"],
  ["--set stack.initializer=transposed", "there is no RBM below the first"],
  ["--set fineTuning.optimizer=best", "one of sgd, momentum, nesterov, adagrad, rmsprop"],
  ["--set fineTuning.augmentation.shift=15", "shift must be a number in [0, 14], got 15"],
  ["--set fineTuning.patience=3 --validation=", "patience needs held-out cases"],
  ["--set stack=null", "stack must be an object, got null"],
  ["--set stack.kSchedule=[null]", "kSchedule[0] must be an object, got null"],
  ["--set topRbm.lowestBeta=1", "lowestBeta must be a number in [0, 0.999], got 1"],
  ["--set stack.visible=gaussian --top 0 --k 2", "k 1 and no kSchedule"],
  ["--set fineTuning.optimizer=conjugate_gradient --dropout 0.1", "evaluations; leave out dropout"],
  ["--backend tfjs --set fineTuning.optimizer=sgd", "optimizer sgd needs the backend simd"],
  ["--backend tfjs --set stack.l1=0.1", "stack.l1 0.1 needs the backend simd; tfjs takes 0 alone"],
  ["--set pretraining=false fineTuning.initializer=normal top=0", "top must be at least 1, got 0"],
  ["--set name=a/b", "letters, digits, '_', '.' or '-', got \"a/b\""],
  ["--set pretraining=false", "initializer must be one of normal, truncated_normal"],
  ["--top=-1", '--top must be an integer in [0, 65536], got "-1"'],
  ["--batch-size 0", '--batch-size must be an integer in [1, 10000], got "0"'],
  ["--learning-rate 11", '--learning-rate must be a number in [0, 10], got "11"'],
  ["--momentum 1", '--momentum must be a number in [0, 0.9999], got "1"'],
  ["--weight-cost=-1", '--weight-cost must be a number in [0, 1], got "-1"'],
  ["--k 0", '--k must be an integer in [1, 1000], got "0"'],
  [
    "--set fineTuning.adversarialEpsilon=1.5",
    "adversarialEpsilon must be a number in [0, 1] of a pixel",
  ],
  ["--set fineTuning.adversarialNorm=l3", 'adversarialNorm must be one of max, l2, got "l3"'],
  [
    "--set fineTuning.adversarialCases=all",
    'adversarialCases must be one of half, after, got "all"',
  ],
  ["--set fineTuning.noise=0.3", "set fineTuning.batchNormalization, or noise to 0, got 0.3"],
  [
    "--set fineTuning.batchNormalization=true upDown.epochs=1 upDown.recognition=classifier",
    "set fineTuning.batchNormalization to false",
  ],
  ["--dropout 1", '--dropout must be a number in [0, 0.95], got "1"'],
  ["--divisor 0", '--divisor must be a number in [0.000001, 1000000], got "0"'],
  ["--seed=-1", '--seed must be an integer in [0, 9007199254740991], got "-1"'],
];

/** Arguments; what follows --set belongs together. */
function words(args: string): string[] {
  const [before, set] = args.split("--set ");
  const parts = before.split(" ").filter(Boolean);
  if (set === undefined) return parts;
  const fields = set.split(" --")[0];
  return [...parts, "--set", fields, ...set.slice(fields.length).split(" ").filter(Boolean)];
}

for (const [args, message] of bad) {
  Deno.test(`a recipe is refused: ${args}`, async () => {
    const error = await assertRejects(
      async () => await recipeFromFlags(parseFlags(words(args), trainFlags)),
      FlagError,
    );
    assert(error.message.includes(message), `${error.message} lacks ${message}`);
  });
}

Deno.test("a recipe that extends itself is refused, with the way round", async () => {
  const path = "train/recipes: rbm500 extends bound extends rbm500";
  await assertRejects(() => readRecipe("bound", ["rbm500"]), Error, path);
});

/** The fields that each flag sets. */
const flagFields: Record<string, string[]> = {
  hidden: ["hidden"],
  top: ["top"],
  "batch-size": ["batchSize"],
  seed: ["seed"],
  backend: ["backend"],
  divisor: ["divisor"],
  split: ["split"],
  validation: ["validation"],
  epochs: ["stack.epochs"],
  "top-epochs": ["topRbm.epochs"],
  k: ["stack.k", "topRbm.k"],
  "learning-rate": ["stack.learningRate", "topRbm.learningRate"],
  momentum: ["stack.momentum", "topRbm.momentum"],
  "final-momentum": ["stack.finalMomentum", "topRbm.finalMomentum"],
  "weight-cost": ["stack.weightCost", "topRbm.weightCost"],
  "persistent-epochs": ["topRbm.persistentEpochs"],
  "persistent-learning-rate": ["stack.persistentLearningRate", "topRbm.persistentLearningRate"],
  reconstruction: ["stack.reconstruction", "topRbm.reconstruction"],
  inputs: ["stack.inputs", "topRbm.inputs"],
  "fine-tuning-epochs": ["fineTuning.epochs"],
  "fine-tuning-learning-rate": ["fineTuning.learningRate"],
  dropout: ["fineTuning.dropout"],
  "input-dropout": ["fineTuning.inputDropout"],
};

/** The fields that differ between two recipes, as paths. */
function differing(a: object, b: object, path = ""): string[] {
  return Object.entries(a).flatMap(([name, value]) => {
    const other = (b as Record<string, unknown>)[name];
    if (JSON.stringify(value) === JSON.stringify(other)) return [];
    const isGroup = typeof value === "object" && !Array.isArray(value);
    return isGroup ? differing(value, other as object, `${path}${name}.`) : [`${path}${name}`];
  });
}

Deno.test("each flag sets its fields and no other, and shows their values", () => {
  const table = recipeFlags(presets.full);
  assertEquals(Object.keys(table).sort(), Object.keys(flagFields).sort());
  for (const [flag, fields] of Object.entries(flagFields)) {
    const changed = withFlags(presets.full, { [flag]: "another" });
    assertEquals(differing(presets.full, changed).sort(), [...fields].sort(), flag);
  }
  assertEquals(table.hidden.default, "500,500");
  assertEquals(table.epochs.default, "20");
  assertEquals(table.validation.default, '""');
  assertEquals(table.backend.choices, ["simd", "tfjs"]);
  assertEquals(recipeFlags(presets.quick).epochs.default, "3");
  const apart = recipeOf({ stack: { k: 2 } });
  assertEquals(recipeFlags(apart).k.default, "2 and 1"); // of the stack, of the top RBM
});
