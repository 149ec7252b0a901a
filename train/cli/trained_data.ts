/**
 * The data that a model or run was trained on: what measures it takes no other by accident.
 * @module
 */
import { FlagError, type FlagTable, type FlagValues } from "../../src/cli/flags.ts";
import type { DatasetBuilder } from "../../src/data/builder.ts";
import type { ModelConfig } from "../../src/format/config.ts";
import { sha256, type StoredModel } from "../../src/repository/model_directory.ts";
import type { Examples } from "../data/examples.ts";
import type { Evaluation } from "../measure/evaluation.ts";
import { completeRecipe } from "../recipes/complete.ts";
import { BUILT_IN, dataFlags, openDataset } from "./data_flags.ts";

/** Flags of commands that measure a model: without any, on the data that it was trained on. */
export const trainedDataFlags: FlagTable = {
  dataset: { ...dataFlags.dataset, default: "the model's" },
  data: dataFlags.data,
  "other-data": {
    kind: "boolean",
    group: "Data",
    help: "allow data that the model was not trained on",
  },
};

/** What a model or run says of the data that it was trained on. */
export interface TrainedOn {
  /** The model or run, for messages. */
  name: string;
  /** Name of the data set; none is known of a model made elsewhere. */
  dataset?: string;
  /** SHA-256 of the test images and labels, where the data set is not built in. */
  testSha256?: string;
}

/** What a model's config says of its data. */
export function trainedOn({ name, version, training }: ModelConfig): TrainedOn {
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  return {
    name: `${name} version ${version}`,
    dataset: text(training?.dataset),
    testSha256: text(training?.testSha256),
  };
}

/** What a run's checkpoint says of its data, such as `mnist (300 images, labels 1a2b3c4d)`. */
export function runTrainedOn(directory: string, dataset: string | undefined): TrainedOn {
  return { name: `run ${directory}`, dataset: dataset?.split(" (")[0] };
}

/**
 * The data set that a model was trained on.
 * @throws {FlagError} if it is not built in and no flag says where it lies, or if the flags name another one.
 */
export async function openTrainedDataset(
  flags: FlagValues,
  trained: TrainedOn,
): Promise<DatasetBuilder> {
  const { name, dataset = BUILT_IN } = trained;
  const isBuiltIn = dataset === BUILT_IN;
  if (!isBuiltIn && flags.dataset === undefined && flags.data === undefined) {
    throw new FlagError(`${name} was trained on ${dataset}; name its directory with --data DIR`);
  }
  const builder = await openDataset({
    ...flags,
    dataset: flags.dataset ?? (isBuiltIn ? BUILT_IN : "idx"),
  });
  if (!flags["other-data"]) await checkTrainedOn(builder, trained);
  return builder;
}

/** @throws {FlagError} naming both, if the data set is not the one that a model or run was trained on. */
export async function checkTrainedOn(
  builder: DatasetBuilder,
  { name, dataset, testSha256 }: TrainedOn,
): Promise<void> {
  if (dataset === undefined || await isSame(builder, dataset, testSha256)) return;
  throw new FlagError(
    `${name} was trained on ${dataset}, got ${builder.info.name}; add --other-data to allow that`,
  );
}

async function isSame(builder: DatasetBuilder, dataset: string, hash?: string): Promise<boolean> {
  const { name } = builder.info;
  if (name === BUILT_IN || dataset === BUILT_IN) return name === dataset;
  if (hash !== undefined) return hash === await testHash(builder);
  return name === dataset || dataset === "idx"; // all that earlier models tell
}

/** SHA-256 of the test images and labels: the identity of a data set that is not built in. */
export async function testHash(builder: DatasetBuilder): Promise<string | undefined> {
  if (builder.info.name === BUILT_IN) return undefined;
  const { images, labels } = await builder.load({ split: "test" });
  const bytes = new Uint8Array(images.length + labels.length);
  bytes.set(images);
  bytes.set(labels, images.length);
  return await sha256(bytes);
}

/** Whether two descriptions of training data, such as `mnist (300 images, labels 1a2b3c4d)`, are of the same. */
export function isSameDescription(a: string, b: string): boolean {
  const [[nameA, restA], [nameB, restB]] = [a, b].map((text) => text.split(/ (.*)/s));
  const named = nameA === BUILT_IN || nameB === BUILT_IN; // other names are those of directories
  return restA === restB && (!named || nameA === nameB);
}

/** A dataset's name, size and labels, which a run must go on with. */
export async function describeData(name: string, { labels }: Examples): Promise<string> {
  return `${name} (${labels.length} images, labels ${(await sha256(labels)).slice(0, 8)})`;
}

/**
 * What a card tells of a model's training, from its config.
 * @throws {FlagError} if the model was not made by `task train`.
 */
export function factsOf({ config: { training, evaluation } }: StoredModel, path: string) {
  if (!training?.recipe || typeof training.dataset !== "string" || !evaluation) {
    throw new FlagError(
      `--model ${path}: config.json must have training.recipe, training.dataset and evaluation, ` +
        `got ${JSON.stringify({ ...training, recipe: training?.recipe && "…", evaluation })}`,
    );
  }
  return {
    recipe: completeRecipe(training.recipe, `${path}/config.json`),
    dataset: training.dataset,
    evaluation: evaluation as unknown as Evaluation,
  };
}
