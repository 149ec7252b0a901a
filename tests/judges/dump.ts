/**
 * Writes what our engines say of inputs as JSON, for outside software to check: a line a model, of which
 * there is one for every dtype of weights. The one of half floats is written into the directory that the
 * argument names.
 * @module
 */
import { encodeBase64 } from "@std/encoding/base64";
import { mnist } from "../../src/data/mnist.ts";
import type { EngineName } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import { expandModel } from "../../src/format/weights.ts";
import { loadModel, saveModel, type StoredModel } from "../../src/repository/model_directory.ts";
import { generateFrame } from "../../src/sampling/gibbs.ts";
import { exportOnnx } from "../../train/artifacts/interchange/export_onnx.ts";
import { toDtype } from "../../train/artifacts/weights/quantize.ts";

const IMAGES = 200;
/** The version that was trained, in float32; the released one is of 8-bit integers. */
const TRAINED = new URL("../../models/mnist-dbn/2/", import.meta.url);

const { images: bytes } = await mnist().load({ split: `test[:${IMAGES}]` });
const base64 = (data: Float32Array) =>
  encodeBase64(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));

async function dump(model: StoredModel): Promise<void> {
  const images = Float32Array.from(bytes, (pixel) => pixel / model.config.preprocessing.divisor);
  const engines: Record<string, Record<string, string>> = {};
  for (const name of ["simd", "tfjs", "onnx", "reference"] as EngineName[]) {
    const engine = await openEngine(model, { engine: name });
    const { visible } = await generateFrame(engine, { n: 20, label: 3, steps: 20, seed: 1 });
    const labels = new Float32Array(20 * engine.labelSize);
    for (let row = 0; row < 20; row++) labels[row * engine.labelSize + 3] = 1;
    const hidden = await engine.hiddenGivenVisible(visible, labels, 0.7);
    const states = hidden.map((p) => p > 0.5 ? 1 : 0);
    const below = await engine.visibleGivenHidden(states, 0.7);
    const joint = await engine.jointPosterior(images);
    engines[name] = Object.fromEntries(
      Object.entries({
        visible,
        labels,
        hidden,
        states,
        visibleGivenHidden: below.visible,
        labelsGivenHidden: below.labels,
        probabilities: await engine.classifierProbabilities(images),
        jointProbabilities: joint.probabilities,
        freeEnergies: joint.freeEnergies,
        penultimate: await engine.upPass(images),
        images: await engine.downPass(visible),
      }).map(([key, data]) => [key, base64(data)]),
    );
    engine.dispose();
  }
  console.log(JSON.stringify({ directory: model.url.pathname, images: base64(images), engines }));
}

const [half] = Deno.args, trained = await loadModel(TRAINED);
await dump(await loadModel());
await dump(trained);
const stored = await saveModel(half, toDtype(expandModel(trained), "F16"));
await exportOnnx(stored);
await dump(stored);
