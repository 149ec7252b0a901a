/**
 * What other libraries say of their own models, beside what ours says after import. `tests/judges/imports.py`
 * makes the files and `cases.jsonl`.
 * @module
 */
import { softplus } from "../../../src/math/activations.ts";
import { classifierProbabilities, type HiddenActivation } from "../../../src/model/dbn.ts";
import { freeEnergy, hiddenGivenVisible } from "../../../src/model/rbm.ts";
import { type ClassifierSource, importClassifier } from "../../../train/imports/classifier.ts";
import { importRbm } from "../../../train/imports/rbm.ts";

// N images, V pixels, H hidden units, L labels

/** A model, and what its own library says of images. */
export interface Case {
  file: string;
  from: ClassifierSource | "scikit-learn";
  activation: HiddenActivation;
  layers?: string[];
  mean?: number;
  std?: number;
  inputs: number[][]; // (N, V)
  probabilities: number[][]; // (N, L)
  hidden: number[][]; // (N, H)
  freeEnergies: number[]; // (N)
  /** Pseudo-log-likelihoods by one flipped pixel an image, (N), and which pixels. */
  scores: number[];
  flipped: number[];
}

/** The largest difference of one kind of number. */
export interface Difference {
  what: string;
  /** Of numbers above 1, relative. */
  largest: number;
}

/** The cases of a directory, a line each. */
export async function readCases(directory: string): Promise<Case[]> {
  const text = await Deno.readTextFile(`${directory}/cases.jsonl`);
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

/** Imports a case's file, and compares what ours says. */
export async function compareCase(directory: string, known: Case): Promise<Difference[]> {
  const { file, from } = known, bytes = await Deno.readFile(`${directory}/${file}`);
  const inputs = Float32Array.from(known.inputs.flat());
  if (from !== "scikit-learn") {
    const classifier = await importClassifier(bytes, { ...known, from });
    const ours = classifierProbabilities(classifier, inputs);
    return [{ what: "probabilities", largest: difference(ours, known.probabilities.flat()) }];
  }
  const rbm = await importRbm(bytes, { file }), energies = freeEnergy(rbm, inputs);
  const { visibleSize } = rbm, flipped = inputs.slice();
  known.flipped.forEach((pixel, i) =>
    flipped[i * visibleSize + pixel] = 1 - flipped[i * visibleSize + pixel]
  );
  const others = freeEnergy(rbm, flipped);
  const scores = energies.map((energy, i) => -visibleSize * softplus(energy - others[i]));
  return [
    {
      what: "transform",
      largest: difference(hiddenGivenVisible(rbm, inputs), known.hidden.flat()),
    },
    { what: "free energies", largest: difference(energies, known.freeEnergies) },
    { what: "score_samples", largest: difference(scores, known.scores) },
  ];
}

function difference(ours: ArrayLike<number>, theirs: readonly number[]): number {
  if (ours.length !== theirs.length) {
    throw new RangeError(`${ours.length} numbers, ${theirs.length}`);
  }
  return theirs.reduce(
    (largest, their, i) =>
      Math.max(largest, Math.abs(ours[i] - their) / Math.max(1, Math.abs(their))),
    0,
  );
}
