/**
 * Stops a classifier's training when the held-out error falls no more, and keeps the best parameters.
 * Prechelt (1998), "Early stopping: but when?"
 * @module
 */
import type { Classifier } from "../../src/model/dbn.ts";
import type { Tensor } from "../../src/format/safetensors.ts";
import type { ClassifierTrainer } from "./classifier_trainer.ts";
import { fromTensors, tensors } from "./simd/classifier_trainer.ts";
import type { Batch } from "../data/examples.ts";
import type { Metrics, Position } from "./trainer.ts";

/** A trainer that ends after `patience` epochs without a lower `val_error_percent`. */
export class EarlyStopping implements ClassifierTrainer {
  readonly epochs: number;
  readonly #inner: ClassifierTrainer;
  readonly #patience: number;
  #best: { error: number; parameters: Classifier } | undefined;
  #waited = 0;

  constructor(inner: ClassifierTrainer, patience: number) {
    this.epochs = inner.epochs;
    this.#inner = inner;
    this.#patience = patience;
  }

  get finished(): boolean {
    return this.#waited >= this.#patience;
  }

  step(batch: Batch, position: Position): Metrics {
    return this.#inner.step(batch, position);
  }

  afterEpoch(metrics: Metrics): void {
    const error = Math.fround(metrics.val_error_percent); // as a checkpoint holds it
    if (this.#best !== undefined && error >= this.#best.error) {
      this.#waited++;
      return;
    }
    this.#waited = 0;
    this.#best = { error, parameters: this.#inner.parameters() };
  }

  /** Those of the best epoch so far. */
  parameters(): Classifier {
    return this.#best?.parameters ?? this.#inner.parameters();
  }

  scores(inputs: Float32Array): Float32Array {
    return this.#inner.scores(inputs);
  }

  state(): Map<string, Tensor> {
    const state = this.#inner.state();
    if (!this.#best) return state;
    const { error, parameters } = this.#best;
    for (const [name, tensor] of tensors("best", parameters)) state.set(name, tensor);
    return state.set("early_stopping", {
      shape: [2],
      data: Float32Array.of(error, this.#waited),
    });
  }

  load(state: ReadonlyMap<string, Tensor>): void {
    this.#inner.load(state);
    const kept = state.get("early_stopping");
    if (!kept) return;
    const [error, waited] = kept.data;
    this.#waited = waited;
    this.#best = { error, parameters: fromTensors("best", state, this.#inner.parameters()) };
  }

  dispose(): void {
    this.#inner.dispose();
  }
}
