/**
 * Runs Workers in workerd: bundled by esbuild, with their WebAssembly and weights as modules.
 * @module
 */
import { assemble, type Measured, peakBytes, type Report } from "./measured.ts";
import { freePort, type RunningProcess, startProcess } from "./port.ts";
import { exists, install, runTool } from "./runtimes.ts";

const COMPATIBILITY_DATE = "2026-11-01";
const TIMED_STEPS = 2000;

/** What a module of a Worker is called in workerd's configuration, by the ending of its file. */
const moduleKinds: Record<string, string> = { js: "esModule", wasm: "wasm", safetensors: "data" };

/** Bundles a Worker of a project. @returns the folder of its modules */
export async function bundleWorker(project: string, file: string): Promise<string> {
  const folder = `${project}/workerd-${file.replace(".js", "")}`;
  if (await exists(folder)) await Deno.remove(folder, { recursive: true });
  await runTool(await install("esbuild"), [
    ...[file, "--bundle", "--minify", "--format=esm", "--conditions=workerd,worker,browser"],
    ...["--loader:.wasm=copy", "--loader:.safetensors=copy", `--outdir=${folder}`],
    "--log-level=error",
  ], project);
  return folder;
}

/** Starts workerd with a bundled Worker; `hasNetwork`: it may call this machine. */
export async function startWorkerd(
  folder: string,
  main: string,
  { hasNetwork = false }: { hasNetwork?: boolean } = {},
): Promise<RunningProcess> {
  const port = freePort();
  const others: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name !== main && moduleKinds[name.split(".").at(-1)!]) others.push(name);
  }
  const modules = [main, ...others].map((name) =>
    `(name = "${name}", ${moduleKinds[name.split(".").at(-1)!]} = embed "${name}")`
  );
  const network = hasNetwork ? ', (name = "internet", network = (allow = ["private"]))' : "";
  await Deno.writeTextFile(
    `${folder}/config.capnp`,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)${network}],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
const worker :Workerd.Worker = (
  modules = [${modules.join(", ")}],
  compatibilityDate = "${COMPATIBILITY_DATE}"
);
`,
  );
  return await startProcess(await install("workerd"), ["serve", "config.capnp"], {
    port,
    cwd: folder,
  });
}

/** Runs the program in workerd, a request a step. */
export async function runWorkerd(project: string, digits: Uint8Array): Promise<Measured> {
  await using server = await startWorkerd(await bundleWorker(project, "worker.js"), "worker.js");
  const reports: { report: Report; atMs: number }[] = [];
  for (const step of ["opened", "classified", "generated", "streamed", "timed", "done"]) {
    const askedAt = performance.now();
    const response = await fetch(`${server.origin}/${step}`, {
      method: "POST",
      body: digits as BodyInit,
    });
    const report = await response.json() as Report, now = performance.now();
    if (step === "timed") report.stepsPerSecond = Math.round(1000 * TIMED_STEPS / (now - askedAt));
    reports.push({ report, atMs: now - server.startedAt });
  }
  return assemble(reports, await peakBytes(server.pid));
}
