/**
 * Measures one engine in a process of its own. Asked for a number of chains, it answers Gibbs steps a
 * second; asked for "serving", the times of classification.
 * @module
 */
import type { EngineName } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import { generateFrame } from "../../src/sampling/gibbs.ts";
import { loadModel } from "../../src/repository/model_directory.ts";
import { timeMs } from "./measure.ts";
import { answerRequests } from "./turns.ts";

const [name] = Deno.args as [EngineName];
const engine = await openEngine(await loadModel(), { engine: name });
const slow = name === "reference";
const budget = slow ? { minRuns: 3, minMs: 300 } : { minRuns: 10, minMs: 1000 };

/** Steps a call, so that its start and its one picture count for little. */
const STEP_BUDGET_MS = 300, MAX_STEPS = 2000;

async function gibbsStepsPerSecond(n: number): Promise<number> {
  const run = (steps: number) => generateFrame(engine, { n, steps, label: 3, seed: 1 });
  const probe = slow ? 1 : 20;
  const msPerStep = await timeMs(() => run(probe), { minRuns: 2, minMs: 0 }) / probe;
  const steps = Math.min(MAX_STEPS, Math.max(2, Math.round(STEP_BUDGET_MS / msPerStep)));
  return 1000 * steps / await timeMs(() => run(steps), { minRuns: 3, minMs: 0 });
}

async function serving() {
  const image = new Float32Array(engine.imageSize).fill(0.2);
  const classify = async (images: Float32Array) => {
    await engine.classifierProbabilities(images);
    await engine.jointPosterior(images);
  };
  const latencyMs = await timeMs(() => classify(image), budget);
  const batch = new Float32Array(100 * engine.imageSize).fill(0.2);
  const imagesPerSecond = 100_000 / await timeMs(() => classify(batch), budget);
  const classifierMs = await timeMs(() => engine.classifierProbabilities(batch), budget);
  return { latencyMs, imagesPerSecond, classifierImagesPerSecond: 100_000 / classifierMs };
}

await answerRequests((what) => what === "serving" ? serving() : gibbsStepsPerSecond(Number(what)));
