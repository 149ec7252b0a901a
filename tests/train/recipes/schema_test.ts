import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { checkRecipe, checkTfjs, groupProblem } from "../../../train/recipes/check.ts";
import { completeRecipe, recipeOf } from "../../../train/recipes/complete.ts";
import { changesText } from "../../../train/recipes/describe.ts";
import { presets } from "../../../train/recipes/presets.ts";
import type { Recipe } from "../../../train/recipes/recipe.ts";
import { brokenRule, rules } from "../../../train/recipes/rules.ts";
import type { Domain, Field, Fields } from "../../../train/recipes/schema/field.ts";
import { fineTuningFields } from "../../../train/recipes/schema/fine_tuning.ts";
import { rbmFields } from "../../../train/recipes/schema/rbm.ts";
import { recipeFields } from "../../../train/recipes/schema/recipe.ts";

/** Values that a domain allows. */
function allowed(domain: Domain): fc.Arbitrary<unknown> {
  switch (domain.type) {
    case "integer":
      return fc.integer({ min: domain.bounds[0], max: domain.bounds[1] });
    case "number": {
      const [min, max] = domain.bounds;
      return fc.oneof(fc.double({ min, max, noNaN: true }), fc.constantFrom(min, max));
    }
    case "choice":
      return fc.constantFrom(...domain.choices);
    case "boolean":
      return fc.boolean();
    case "string":
      return domain.form ? fc.stringMatching(domain.form.pattern) : fc.string();
    case "list": {
      const [minLength, maxLength] = domain.length ?? [0, 5];
      return fc.array(allowed(domain.entries), { minLength, maxLength });
    }
    case "group": {
      const parts = Object.entries(domain.fields).map(([name, field]) => [name, allowed(field)]);
      const options = domain.partial ? { requiredKeys: [] } : undefined;
      return fc.record(Object.fromEntries(parts), options as undefined);
    }
  }
}

/** Values that a field does not allow, each with the bound that the message must name. */
function refused(domain: Domain): [value: unknown, bound: string][] {
  switch (domain.type) {
    case "integer":
    case "number": {
      const [lowest, highest] = domain.bounds;
      const bound = `${
        domain.type === "integer" ? "an integer" : "a number"
      } in [${lowest}, ${highest}]`;
      const below = lowest - Math.max(1e-6, Math.abs(lowest) * 1e-6);
      const above = highest + Math.max(1, highest * 1e-6);
      const values = [below, above, NaN, Infinity, -Infinity, "1", null, undefined, [lowest]];
      if (domain.type === "integer") values.push(lowest + 0.5);
      return values.map((value) => [value, bound]);
    }
    case "choice": {
      const bound = `one of ${domain.choices.join(", ")}`;
      return ["", `${domain.choices[0]}x`, 0, null, undefined].map((value) => [value, bound]);
    }
    case "boolean":
      return [0, 1, "true", null, undefined].map((value) => [value, "true or false"]);
    case "string":
      return [0, null, undefined, ...domain.form ? ["", "a b"] : []]
        .map((value) => [value, domain.form?.bound ?? "text"]);
    case "list":
      return [null, 5, {}, "x"].map((value) => [value, "a list"]);
    case "group":
      return [null, 5, [], "x"].map((value) => [value, "an object"]);
  }
}

/** Every field with the names that lead to it. */
function* everyField(fields: Fields, path: string[] = []): Generator<[string[], Field]> {
  for (const [name, field] of Object.entries(fields)) {
    yield [[...path, name], field];
    if (field.type === "group") yield* everyField(field.fields, [...path, name]);
  }
}

function show(value: unknown): string {
  return typeof value === "number" ? String(value) : JSON.stringify(value) ?? String(value);
}

/** Sets one field, by its path. */
function setValue(recipe: Recipe, path: string[], value: unknown): void {
  const group = path.slice(0, -1).reduce<Record<string, unknown>>(
    (inner, name) => inner[name] as Record<string, unknown>,
    recipe as unknown as Record<string, unknown>,
  );
  group[path.at(-1)!] = value;
}

/** The quick recipe with one field set. */
function withValue(path: string[], value: unknown): Recipe {
  const recipe = structuredClone(presets.quick);
  setValue(recipe, path, value);
  return recipe;
}

Deno.test("any recipe within the schema's bounds passes the checks of its fields", () => {
  fc.assert(fc.property(allowed({ type: "group", fields: recipeFields }), (recipe) => {
    assertEquals(groupProblem(recipeFields, recipe), undefined);
  }));
});

Deno.test("any value outside of its bounds fails, naming field, bound and value", () => {
  let count = 0;
  for (const [path, field] of everyField(recipeFields)) {
    for (const [value, bound] of refused(field)) {
      if (path[0] === "upperStack" && path.length > 1 && value === undefined) continue; // left out
      const recipe = withValue(path, value);
      const { message } = assertThrows(() => checkRecipe(recipe), RangeError);
      assertEquals(message, `Cannot train: ${path.join(".")} must be ${bound}, got ${show(value)}`);
      count++;
    }
  }
  assert(count > 500, `${count}`);
});

Deno.test("a number is refused at any distance from its bounds", () => {
  for (const [path, field] of everyField(recipeFields)) {
    if (field.type !== "number") continue;
    const [lowest, highest] = field.bounds;
    const outside = fc.double({ noNaN: true }).filter((x) => x < lowest || x > highest);
    fc.assert(
      fc.property(outside, (value) => {
        const { message } = assertThrows(() => checkRecipe(withValue(path, value)), RangeError);
        assert(
          message.includes(
            `${path.join(".")} must be a number in [${lowest}, ${highest}], got ${value}`,
          ),
        );
      }),
      { numRuns: 20 },
    );
  }
});

Deno.test("entries of lists are checked, and named by their index", () => {
  const list = (value: unknown) => () => checkRecipe(withValue(["stack", "kSchedule"], value));
  const names = "stack.kSchedule[1]";
  const first = { epoch: 0, k: 1 };
  const fails = (entry: unknown, message: string) =>
    assertThrows(list([first, entry]), RangeError, message);
  list([first, first])();
  fails({ epoch: 0, k: 1001 }, `${names}.k must be an integer in [1, 1000], got 1001`);
  fails({ epoch: 0.5, k: 1 }, `${names}.epoch must be an integer in [0, 10000], got 0.5`);
  fails({ epoch: 0 }, `${names}.k must be an integer in [1, 1000], got undefined`);
  fails({ ...first, kk: 1 }, `there is no field ${names}.kk; did you mean ${names}.k?`);
});

Deno.test("a field that no recipe has is refused, with the nearest one", () => {
  const recipe = withValue(["fineTuning", "learningrate"], 1);
  const message =
    "there is no field fineTuning.learningrate; did you mean fineTuning.learningRate?";
  assertThrows(() => checkRecipe(recipe), RangeError, message);
});

Deno.test("every default is within its own bounds, and is what tfjs takes where it takes one value", () => {
  for (const [path, field] of everyField(recipeFields)) {
    if (field.type === "group") continue;
    const only: Fields = { field };
    assertEquals(groupProblem(only, { field: field.default }), undefined, path.join("."));
    assert(field.help.length > 0 && !field.help.includes("\n"), path.join("."));
    if (field.tfjs !== undefined) assertEquals(field.default, field.tfjs, path.join("."));
  }
});

Deno.test("tfjs refuses any other value of such a field, naming field and value", () => {
  const tfjs = (recipe: Recipe): Recipe => ({ ...recipe, backend: "tfjs" });
  checkRecipe(tfjs(presets.quick));
  let count = 0;
  for (const [path, field] of everyField(recipeFields)) {
    if (field.type === "group" || field.tfjs === undefined) continue;
    const others = fc.sample(allowed(field), { numRuns: 20, seed: 1 })
      .filter((value) => show(value) !== show(field.tfjs));
    for (const value of others) {
      const recipe = withValue(path, value);
      if (brokenRule(recipe) !== undefined) continue; // which says something else first
      const given = typeof value === "string" ? value : show(value);
      const message = `${path.join(".")} ${given} needs the backend simd`;
      checkRecipe(recipe);
      assertThrows(() => checkRecipe(tfjs(recipe)), RangeError, message);
      count++;
    }
  }
  assert(count > 100, `${count}`);
  checkTfjs(rbmFields, presets.quick.stack);
  checkTfjs(fineTuningFields, presets.quick.fineTuning);
});

/** Changes of the quick recipe that break each rule, in the order of the rules. */
const breaking: [path: string, value: unknown][][] = [
  [["fineTuning.adversarialEpsilon", 1.5]],
  [["fineTuning.noise", 0.1]],
  [["fineTuning.batchNormalization", true], ["fineTuning.batchSize", 1]],
  [["upDown.epochs", 1], ["upDown.recognition", "classifier"], ["fineTuning.activation", "relu"]],
  [
    ["upDown.epochs", 1],
    ["upDown.recognition", "classifier"],
    ["fineTuning.batchNormalization", true],
  ],
  [["topRbm.visible", "gaussian"]],
  [["stack.initializer", "transposed"]],
  [["stack.visible", "gaussian"], ["upperStack.initializer", "transposed"], ["top", 0]],
  [["stack.visible", "gaussian"]],
  [["stack.visible", "gaussian"], ["top", 0], ["stack.k", 2]],
  [["pretraining", false]],
  [["pretraining", false], ["fineTuning.initializer", "normal"], ["top", 0]],
  [["fineTuning.optimizer", "conjugate_gradient"], ["fineTuning.inputNoise", 0.1]],
  [["fineTuning.patience", 1], ["validation", ""]],
];

Deno.test("each rule is broken by a recipe of its own, and by none that is released", () => {
  assertEquals(breaking.length, rules.length);
  breaking.forEach((changes, i) => {
    const recipe = structuredClone(presets.quick);
    for (const [path, value] of changes) {
      setValue(recipe, path.split("."), value);
    }
    const broken = rules.filter((rule) => rule.broken(recipe) !== undefined);
    assertEquals(broken.map(({ rule }) => rule), [rules[i].rule]);
    assertThrows(() => checkRecipe(recipe), RangeError, rules[i].broken(recipe));
  });
  for (const recipe of Object.values(presets)) assertEquals(brokenRule(recipe), undefined);
});

Deno.test("a recipe of an earlier version has today's names, and defaults for what it lacks", () => {
  const { balanced: _, pretraining: __, upperStack: ___, ...rest } = presets.full;
  const { adversarialEpsilon, batchSize: ____, ...fineTuning } = rest.fineTuning;
  const earlier = {
    ...rest,
    batchSize: 50,
    stack: { epochs: 7 },
    upDown: { epochs: 1, batchSize: 20 },
    fineTuning: { ...fineTuning, adversarialReach: adversarialEpsilon + 0.25 },
  };
  assertEquals(
    completeRecipe(earlier),
    recipeOf({
      ...presets.full,
      batchSize: 50,
      stack: { epochs: 7 },
      upDown: { epochs: 1, batchSize: 20 },
      fineTuning: { ...presets.full.fineTuning, batchSize: 50, adversarialEpsilon: 0.25 },
    }),
  );
  assertEquals(completeRecipe(presets.full), presets.full);
});

Deno.test("a recipe of another version is refused where a field is not known, or its value not allowed", () => {
  const later = { ...presets.quick, stack: { ...presets.quick.stack, l3: 1 } };
  assertThrows(
    () => completeRecipe(later),
    RangeError,
    "there is no field stack.l3; did you mean stack.l1?",
  );
  const empty = { ...presets.quick, stack: { k: null } };
  const bound = "stack.k must be an integer in [1, 1000], got null";
  assertThrows(() => completeRecipe(empty, "runs/a"), RangeError, `recipe of runs/a: ${bound}`);
  const wrong = { ...presets.quick, top: -1 };
  assertThrows(
    () => completeRecipe(wrong),
    RangeError,
    "top must be an integer in [0, 65536], got -1",
  );
});

Deno.test("every released model's recipe and result is one of today's", async () => {
  const models = new URL("../../../models/", import.meta.url);
  const recipes: unknown[] = [];
  for await (const { name } of Deno.readDir(new URL("results/", models))) {
    if (name === "optimizers") continue; // compares trainers, not recipes
    const text = await Deno.readTextFile(new URL(`results/${name}/result.json`, models));
    recipes.push(JSON.parse(text).recipe);
  }
  const config = await Deno.readTextFile(new URL("mnist-dbn/2/config.json", models));
  recipes.push(JSON.parse(config).training.recipe);
  assertEquals(recipes.length, 7);
  for (const recipe of recipes) checkRecipe(completeRecipe(recipe as object));
});

Deno.test("presets do not share lists or groups, so that none can change another", () => {
  assert(presets.plain.stack.kSchedule !== presets.full.stack.kSchedule);
  assert(presets.plain.hidden !== recipeFields.hidden.default as unknown);
});

Deno.test("what a group changes is told but for what has been told", () => {
  const rbm = { ...presets.plain.topRbm, chains: 500, visible: "gaussian" } as const;
  assertEquals(
    changesText(rbmFields, rbm, []),
    "epochs 15, persistentEpochs 30, chains 500, visible gaussian",
  );
  assertEquals(
    changesText(rbmFields, rbm, ["epochs", "persistentEpochs"]),
    "chains 500, visible gaussian",
  );
});
