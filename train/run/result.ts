/**
 * What a run came to, beside its log: result.json in the run's directory.
 * @module
 */
import { join } from "@std/path";
import { writeWhole } from "../../src/repository/write_file.ts";
import type { EpochRecord } from "./checkpoint.ts";
import type { ErrorRate } from "../measure/evaluation.ts";
import type { TrainingWarning } from "../measure/health.ts";
import type { Recipe } from "../recipes/recipe.ts";

/** A finished run. */
export interface Result {
  recipe: Recipe;
  dataset: string;
  /** Seconds of all epochs. */
  seconds: number;
  /** Signs that training went wrong; left out where there are none. */
  warnings?: TrainingWarning[];
  /** Errors on test images; none of a stack alone. */
  test?: { images: number; classifier: ErrorRate; joint?: ErrorRate; greedy?: ErrorRate };
}

/** Writes a run's result.json. */
export async function writeResult(
  directory: string,
  { history, ...result }: Omit<Result, "seconds"> & { history: EpochRecord[] },
): Promise<void> {
  const seconds = history.reduce((sum, record) => sum + record.seconds, 0);
  const content = { ...result, seconds: Math.round(seconds) } satisfies Result;
  await writeWhole(join(directory, "result.json"), `${JSON.stringify(content, null, 2)}\n`);
}
