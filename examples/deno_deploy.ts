/** Digits on Deno Deploy; on a laptop `deno run --allow-net --allow-read deno_deploy.ts`. */
import { createApp, loadModel, openEngine } from "@dbn-edge/dbn-edge";

const model = await loadModel();
const app = createApp({ model, engine: await openEngine(model) });
Deno.serve(app.fetch);
