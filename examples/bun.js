/** Digits from Bun: `bun add @dbn-edge/dbn-edge`, `bun bun.js`; its port is that of the environment's PORT. */
import { createApp, loadModel, openEngine } from "@dbn-edge/dbn-edge";

const model = await loadModel();
const app = createApp({ model, engine: await openEngine(model) });
export default { fetch: app.fetch };
