/**
 * `deno task bench`: training, sampling, classification, cold start and memory, each engine in a
 * process of its own, all in one run. Medians; compare numbers of the same run alone. With `--peers`
 * PyTorch and scikit-learn run beside them, from a virtual environment that needs Python 3; with
 * `--write` the tables go into the README.
 * @module
 */
import { type EngineName, engineNames } from "../../src/engine/engine.ts";
import { markdownTable, median } from "./measure.ts";
import { measurePeers, type PeerNumbers } from "./peers.ts";

const root = new URL("../../", import.meta.url).pathname;
const COLD_STARTS = 5;
const CHAINS = [1, 10, 100];

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

type Seconds = Record<string, number>;

/** CD-1 by layer, then all layers together. */
async function trainingTable(peers?: PeerNumbers): Promise<string> {
  const columns: [string, Seconds][] = [
    ["simd, binary", await worker("training_worker", "simd", "binary")],
    ["simd, grey", await worker("training_worker", "simd", "grey")],
    ["tfjs, grey", await worker("training_worker", "tfjs", "grey")],
    ["tfjs with its own product", await worker("training_worker", "plain", "grey")],
  ];
  if (peers) {
    columns.push(["PyTorch, binary", peers.epochSeconds.binary]);
    columns.push(["PyTorch, grey", peers.epochSeconds.grey]);
    columns.push(["scikit-learn (PCD)", peers.sklearnEpochSeconds]);
  }
  const layers = Object.keys(columns[0][1]);
  const total = (seconds: Seconds) => layers.reduce((sum, layer) => sum + seconds[layer], 0);
  const ratio = (ours: number, theirs: number) => `${(ours / theirs).toFixed(2)}×`;
  const row = (name: string, pick: (seconds: Seconds) => number) => [
    name,
    ...columns.map(([, seconds]) => Number.isNaN(pick(seconds)) ? "" : pick(seconds).toFixed(2)),
    ...(peers
      ? [0, 1].map((i) => ratio(pick(columns[i][1]), pick(columns[columns.length - 3 + i][1])))
      : []),
  ];
  return markdownTable([
    [
      "CD-1, seconds an epoch",
      ...columns.map(([name]) => name),
      ...(peers ? ["ours / PyTorch, binary", "grey"] : []),
    ],
    ...layers.map((layer) => row(layer, (seconds) => seconds[layer] ?? NaN)),
    row("all three", total),
  ]);
}

async function engineTables(peers?: PeerNumbers): Promise<string[]> {
  const gibbs: string[][] = [[
    "Gibbs steps a second",
    ...CHAINS.map((n) => n === 1 ? "1 chain" : `${n} chains`),
    ...(peers ? CHAINS.map((n) => `${n}: to PyTorch`) : []),
  ]];
  const serving: string[][] = [[
    ...["engine", "classify, ms", "images/s", "images/s, classifier alone"],
    ...["cold start, ms", "memory, MiB"],
  ]];
  const row = (name: string, steps: Seconds) => [
    name,
    ...CHAINS.map((n) => steps[n].toFixed(steps[n] < 100 ? 1 : 0)),
    ...(peers ? CHAINS.map((n) => `${(steps[n] / peers.gibbs[n]).toFixed(2)}×`) : []),
  ];
  for (const name of engineNames as readonly EngineName[]) {
    const numbers = await worker<EngineNumbers>("engine_worker", name);
    gibbs.push(row(name, numbers.gibbs));
    const starts = [];
    for (let i = 0; i < COLD_STARTS; i++) starts.push(await coldStart(name));
    serving.push([
      name,
      numbers.latencyMs.toFixed(2),
      numbers.imagesPerSecond.toFixed(0),
      numbers.classifierImagesPerSecond.toFixed(0),
      median(starts.map(({ ms }) => ms)).toFixed(0),
      median(starts.map(({ mib }) => mib)).toFixed(0),
    ]);
  }
  if (peers) gibbs.push(row("PyTorch", peers.gibbs));
  return [markdownTable(gibbs), markdownTable(serving)];
}

/** Puts the tables between the README's two marks. */
async function writeReadme(tables: string): Promise<void> {
  const path = `${root}README.md`, text = await Deno.readTextFile(path);
  const marked = /(<!-- bench -->\n)[^]*(<!-- \/bench -->)/;
  if (!marked.test(text)) throw new Error(`Cannot write tables: ${path} has no <!-- bench -->`);
  await Deno.writeTextFile(path, text.replace(marked, (_, a, b) => `${a}\n${tables}\n\n${b}`));
}

const machine = `${cpuName()}, ${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}`;
console.log(`${machine}\n`);
const peers = Deno.args.includes("--peers") ? await measurePeers() : undefined;
const tables = [await trainingTable(peers), ...await engineTables(peers)].join("\n\n");
console.log(tables);
if (Deno.args.includes("--write")) {
  const versions = peers ? `; PyTorch ${peers.torch}` : "";
  await writeReadme(`_${machine}${versions}. Medians of one run._\n\n${tables}`);
}
