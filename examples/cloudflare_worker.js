/** Digits from a Cloudflare Worker. `wrangler.toml` beside it says which files are its modules. */
import { createApp, modelFromBytes, openEngine } from "@dbn-edge/dbn-edge";
import kernels from "@dbn-edge/dbn-edge/kernels.wasm";
import config from "@dbn-edge/dbn-edge/model/config.json";
import dbn from "@dbn-edge/dbn-edge/model/model.safetensors";
import classifier from "@dbn-edge/dbn-edge/model/classifier.safetensors";

let opening;

async function open() {
  const model = await modelFromBytes({ config, dbn, classifier });
  return { model, engine: await openEngine(model, { kernels }) };
}

export default {
  /** Timers end with their request here, so every request has an app of its own over the one engine. */
  async fetch(request) {
    return createApp(await (opening ??= open())).fetch(request);
  },
};
