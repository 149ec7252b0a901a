/**
 * Takes the RBMs of another run, and its classifier where that is the same too, so that recipes that
 * differ in later stages alone share the earlier ones.
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { join } from "@std/path";
import { FlagError } from "../../src/cli/flags.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";
import { type RbmRecipe, type Recipe, stackRecipe } from "../recipes/recipe.ts";

/** Fields that change no RBM, or that are compared an RBM at a time; any other decides what all of them learn. */
const NOT_SHARED: ReadonlySet<string> = new Set<keyof Recipe>([
  ...["name", "hidden", "top", "validation", "stack", "upperStack", "topRbm"] as const,
  ...["upDown", "fineTuning"] as const,
]);

/** An RBM of a run, by the name of its stage. */
interface RbmStage {
  name: string;
  units: number;
  recipe: RbmRecipe;
}

/**
 * Where a run of `recipe` would be after the first stages that another run has trained as it would: as many
 * of its RBMs as are the same, and its classifier if all of them are and it is too.
 * @throws {FlagError} naming what differs in the first RBM, or where that run is.
 */
export async function pretrainedCheckpoint(run: string, recipe: Recipe): Promise<Checkpoint> {
  const checkpoint = await readCheckpoint(join(run, "checkpoint.safetensors"));
  const { recipe: theirs, progress, tensors, dataset, file } = checkpoint;
  const differs = (what: string, ours: unknown, other: unknown) =>
    new FlagError(
      `--pretrained ${run}: ${what} must be ${JSON.stringify(ours)}, got ${JSON.stringify(other)}`,
    );
  if (checkpoint.imported !== undefined) return importedRbm(run, checkpoint, recipe);
  for (const [field, value] of Object.entries(recipe)) {
    const other = theirs[field as keyof Recipe];
    if (!NOT_SHARED.has(field) && value !== other) throw differs(field, value, other);
  }
  if (!recipe.pretraining) throw new FlagError(`--pretrained ${run}: it trains no RBM`);
  const wanted = rbmStages(recipe);
  const had = rbmStages(theirs);
  let same = 0;
  while (same < wanted.length && isDeepStrictEqual(wanted[same], had[same])) same++;
  if (same === 0) throw differs("its first RBM", wanted[0], had[0]);
  const rbms = Math.min(same, progress.stage);
  if (rbms === 0) throw new FlagError(`--pretrained ${run}: it has finished no RBM`);
  const stopsAlike = recipe.fineTuning.patience === 0 || recipe.validation === theirs.validation;
  const hasClassifier = rbms === wanted.length && rbms === had.length && recipe.top > 0 &&
    progress.stage > rbms && stopsAlike && isDeepStrictEqual(recipe.fineTuning, theirs.fineTuning);
  const stages = hasClassifier ? rbms + 1 : rbms;
  const names = new Set(wanted.slice(0, rbms).map(({ name }) => name));
  if (hasClassifier) names.add("classifier");
  const isKept = (name: string) => Number(/^stage(\d+)\./.exec(name)?.[1] ?? stages) < stages;
  return {
    recipe,
    progress: {
      stage: stages,
      step: 0,
      sums: {},
      seconds: 0,
      history: progress.history.filter(({ stage }) => names.has(stage)),
    },
    tensors: new Map([...tensors].filter(([name]) => isKept(name))),
    dataset,
    file,
  };
}

/**
 * Where a run of `recipe` would be after its first RBM, were it the one that another program has trained.
 * @throws {FlagError} naming what of the recipe does not fit it.
 */
function importedRbm(run: string, { tensors, imported, file }: Checkpoint, recipe: Recipe) {
  const fails = (what: string, got: unknown) =>
    new FlagError(`--pretrained ${run}: ${what}, got ${JSON.stringify(got)}`);
  if (!recipe.pretraining) throw new FlagError(`--pretrained ${run}: it trains no RBM`);
  const [, units] = tensors.get("stage0.weights")?.shape ?? [];
  if (recipe.hidden[0] !== units) {
    throw fails(`its RBM has ${units} hidden units, so hidden must begin with that`, recipe.hidden);
  }
  if (recipe.stack.visible !== "bernoulli") {
    throw fails(
      "its RBM has binary units, so stack.visible must be bernoulli",
      recipe.stack.visible,
    );
  }
  const isFirst = (name: string) => name.startsWith("stage0.");
  return {
    recipe,
    progress: { stage: 1, step: 0, sums: {}, seconds: 0, history: [] },
    tensors: new Map([...tensors].filter(([name]) => isFirst(name))),
    imported,
    file,
  };
}

/** @throws {FlagError} if a run's first RBM, trained or imported, takes other images than there are. */
export function checkImages({ recipe, tensors, file }: Checkpoint, imageSize: number): void {
  const weights = recipe.hidden.length > 0 ? tensors.get("stage0.weights") : undefined;
  if (weights === undefined || weights.shape[0] === imageSize) return;
  throw new FlagError(
    `${file}: the first RBM has ${
      weights.shape[0]
    } visible units, got images of ${imageSize} pixels`,
  );
}

function rbmStages(recipe: Recipe): RbmStage[] {
  const { hidden, top, topRbm } = recipe;
  const stack = hidden.map((units, i) => ({
    name: `rbm${i + 1}`,
    units,
    recipe: stackRecipe(recipe, i),
  }));
  return top > 0 ? [...stack, { name: "top", units: top, recipe: topRbm }] : stack;
}
