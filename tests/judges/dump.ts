/**
 * Writes what our engines say of a model's inputs as JSON, for outside software to check.
 * @module
 */
import { encodeBase64 } from "@std/encoding/base64";
import { mnist } from "../../src/data/mnist.ts";
import { type EngineName } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import { loadModel } from "../../src/repository/model_directory.ts";
import { generateFrame } from "../../src/sampling/gibbs.ts";

const IMAGES = 200;

const model = await loadModel();
const { images: bytes } = await mnist().load({ split: `test[:${IMAGES}]` });
const images = Float32Array.from(bytes, (pixel) => pixel / model.config.preprocessing.divisor);
const base64 = (data: Float32Array) =>
  encodeBase64(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
const engines: Record<string, Record<string, string>> = {};
for (const name of ["tfjs", "onnx", "reference"] as EngineName[]) {
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
}
console.log(JSON.stringify({ directory: model.url.pathname, images: base64(images), engines }));
