/**
 * Runs the package's client in every runtime against a service of this checkout; each must get the same.
 * @module
 */
import { createApp, loadModel, openEngine } from "../../mod.ts";
import * as client from "../../src/client/client.ts";
import { html, openPage } from "./chromium.ts";
import { callService } from "./program/client.js";
import { denoArgs, nodes, type Projects } from "./run.ts";
import { findChromium, install, runTool } from "./runtimes.ts";
import { bundleWorker, startWorkerd } from "./workerd.ts";

/** A runtime whose client calls a service. */
interface ClientRun {
  /** The runtime of `--only`. */
  runtime: string;
  /** What it got. */
  call(projects: Projects, url: string): Promise<unknown>;
}

const PROGRAM = "client_process.js";

/** The client in each runtime. */
export const clients: ClientRun[] = [
  {
    runtime: "deno",
    call: ({ npm }, url) => callBy(Deno.execPath(), [...denoArgs, PROGRAM, url], npm),
  },
  ...nodes.map((runtime): ClientRun => ({
    runtime,
    call: async ({ npm }, url) => await callBy(await install(runtime), [PROGRAM, url], npm),
  })),
  {
    runtime: "bun",
    call: async ({ bun }, url) =>
      await callBy(await install("bun"), ["run", PROGRAM, url], await bun()),
  },
  {
    runtime: "workerd",
    async call({ npm }, url) {
      const main = "client_worker.js", folder = await bundleWorker(npm, main);
      await using worker = await startWorkerd(folder, main, { hasNetwork: true });
      const response = await fetch(`${worker.origin}/?service=${encodeURIComponent(url)}`);
      if (response.ok) return await response.json();
      throw new Error(`the Worker answered ${response.status}: ${await response.text()}`);
    },
  },
  { runtime: "chromium", call: ({ npm }, url) => callOnPage(npm, url) },
];

async function callBy(program: string, args: string[], cwd: string): Promise<unknown> {
  return JSON.parse(await runTool(program, args, cwd));
}

/** What the client gets on a page of another origin than the service's. */
async function callOnPage(project: string, url: string): Promise<unknown> {
  const bundle = await runTool(await install("esbuild"), [
    ...["client_page.js", "--bundle", "--minify", "--format=esm", "--log-level=error"],
  ], project);
  let got: unknown;
  await openPage(await findChromium(), {
    isIsolated: false,
    respond: (path) =>
      path === "/"
        ? html(`<body data-service="${url}"><script type="module" src="/client.js"></script>`)
        : new Response(bundle, { headers: { "content-type": "text/javascript" } }),
    onReport: (report) => {
      got = report.got;
      return true;
    },
  });
  return got;
}

/** A service of this checkout over the released model, and what a client must get of it. */
export async function serveClients(): Promise<
  AsyncDisposable & { check(got: unknown): Promise<void>; url: string }
> {
  const model = await loadModel(), engine = await openEngine(model);
  const app = createApp({ model, engine });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, app.fetch);
  const url = `http://127.0.0.1:${server.addr.port}`;
  const expected = JSON.stringify(await callService(client, url));
  return {
    url,
    async check(got) {
      const text = JSON.stringify(got);
      if (text !== expected) throw new Error(`it must get ${expected}, got ${text}`);
      await waitUntilIdle(url);
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      engine.dispose();
    },
  };
}

const IDLE_MS = 5000;

/** @throws {Error} if the service still computes a stream that its client has left */
async function waitUntilIdle(url: string): Promise<void> {
  for (const end = performance.now() + IDLE_MS; performance.now() < end;) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    if (/^dbn_running\{kind="chains"\} 0$/m.test(metrics)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`the service still computes ${IDLE_MS} ms after its client left the stream`);
}
