/**
 * Imports what PyTorch, Keras and scikit-learn have just trained, and compares what ours says of images with
 * what they say; then imports a classifier over the released model and asks the version that comes out.
 *
 *     deno run -A tests/judges/imports.ts DIRECTORY    after tests/judges/imports.py DIRECTORY
 * @module
 */
import { createSimdEngine } from "../../src/engine/simd/simd.ts";
import { loadModel, releasedModel } from "../../src/repository/model_directory.ts";
import { command } from "../../train/cli/interchange/import.ts";
import { largestDifference } from "../engine/conformance.ts";
import { compareCase, readCases } from "../train/imports/cases.ts";

const TOLERANCE = 1e-5;
const LARGE = "torch_28x28.safetensors";

const [directory] = Deno.args;
let passed = 0, failed = 0;

function check(what: string, largest: number): void {
  const ok = largest <= TOLERANCE;
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? "ok    " : "FAILED"} ${what} ${largest.toExponential(1)}`);
}

const cases = await readCases(directory);
for (const known of cases) {
  for (const { what, largest } of await compareCase(directory, known)) {
    check(`${known.from} ${known.file}: ${what}`, largest);
  }
}

const large = cases.find(({ file }) => file === LARGE)!, { mean, std, activation } = large;
const out = `${directory}/version/1`;
await command.run({
  ...{ file: `${directory}/${LARGE}`, from: "pytorch", activation, mean, std, out },
  base: releasedModel,
});
const model = await loadModel(out), engine = createSimdEngine(model);
const answers = await engine.classifierProbabilities(Float32Array.from(large.inputs.flat()));
check(
  `version over ${releasedModel}: probabilities of simd`,
  largestDifference(answers, Float32Array.from(large.probabilities.flat())),
);
engine.dispose();
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed > 0 ? 1 : 0);
