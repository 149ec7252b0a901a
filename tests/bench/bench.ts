/**
 * `deno task bench`: training, sampling, classification, cold start and memory, each engine in a
 * process of its own, all in one run. Medians; compare numbers of the same run alone. With `--peers`
 * PyTorch and scikit-learn run beside them, from a virtual environment that needs Python 3.
 * @module
 */
import { engineNames } from "../../src/engine/engine.ts";
import { median, table } from "./measure.ts";
import { measurePeers } from "./peers.ts";

const root = new URL("../../", import.meta.url).pathname;
const COLD_STARTS = 5;

async function worker<T>(script: string, ...args: string[]): Promise<T> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--lock=deno.dev.lock", "-A", `tests/bench/${script}.ts`, ...args],
    cwd: root,
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot measure: ${script} ${args.join(" ")} failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Process start to the first classification answered, in ms, and resident memory then, in MiB. */
async function coldStart(engine: string): Promise<{ ms: number; mib: number }> {
  const started = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--lock=deno.dev.lock", "-A", "src/serve.ts", "--port", "0", "--engine", engine],
    cwd: root,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  while (!/serving on (\S+)/.test(log)) {
    const { value, done } = await lines.read();
    if (done) throw new Error(`Cannot measure: the server with engine ${engine} did not start`);
    log += value;
  }
  const response = await fetch(`${/serving on (\S+)/.exec(log)![1]}/classify`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: new Uint8Array(784).fill(50),
  });
  await response.json();
  const ms = performance.now() - started;
  const mib = residentMib(child.pid);
  child.kill("SIGTERM");
  lines.cancel();
  await child.status;
  return { ms, mib };
}

function residentMib(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024;
  } catch {
    return NaN; // not Linux
  }
}

function cpuName(): string {
  try {
    return /model name\s*:\s*(.*)/.exec(Deno.readTextFileSync("/proc/cpuinfo"))![1];
  } catch {
    return Deno.build.arch;
  }
}

interface EngineNumbers {
  gibbs: Record<string, number>;
  latencyMs: number;
  imagesPerSecond: number;
  classifierImagesPerSecond: number;
}

console.log(`${cpuName()}, ${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}\n`);

const peers = Deno.args.includes("--peers") ? await measurePeers() : undefined;
const [ours, plain] = [
  await worker<Record<string, number>>("training_worker"),
  await worker<Record<string, number>>("training_worker", "plain"),
];
console.log("CD-1, seconds an epoch of 60,000 cases, batch 100 (medians of batches)");
console.log(table([
  ["layer", "tfjs", "tfjs, own product", "ratio", ...(peers ? ["PyTorch", "scikit-learn"] : [])],
  ...Object.keys(ours).map((layer) => [
    layer,
    ours[layer].toFixed(1),
    plain[layer].toFixed(1),
    `${(plain[layer] / ours[layer]).toFixed(1)}×`,
    ...(peers
      ? [peers.epochSeconds[layer].toFixed(1), peers.sklearnEpochSeconds[layer]?.toFixed(1) ?? ""]
      : []),
  ]),
]));

const gibbsOf: Record<string, Record<string, number>> = {};
const engines: string[][] = [[
  ...["engine", "steps/s 1", "steps/s 10", "steps/s 100", "classify ms", "images/s"],
  ...["classifier images/s", "cold start ms", "memory MiB"],
]];
for (const name of engineNames) {
  const numbers = await worker<EngineNumbers>("engine_worker", name);
  gibbsOf[name] = numbers.gibbs;
  const starts = [];
  for (let i = 0; i < COLD_STARTS; i++) starts.push(await coldStart(name));
  engines.push([
    name,
    ...[1, 10, 100].map((n) => numbers.gibbs[n].toFixed(n === 100 ? 1 : 0)),
    numbers.latencyMs.toFixed(1),
    numbers.imagesPerSecond.toFixed(0),
    numbers.classifierImagesPerSecond.toFixed(0),
    median(starts.map(({ ms }) => ms)).toFixed(0),
    median(starts.map(({ mib }) => mib)).toFixed(0),
  ]);
}
console.log(
  "\nGibbs steps a second of 1, 10 and 100 chains of the top RBM; classification by both models",
);
console.log(table(engines));
if (peers) {
  console.log("\nGibbs steps a second, as a ratio to PyTorch's (best of 1 and 2 threads)");
  const cells = (numbers: Record<string, number>) =>
    [1, 10, 100].map((n) => `${(numbers[n] / peers.gibbs[n]).toFixed(2)}×`);
  console.log(table([
    ["engine", "1 chain", "10 chains", "100 chains"],
    ["PyTorch, steps/s", ...[1, 10, 100].map((n) => peers.gibbs[n].toFixed(0))],
    ...Object.entries(gibbsOf).map(([name, numbers]) => [name, ...cells(numbers)]),
  ]));
}
