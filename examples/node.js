/** Digits from Node: `npm install @dbn-edge/dbn-edge @hono/node-server`, `node node.js`. */
import { serve } from "@hono/node-server";
import { createApp, loadModel, openEngine } from "@dbn-edge/dbn-edge";

const model = await loadModel();
const app = createApp({ model, engine: await openEngine(model) });
serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 8000) });
