/**
 * What a trainer of the feed-forward classifier is, whatever it runs on.
 * @module
 */
import type { Classifier } from "../../src/model/dbn.ts";
import type { FineTuningRecipe } from "../recipes/recipe.ts";
import type { Trainer } from "./trainer.ts";

// B batch, I inputs, L labels

/** Settings of a {@linkcode ClassifierTrainer}. */
export interface ClassifierTrainerOptions {
  recipe: FineTuningRecipe;
  seed: number;
  stage: number;
  /** Rows of the largest batch. */
  batchSize: number;
}

/** A trainer whose result is a classifier. */
export interface ClassifierTrainer extends Trainer {
  /** The network learnt so far. */
  parameters(): Classifier;
  /** Scores before the softmax, (B, L), of inputs (B, I), without dropout. */
  scores(inputs: Float32Array): Float32Array;
}
