/**
 * The program in workerd: a request a step, timed by who asks, since a Worker's clock stands still while it
 * computes.
 * @module
 */
import * as dbn from "@dbn-edge/dbn-edge";
import kernels from "@dbn-edge/dbn-edge/kernels.wasm";
import config from "@dbn-edge/dbn-edge/model/config.json";
import dbnBytes from "@dbn-edge/dbn-edge/model/model.safetensors";
import classifierBytes from "@dbn-edge/dbn-edge/model/classifier.safetensors";
import { classifyDigits, hashGenerations, hashStream } from "./program.js";

let opening;

async function open() {
  const bytes = { config, dbn: dbnBytes, classifier: classifierBytes };
  return await dbn.openEngine(await dbn.modelFromBytes(bytes), { kernels });
}

const steps = {
  opened: () => ({}),
  classified: async (engine, request) =>
    await classifyDigits(dbn, engine, new Uint8Array(await request.arrayBuffer())),
  generated: async (engine) => ({ sha256: await hashGenerations(dbn, engine) }),
  streamed: (engine) => hashStream(dbn, engine),
  timed: async (engine) => {
    await dbn.generate(engine, { label: 3, n: 1, steps: 2000, seed: 1 });
    return {};
  },
  done: (engine) => ({ threads: engine.threads() }),
};

export default {
  async fetch(request) {
    const step = new URL(request.url).pathname.slice(1);
    try {
      const engine = await (opening ??= open());
      return Response.json({ step, ...await steps[step](engine, request) });
    } catch (error) {
      return Response.json({ step, error: error.stack ?? String(error) }, { status: 500 });
    }
  },
};
