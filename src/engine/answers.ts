/**
 * What an engine tells: of images, and of its threads. Types alone, which clients of a service share.
 * @module
 */

/** What the models say of one image. */
export interface Classification {
  /** The classifier's label. */
  label: number;
  /** The fine-tuned network. */
  classifier: { label: number; probabilities: number[] };
  /** The joint model: label posterior, and free energy F(v, y) of each label in nats. */
  joint: { label: number; probabilities: number[]; freeEnergies: number[] };
}

/** Threads that an engine computes on. */
export interface ThreadStatus {
  /** Threads asked for. */
  wanted: number;
  /** Threads that share the work now; the others start with the first large job. */
  running: number;
  /** Why no more will run, where that is known. */
  reason?: string;
}
