/**
 * A step of the chosen optimizer for a block of parameters: w with its gradient g and states m and s.
 * @module
 */
import { NetworkShare, NetworkTask, Optimizer } from "../batch";
import { adadelta } from "./adadelta";
import { adagrad } from "./adagrad";
import { adam } from "./adam";
import { momentum, nesterov } from "./momentum";
import { rmsprop } from "./rmsprop";
import { sgd } from "./sgd";

/** Moves the share's block along its gradient; or copies the gradient where that is asked for. */
export function moveBlock(s: NetworkShare): void {
  const b = s.batch;
  if (b.task == NetworkTask.Gradients) {
    memory.copy(s.first, s.gradient, s.bytes);
    return;
  }
  switch (b.optimizer) {
    case Optimizer.Sgd:
      return sgd(s);
    case Optimizer.Momentum:
      return momentum(s);
    case Optimizer.Nesterov:
      return nesterov(s);
    case Optimizer.Adagrad:
      return adagrad(s);
    case Optimizer.Rmsprop:
      return rmsprop(s);
    case Optimizer.Adadelta:
      return adadelta(s);
    default:
      return adam(s);
  }
}
