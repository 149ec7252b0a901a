/**
 * Runs the examples with real requests; each must answer as a server of this checkout does.
 * @module
 */
import { assert } from "@std/assert";
import { createApp, loadModel, openEngine } from "../../mod.ts";
import { file, openPage } from "./chromium.ts";
import { freePort, type RunningProcess, startProcess } from "./port.ts";
import { packageFolder } from "./project.ts";
import { install, runTool } from "./runtimes.ts";
import { denoArgs, nodes, type Projects } from "./run.ts";
import { bundleWorker, startWorkerd } from "./workerd.ts";

/** What every server is asked. */
const requests = (digits: Uint8Array): [path: string, init?: RequestInit][] => [
  ["/health/ready"],
  ["/generate?label=3&n=16&seed=1"],
  ["/generate?label=7&n=2&steps=50&seed=2&format=json"],
  ["/generate?label=5&steps=60&thin=20&seed=3&format=sse"],
  ["/classify", { method: "POST", body: digits as BodyInit, headers: octets }],
  ["/nowhere"],
];

const octets = { "content-type": "application/octet-stream" };

/** An answer, as it is compared. */
interface Answer {
  path: string;
  status: number;
  type: string | null;
  body: string;
}

/** Asks a server everything, all at once and then one after the other. */
async function ask(
  fetchPath: (path: string, init?: RequestInit) => Promise<Response>,
  digits: Uint8Array,
): Promise<Answer[]> {
  const answer = async ([path, init]: [string, RequestInit?]) => {
    const response = await fetchPath(path, init), { status, headers } = response;
    const bytes = new Uint8Array(await response.arrayBuffer());
    const body = headers.get("content-type") === "image/png"
      ? bytes.toHex()
      : new TextDecoder().decode(bytes).replace(/urn:request:[\w-]+/, "urn:request:…");
    return { path, status, type: headers.get("content-type"), body };
  };
  const together = await Promise.all(requests(digits).map(answer));
  for (const [i, request] of requests(digits).entries()) {
    compare([await answer(request)], [together[i]]);
  }
  return together;
}

/** What a server of this checkout answers. */
export async function expectedAnswers(digits: Uint8Array): Promise<Answer[]> {
  const model = await loadModel(), engine = await openEngine(model);
  const app = createApp({ model, engine });
  const answers = await ask((path, init) => Promise.resolve(app.request(path, init)), digits);
  engine.dispose();
  return answers;
}

/** @throws {Error} if a server answers otherwise, also after clients that left streams. */
export async function checkServer(
  { origin }: RunningProcess,
  digits: Uint8Array,
  { expected, streams = true, isBundle = false }: {
    expected: readonly Answer[];
    streams?: boolean;
    isBundle?: boolean;
  },
): Promise<void> {
  const fetchPath = (path: string, init?: RequestInit) =>
    fetch(`${origin}${path}`, { ...init, signal: AbortSignal.timeout(ANSWER_MS) });
  compare(await ask(fetchPath, digits), expected);
  const { status } = await fetchPath("/metrics"), must = isBundle ? 501 : 200;
  if (status !== must) throw new Error(`/metrics must answer ${must}, got ${status}`);
  if (!streams) return;
  for (let i = 0; i < LEFT_STREAMS; i++) await leaveStream(origin);
  compare(await ask(fetchPath, digits), expected);
}

/** @throws {Error} naming the first answer that is another */
function compare(answers: readonly Answer[], expected: readonly Answer[]): void {
  for (const [i, { path, ...answer }] of answers.entries()) {
    const { path: _, ...right } = expected[i];
    if (JSON.stringify(answer) === JSON.stringify(right)) continue;
    const [got, must] = [answer, right].map((one) => JSON.stringify(one).slice(0, MAX_SHOWN));
    throw new Error(`${path} must answer ${must}, got ${got}`);
  }
}

const MAX_SHOWN = 300;

/** The longest that an answer may take. */
const ANSWER_MS = 30_000;

/** More than a server computes at a time, so that one that keeps their places would not answer. */
const LEFT_STREAMS = 6;

/** Reads the beginning of a long stream, and leaves. */
async function leaveStream(origin: string): Promise<void> {
  const leaving = new AbortController(), { signal } = leaving;
  const response = await fetch(`${origin}/generate?label=1&steps=5000&thin=10&format=sse`, {
    signal,
  });
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  assert(new TextDecoder().decode(value).startsWith("event: frame"));
  leaving.abort();
  await Promise.allSettled([reader.read()]); // it was broken off
}

/** An example that serves. */
export interface Example {
  /** The runtime of `--only`. */
  runtime: string;
  name: string;
  /** Whether it answers part by part. @default true */
  streams?: boolean;
  /** Whether it is one bundle, which is without metrics. @default false */
  isBundle?: boolean;
  start(projects: Projects): Promise<RunningProcess>;
}

/** Starts a program of a project that takes its port from the environment. */
async function startIn(cwd: string, program: string, args: string[]): Promise<RunningProcess> {
  const port = freePort();
  const env = { PORT: String(port), DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}` };
  return await startProcess(program, args, { port, cwd, env });
}

/** The examples, but for the page. */
export const examples: Example[] = [
  {
    runtime: "deno",
    name: "deno_deploy.ts",
    start: ({ npm }) => startIn(npm, Deno.execPath(), [...denoArgs, "deno_deploy.ts"]),
  },
  ...nodes.flatMap((runtime): Example[] => [
    {
      runtime,
      name: `node.js in ${runtime}`,
      start: async ({ npm }) => await startIn(npm, await install(runtime), ["node.js"]),
    },
    {
      runtime,
      name: `aws_lambda.js in ${runtime}`,
      streams: false,
      start: async ({ npm }) => await startIn(npm, await install(runtime), ["lambda_host.js"]),
    },
  ]),
  {
    runtime: "bun",
    name: "bun.js",
    start: async ({ bun }) => await startIn(await bun(), await install("bun"), ["run", "bun.js"]),
  },
  {
    runtime: "workerd",
    name: "cloudflare_worker.js",
    isBundle: true,
    start: async ({ npm }) =>
      await startWorkerd(await bundleWorker(npm, "cloudflare_worker.js"), "cloudflare_worker.js"),
  },
];

/** Opens the example page as it is. @returns what it says under its picture */
export async function readBrowserExample(chromium: string, project: string): Promise<string> {
  await runTool(await install("esbuild"), [
    ...["@dbn-edge/dbn-edge", "--bundle", "--minify", "--format=esm", "--log-level=error"],
    "--outfile=dbn-edge.js",
  ], project);
  const reporter = `<script>setInterval(() => {
    const text = document.querySelector("p").textContent;
    if (text) fetch("/report", { method: "POST", body: JSON.stringify({ step: "done", text }) });
  }, 50);
  onerror = (message) => fetch("/report", { method: "POST", body: JSON.stringify({ step: "failed", message }) });
  onunhandledrejection = ({ reason }) => onerror(String(reason));
  </script>`;
  const page = await Deno.readTextFile(`${project}/browser.html`);
  let said = "";
  await openPage(chromium, {
    isIsolated: false,
    respond: async (path) => {
      if (path === "/") {
        return new Response(page + reporter, { headers: { "content-type": "text/html" } });
      }
      return path.startsWith("/models/")
        ? await file(`${packageFolder(project)}${path}`)
        : await file(`${project}${path}`);
    },
    onReport: ({ text, message }) => {
      said = String(text ?? message);
      return true;
    },
  });
  return said;
}
