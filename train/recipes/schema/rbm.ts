/**
 * How one RBM is trained: epochs of contrastive divergence, CD-k (Hinton 2002), then epochs of persistent
 * contrastive divergence, PCD (Tieleman 2008). Defaults after Hinton (2012), "A practical guide to
 * training restricted Boltzmann machines".
 * @module
 */
import { rateSchedules } from "./choices.ts";
import type { Fields, ValuesOf } from "./field.ts";

/** The rows of an RBM. */
export const rbmFields = {
  epochs: {
    type: "integer",
    default: 30,
    bounds: [0, 10_000],
    help: "epochs of CD",
    source: "Hinton (2002), eq. 5",
    flag: { stack: "epochs", topRbm: "top-epochs" },
  },
  k: {
    type: "integer",
    default: 1,
    bounds: [1, 1000],
    help: "Gibbs steps of the negative phase",
    flag: "k",
  },
  learningRate: {
    type: "number",
    default: 0.1,
    bounds: [0, 10],
    help: "learning rate of CD",
    source: "Hinton (2012), §7",
    flag: "learning-rate",
  },
  momentum: {
    type: "number",
    default: 0.5,
    bounds: [0, 0.9999],
    help: "momentum of the first CD epochs, and of PCD",
    source: "Hinton (2012), §9",
    flag: "momentum",
  },
  finalMomentum: {
    type: "number",
    default: 0.9,
    bounds: [0, 0.9999],
    help: "momentum of later CD epochs",
    source: "Hinton (2012), §9",
    flag: "final-momentum",
  },
  momentumSwitchEpoch: {
    type: "integer",
    default: 5,
    bounds: [0, 10_000],
    help: "CD epochs before finalMomentum",
  },
  weightCost: {
    type: "number",
    default: 2e-4,
    bounds: [0, 1],
    help: "L2 penalty on weights, not on biases",
    source: "Hinton (2012), §10",
    flag: "weight-cost",
  },
  persistentEpochs: {
    type: "integer",
    default: 0,
    bounds: [0, 10_000],
    help: "epochs of PCD after those of CD, on binary samples of the input",
    source: "Tieleman (2008)",
    flag: { topRbm: "persistent-epochs" },
  },
  persistentLearningRate: {
    type: "number",
    default: 0.05,
    bounds: [0, 10],
    help: "learning rate of PCD, falling linearly to 0",
    flag: "persistent-learning-rate",
  },
  reconstruction: {
    type: "choice",
    default: "mean",
    choices: ["sample", "mean"],
    help: "what ends a step of CD: a binary sample of the visible units, or their mean",
    flag: "reconstruction",
  },
  // Where the first RBM learns from samples, those above learn from the hidden probabilities of such
  // samples, drawn anew in each epoch.
  inputs: {
    type: "choice",
    default: "value",
    choices: ["sample", "value"],
    help: "what CD learns from: a binary sample of grey inputs, new in each batch, or their value",
    flag: "inputs",
  },
  schedule: {
    type: "choice",
    default: "constant",
    choices: rateSchedules,
    help: "learning rate of CD over its epochs",
    tfjs: "constant",
  },
  kSchedule: {
    type: "list",
    default: [],
    entries: {
      type: "group",
      fields: {
        epoch: { type: "integer", bounds: [0, 10_000] },
        k: { type: "integer", bounds: [1, 1000] },
      },
    },
    help: "from which epoch on CD has how many Gibbs steps, instead of k",
    tfjs: [],
  },
  l1: {
    type: "number",
    default: 0,
    bounds: [0, 1],
    help: "L1 penalty on weights",
    source: "Hinton (2012), §10",
    tfjs: 0,
  },
  dropout: {
    type: "number",
    default: 0,
    bounds: [0, 0.95],
    help: "share of hidden units left out of a case",
    source: "Srivastava et al. (2014), §8",
    tfjs: 0,
  },
  sparsityCost: {
    type: "number",
    default: 0,
    bounds: [0, 10],
    help: "pull of each hidden unit's running mean to sparsityTarget; 0 for none",
    source: "Hinton (2012), §11",
    tfjs: 0,
  },
  sparsityTarget: {
    type: "number",
    default: 0.1,
    bounds: [0, 1],
    help: "mean that sparsityCost pulls hidden units to",
    source: "Hinton (2012), §11",
  },
  centring: {
    type: "number",
    default: 0,
    bounds: [0, 1],
    help: "sliding factor of the centred gradient's offsets; 0 for the plain gradient",
    source: "Melchior, Fischer, Wiskott (2016)",
    tfjs: 0,
  },
  fastLearningRate: {
    type: "number",
    default: 0,
    bounds: [0, 10],
    help: "learning rate of fast weights in PCD; 0 for none",
    source: "Tieleman, Hinton (2009)",
    tfjs: 0,
  },
  fastDecay: {
    type: "number",
    default: 0.95,
    bounds: [0, 1],
    help: "share of fast weights that each update keeps",
    source: "Tieleman, Hinton (2009)",
  },
  temperatures: {
    type: "integer",
    default: 1,
    bounds: [1, 100],
    help: "replicas of each persistent chain, at inverse temperatures from 1 to lowestBeta",
    source: "Desjardins et al. (2010)",
    tfjs: 1,
  },
  lowestBeta: {
    type: "number",
    default: 0.9,
    bounds: [0, 0.999], // at 1 a replica would count as a chain of its own
    help: "inverse temperature of the hottest replica",
    source: "Desjardins et al. (2010)",
  },
  chains: {
    type: "integer",
    default: 0,
    bounds: [0, 10_000],
    help: "persistent chains; 0 for as many as a batch has cases",
    source: "Tieleman (2008)",
    tfjs: 0,
  },
  visible: {
    type: "choice",
    default: "bernoulli",
    choices: ["bernoulli", "gaussian"],
    help: "units of the image layer; gaussian ones have variance 1",
    source: "Hinton (2012), §13.2",
    tfjs: "bernoulli",
  },
  // With transposed weights the two RBMs are the same distribution of the units between them at first, and
  // what the upper one learns tightens the DBN's lower bound. Units past those of the image start at random.
  initializer: {
    type: "choice",
    default: "normal",
    choices: ["normal", "transposed"],
    help: "first weights: small and random, or the transpose of those of the RBM below",
    source: "Hinton, Osindero, Teh (2006), §4",
  },
} as const satisfies Fields;

/** How one RBM is trained; docs/recipes.md describes each field. */
export interface RbmRecipe extends ValuesOf<typeof rbmFields> {}
