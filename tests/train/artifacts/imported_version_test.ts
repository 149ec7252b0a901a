import { assert } from "@std/assert";
import { createOnnxEngine } from "../../../src/engine/onnx.ts";
import { PROBE_FILE } from "../../../src/format/probe.ts";
import { saveModel } from "../../../src/repository/model_directory.ts";
import { saveImportedVersion } from "../../../train/artifacts/interchange/imported_version.ts";
import { importClassifier } from "../../../train/imports/classifier.ts";
import { largestDifference } from "../../engine/conformance.ts";
import { tinyModel } from "../../model/tiny_model.ts";
import { tinyProbe } from "../../model/tiny_probe.ts";
import { readCases } from "../imports/cases.ts";

const known = new URL("../imports/known", import.meta.url).pathname;

Deno.test("the ONNX graph of an imported version gives PyTorch's probabilities", async () => {
  const file = "torch_relu.safetensors";
  const right = (await readCases(known)).find((one) => one.file === file)!;
  const model = tinyModel({ height: 8, width: 8, hidden: [12], top: 6 });
  const base = await saveModel(await Deno.makeTempDir(), model);
  await Deno.writeFile(new URL(PROBE_FILE, base.url), await tinyProbe(model));
  const bytes = await Deno.readFile(`${known}/${file}`);
  const classifier = await importClassifier(bytes, { from: "pytorch", activation: "relu" });
  const out = `${await Deno.makeTempDir()}/mlp/1`, source = { from: "pytorch", file, sha256: "" };
  const engine = await createOnnxEngine(
    await saveImportedVersion(classifier, { base, name: "mlp", out, source }),
  );
  const answers = await engine.classifierProbabilities(Float32Array.from(right.inputs.flat()));
  assert(largestDifference(answers, Float32Array.from(right.probabilities.flat())) <= 1e-5);
  engine.dispose();
});
