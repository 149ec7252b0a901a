/**
 * Measures one engine in a process of its own and prints the numbers as one line of JSON.
 * @module
 */
import type { EngineName } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import { generateFrame } from "../../src/model/gibbs.ts";
import { loadModel } from "../../src/model/store.ts";
import { timeMs } from "./measure.ts";

const [name] = Deno.args as [EngineName];
const engine = await openEngine(await loadModel(), { engine: name });
const slow = name === "reference";
const budget = slow ? { minRuns: 3, minMs: 300 } : { minRuns: 10, minMs: 1000 };

const gibbs: Record<string, number> = {};
for (const n of [1, 10, 100]) {
  const steps = slow ? 2 : 20;
  const ms = await timeMs(() => generateFrame(engine, { n, steps, label: 3, seed: 1 }), budget);
  gibbs[n] = 1000 * steps / ms;
}

const image = new Float32Array(engine.imageSize).fill(0.2);
const classify = async (images: Float32Array) => {
  await engine.classifierProbabilities(images);
  await engine.jointPosterior(images);
};
const latencyMs = await timeMs(() => classify(image), budget);
const batch = new Float32Array(100 * engine.imageSize).fill(0.2);
const imagesPerSecond = 100_000 / await timeMs(() => classify(batch), budget);
const classifierMs = await timeMs(() => engine.classifierProbabilities(batch), budget);
console.log(JSON.stringify({
  gibbs,
  latencyMs,
  imagesPerSecond,
  classifierImagesPerSecond: 100_000 / classifierMs,
}));
