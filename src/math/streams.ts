/**
 * Every stream of random numbers, in one registry.
 *
 * A random number is a function of (seed, chain, step, layer, unit); the `layer` word says what it is drawn
 * for. Two places that draw must differ in one of the five, and streams are how purposes differ. Whoever
 * needs a new one adds a row here; tests/math/streams_test.ts checks that no two rows overlap.
 * @module
 */

/** A range of `layer` words: `first` … `first + count − 1`. */
export interface StreamRange {
  first: number;
  count: number;
}

/** The most layers that a stack may have. */
const MAX_LAYERS = 16;

/** The most stages of a run: the RBMs of a stack, the top RBM, the classifier and up-down. */
export const MAX_STAGES = 64;

/** Streams that do not depend on a stage of training. */
export const streams = {
  /** Where a served Gibbs chain starts. */
  start: { first: 1, count: 1 },
  /** h ~ p(h|v, y), v ~ p(v|h) and y ~ p(y|h) of a served Gibbs chain; the step is the Gibbs step. */
  hidden: { first: 2, count: 1 },
  visible: { first: 3, count: 1 },
  label: { first: 4, count: 1 },
  /** The order of an epoch's cases; the step is 65,536 · stage + epoch. */
  shuffle: { first: 16, count: 1 },
  /** Inputs as binary samples; the chain is the case, the step which sample of it. */
  binarize: { first: 17, count: 1 },
  /** Distortions of a case, and its elastic field; the step is the epoch. */
  augment: { first: 18, count: 1 },
  augmentField: { first: 19, count: 1 },
  /** The base distribution's samples in annealed importance sampling. */
  annealingStart: { first: 20, count: 1 },
  /** Which unit the pseudo-likelihood flips. */
  pseudoLikelihood: { first: 21, count: 1 },
  /** Hidden units, visible units and labels of annealing's Gibbs steps. */
  annealing: { first: 24, count: 3 },
  /** Recognition samples of a DBN's lower bound, a stream a layer. */
  recognition: { first: 32, count: MAX_LAYERS },
  /** Initial weights of the RBM of a stage. */
  initialWeights: { first: 0x100, count: MAX_STAGES },
  /** Initial weights of a network trained from scratch, a stream a layer. */
  initialNetwork: { first: 0x140, count: MAX_LAYERS + 2 },
} as const satisfies Record<string, StreamRange>;

/** The first stream of stage 0, and how many each stage has. */
const FIRST_STAGE = 0x200, STREAMS_PER_STAGE = 4096;

/** The most Gibbs steps of one update. */
export const MAX_GIBBS_STEPS = 1000;

/** Streams of a Gibbs step of training: hidden units, visible units, labels. */
export const GIBBS_STREAMS_PER_STEP = 3;

/** Streams of a stage that trains an RBM or a DBN; the step is the mini-batch, the chain the row. */
export const rbmStreams = {
  /**
   * Three a Gibbs step: hidden units, visible units, labels. CD's step k begins at 3k. PCD's begins at
   * 3k + 1, because 0 samples its inputs.
   */
  gibbs: { first: 0, count: GIBBS_STREAMS_PER_STEP * MAX_GIBBS_STEPS + 1 },
  /** Up-down: states recognised in the wake phase, generated in the sleep phase; a stream a layer. */
  wake: { first: 3500, count: MAX_LAYERS },
  sleep: { first: 3600, count: MAX_LAYERS },
  /** Swaps of temperatures in parallel tempering. */
  swap: { first: 4092, count: 1 },
  /** Hidden units that dropout leaves out. */
  dropout: { first: 4093, count: 1 },
  /** A reconstruction that is only measured. */
  monitor: { first: 4094, count: 1 },
  /** CD's inputs as binary samples. */
  inputs: { first: 4095, count: 1 },
} as const satisfies Record<string, StreamRange>;

/** Streams of a stage that trains a feed-forward network; the step is the mini-batch, the chain the row. */
export const networkStreams = {
  /** Units that dropout leaves out: of the inputs, then a stream a hidden layer. */
  dropout: { first: 0, count: 64 },
  /** Noise on inputs, then on the sums of each hidden layer. */
  noise: { first: 64, count: 64 },
  /** Both again for the second update by a batch, of adversarial cases. */
  secondDropout: { first: 128, count: 64 },
  secondNoise: { first: 192, count: 64 },
} as const satisfies Record<string, StreamRange>;

/** The `layer` word of the `index`-th stream of a range. @throws {RangeError} if it has fewer. */
export function streamOf({ first, count }: StreamRange, index = 0): number {
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw new RangeError(
      `Cannot draw: a stream's index must be an integer in [0, ${count - 1}], got ${index}`,
    );
  }
  return first + index;
}

/** The `layer` word of a stream of a stage. @throws {RangeError} if there is no such stage or stream. */
export function stageStreamOf(stage: number, range: StreamRange, index = 0): number {
  if (!Number.isInteger(stage) || stage < 0 || stage >= MAX_STAGES) {
    throw new RangeError(
      `Cannot draw: a stage must be an integer in [0, ${MAX_STAGES - 1}], got ${stage}`,
    );
  }
  return FIRST_STAGE + STREAMS_PER_STAGE * stage + streamOf(range, index);
}

/** Every range, as the words of stage 0 and of those without a stage: what the test compares. */
export const allRanges: readonly (StreamRange & { name: string; group: string; within: number })[] =
  [
    ...ranges("streams", streams, FIRST_STAGE),
    ...ranges("rbmStreams", rbmStreams, STREAMS_PER_STAGE),
    ...ranges("networkStreams", networkStreams, STREAMS_PER_STAGE),
  ];

function ranges(group: string, table: Record<string, StreamRange>, within: number) {
  return Object.entries(table).map(([name, range]) => ({ ...range, name, group, within }));
}
