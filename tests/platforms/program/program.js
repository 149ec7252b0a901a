/**
 * The program that every runtime runs: load, classify ten digits, generate with seeds, stream, hash. It is
 * handed the package, so that it runs on a checkout too.
 * @module
 */

/** @typedef {typeof import("../../../mod.ts")} Package */

const GENERATIONS = 10;
const TIMED_STEPS = 2000;
const THREADS_MS = 2000;

/**
 * Runs all steps; `report` hears of each.
 * @param {Package} dbn
 * @param {object} options
 * @param {() => Promise<import("../../../mod.ts").Engine>} options.open loads the model and opens its engine
 * @param {Uint8Array} options.digits ten images as bytes, (10, 784)
 * @param {(step: Record<string, unknown>) => unknown} options.report
 */
export async function run(dbn, { open, digits, report }) {
  const engine = await open();
  await report({ step: "opened" });
  await report({ step: "classified", ...await classifyDigits(dbn, engine, digits) });
  await report({ step: "generated", sha256: await hashGenerations(dbn, engine) });
  await report({ step: "streamed", ...await hashStream(dbn, engine) });
  await report({ step: "timed", stepsPerSecond: await timeSteps(dbn, engine) });
  await report({ step: "done", threads: await threadsOf(engine) });
}

/** Labels of both models. */
export async function classifyDigits(dbn, engine, digits) {
  const results = await dbn.classify(engine, digits, { divisor: 255 });
  return {
    labels: results.map(({ label }) => label),
    joint: results.map(({ joint }) => joint.label),
  };
}

/** SHA-256 of the images of ten generations, a seed and a label each. */
export async function hashGenerations(dbn, engine) {
  const all = [];
  for (let i = 0; i < GENERATIONS; i++) {
    const { images } = await dbn.generate(engine, { label: i, n: 4, steps: 100, seed: i + 1 });
    all.push(images);
  }
  return await sha256(all);
}

/** How many frames a stream has, and SHA-256 of their images. */
export async function hashStream(dbn, engine) {
  const all = [];
  const frames = dbn.gibbsChain(engine, { label: 7, n: 2, steps: 60, thin: 20, seed: 7 });
  for await (const { images } of frames) all.push(images.slice());
  return { frames: all.length, sha256: await sha256(all) };
}

async function timeSteps(dbn, engine) {
  const started = performance.now();
  await dbn.generate(engine, { label: 3, n: 1, steps: TIMED_STEPS, seed: 1 });
  return Math.round(1000 * TIMED_STEPS / (performance.now() - started));
}

/** The threads, when all have started or it is known why not. */
async function threadsOf(engine) {
  for (const end = performance.now() + THREADS_MS; performance.now() < end;) {
    const { wanted, running, reason } = engine.threads();
    if (running === wanted || reason !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return engine.threads();
}

/** SHA-256 of arrays of floats in hex, little-endian. */
async function sha256(arrays) {
  const bytes = new Uint8Array(arrays.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
