/** Digits from a serverless function, in five lines. Deno Deploy, or `deno serve` on a laptop. */
import { createApp, loadModel, openEngine } from "../../mod.ts";

const model = await loadModel();
const app = createApp({ model, engine: await openEngine(model) });
export default { fetch: app.fetch };
