/**
 * Runs the program in Chromium, on a page's own thread and in a worker of the page, with and without
 * cross-origin isolation, which workers of the kernels need.
 * @module
 */
import { assemble, type Measured, type Report } from "./measured.ts";
import { peakBytes } from "./measured.ts";
import { packageFolder } from "./project.ts";
import { install, runTool } from "./runtimes.ts";

const MAX_MS = 180_000;

/** What a browser shows, and what it said. */
export interface Page {
  /** Files by path, `/` the page. */
  respond(path: string): Promise<Response> | Response;
  /** Whether the headers that isolate a page are sent. */
  isIsolated: boolean;
  /** Called with each report; a truthy answer ends the browser. */
  onReport(report: Report, atMs: number): boolean;
}

/** Headers that let a page share memory with its workers. */
const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};

/** Opens a page in a browser of its own. @returns the most memory that a process of its pages had, in bytes */
export async function openPage(chromium: string, page: Page): Promise<number> {
  const done = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/report") {
      const report = await request.json() as Report & { atMs: number };
      if (page.onReport(report, report.atMs)) done.resolve();
      return new Response();
    }
    const response = await page.respond(pathname);
    if (page.isIsolated) {
      for (const [name, value] of Object.entries(isolation)) response.headers.set(name, value);
    }
    return response;
  });
  const profile = await Deno.makeTempDir();
  const browser = new Deno.Command(chromium, {
    args: [
      ...["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
      ...[`--user-data-dir=${profile}`, `http://127.0.0.1:${server.addr.port}/`],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => done.reject(new Error(`it said nothing in ${MAX_MS} ms`)), MAX_MS);
  try {
    await done.promise;
    return await rendererBytes(browser.pid);
  } finally {
    clearTimeout(timer);
    await endTree(browser.pid);
    await browser.status;
    await server.shutdown();
    await Deno.remove(profile, { recursive: true });
  }
}

/** Bundles the program and the kernels' worker for browsers. @returns their folder */
export async function bundlePage(project: string): Promise<string> {
  const folder = `${project}/browser`;
  await runTool(await install("esbuild"), [
    ...[
      "page.js",
      "@dbn-edge/dbn-edge/kernels-runtime-worker.js",
      "--bundle",
      "--minify",
      "--format=esm",
    ],
    ...[`--outdir=${folder}`, "--entry-names=[name]", "--log-level=error"],
  ], project);
  return folder;
}

/** Runs the program on a page's own thread and in its worker. */
export async function runChromium(
  chromium: string,
  { project, isIsolated }: { project: string; isIsolated: boolean },
): Promise<{ page: Measured; worker: Measured }> {
  const folder = await bundlePage(project);
  const heard: Record<string, { report: Report; atMs: number }[]> = { page: [], worker: [] };
  const memoryBytes = await openPage(chromium, {
    isIsolated,
    respond: async (path) => {
      if (path === "/") return html('<script type="module" src="/page.js"></script>');
      if (path === "/digits.bin") return await file(`${project}/digits.bin`);
      if (path.startsWith("/models/")) return await file(`${packageFolder(project)}${path}`);
      return await file(`${folder}${path}`);
    },
    onReport: (report, atMs) => {
      const where = report.where as "page" | "worker";
      heard[where].push({ report, atMs });
      return report.step === "failed" || where === "worker" && report.step === "done";
    },
  });
  if (heard.page.some(({ report }) => report.step === "failed")) heard.worker = heard.page;
  return { page: assemble(heard.page, memoryBytes), worker: assemble(heard.worker, memoryBytes) };
}

const types: Record<string, string> = { js: "text/javascript", json: "application/json" };

/** A page. */
export function html(body: string): Response {
  return new Response(`<!doctype html><meta charset="utf-8">${body}`, {
    headers: { "content-type": "text/html" },
  });
}

/** A file of a folder; 404 where it is not there. */
export async function file(path: string): Promise<Response> {
  try {
    const type = types[path.split(".").at(-1)!] ?? "application/octet-stream";
    return new Response(await Deno.readFile(path) as BodyInit, {
      headers: { "content-type": type },
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return new Response(null, { status: 404 });
  }
}

/** Processes below a process, itself first. */
async function treeOf(pid: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readOr(`/proc/${name}/status`);
    parents.set(Number(name), Number(/PPid:\s+(\d+)/.exec(status)?.[1] ?? 0));
  }
  const tree = [pid];
  for (const above of tree) {
    for (const [child, parent] of parents) if (parent === above) tree.push(child);
  }
  return tree;
}

async function rendererBytes(pid: number): Promise<number> {
  let most = 0;
  for (const each of await treeOf(pid)) {
    if (!(await readOr(`/proc/${each}/cmdline`)).includes("--type=renderer")) continue;
    most = Math.max(most, await peakBytes(each));
  }
  return most;
}

async function endTree(pid: number): Promise<void> {
  for (const each of await treeOf(pid)) {
    try {
      Deno.kill(each, "SIGKILL");
    } catch (error) { // it has ended with its parent
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function readOr(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) { // it has ended
    if (!(error instanceof Error)) throw error;
    return "";
  }
}
