import { assert, assertEquals } from "@std/assert";
import { answerArrays, classify } from "../../../src/engine/classify.ts";
import { createOnnxEngine } from "../../../src/engine/onnx.ts";
import { checkAnswers, PROBE_FILE, readProbe } from "../../../src/format/probe.ts";
import { dtypeOf } from "../../../src/format/weights.ts";
import { loadModel, saveModel } from "../../../src/repository/model_directory.ts";
import { saveImportedVersion } from "../../../train/artifacts/interchange/imported_version.ts";
import { importClassifier } from "../../../train/imports/classifier.ts";
import { largestDifference } from "../../engine/conformance.ts";
import { tinyModel } from "../../model/tiny_model.ts";
import { tinyProbe } from "../../model/tiny_probe.ts";
import { readCases } from "../imports/cases.ts";

const known = new URL("../imports/known", import.meta.url).pathname;

/** Largest differences from PyTorch's probabilities by how weights are stored. */
const tolerances = [["F32", 1e-5], ["F16", 2e-3], ["I8", 0.05]] as const;

for (const [dtype, tolerance] of tolerances) {
  Deno.test(`the ONNX graph of a version imported as ${dtype} gives PyTorch's probabilities`, async () => {
    const file = "torch_relu.safetensors";
    const right = (await readCases(known)).find((one) => one.file === file)!;
    const model = tinyModel({ height: 8, width: 8, hidden: [12], top: 6 });
    const base = await saveModel(await Deno.makeTempDir(), model);
    await Deno.writeFile(new URL(PROBE_FILE, base.url), await tinyProbe(model));
    const bytes = await Deno.readFile(`${known}/${file}`);
    const classifier = await importClassifier(bytes, { from: "pytorch", activation: "relu" });
    const out = `${await Deno.makeTempDir()}/mlp/1`, source = { from: "pytorch", file, sha256: "" };
    await saveImportedVersion(classifier, { base, name: "mlp", out, source, dtype });
    const stored = await loadModel(out), engine = await createOnnxEngine(stored);
    assertEquals(dtypeOf(stored.config), dtype);
    const answers = await engine.classifierProbabilities(Float32Array.from(right.inputs.flat()));
    const difference = largestDifference(answers, Float32Array.from(right.probabilities.flat()));
    assert(difference <= tolerance, `${difference}`);
    const probe = readProbe(await Deno.readFile(`${out}/${PROBE_FILE}`), {
      imageSize: engine.imageSize,
      labelSize: engine.labelSize,
    });
    checkAnswers(probe, answerArrays(await classify(engine, probe.images)));
    engine.dispose();
  });
}
