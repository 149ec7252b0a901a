/** Generates sixteen threes, and classifies them. */
import { classify, generate, loadModel, openEngine, toText } from "../../mod.ts";

const engine = await openEngine(await loadModel());
const { images } = await generate(engine, { label: 3, n: 16, seed: 1 });
const results = await classify(engine, images);
console.log(toText(images.subarray(0, engine.imageSize)));
console.log(`read as: ${results.map(({ label }) => label).join(" ")}`);
