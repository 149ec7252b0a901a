/**
 * What a trainer of one RBM is, whatever it runs on.
 * @module
 */
import type { LabelRbm, Rbm } from "../../src/model/rbm.ts";
import type { Trainer } from "./trainer.ts";

/** A trainer whose result is an RBM. */
export interface RbmTrainer extends Trainer {
  /** The parameters learnt so far. */
  parameters(): Rbm;
  /** The parameters of an RBM that was made with labels. */
  labelParameters(): LabelRbm;
}
