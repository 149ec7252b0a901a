/**
 * `deno task bench`: training, sampling, classification, cold start and memory, each engine in a
 * process of its own, all in one run. With `--peers` PyTorch and scikit-learn run beside them, from a
 * virtual environment that needs Python 3: ours and theirs by turns, and a ratio is the median of those
 * of neighbouring turns, so that it holds on a machine whose speed changes. With `--write` the tables go
 * into docs/benchmarks.md; `--against DIR` compares with another checkout instead; `--part training` or
 * `--part engines` measures less, without writing.
 * @module
 */
import { type Command, runCommand, runProgram } from "../../src/cli/command.ts";
import { FlagError, type FlagValues } from "../../src/cli/flags.ts";
import { type EngineName, engineNames } from "../../src/engine/engine.ts";
import { compareWith } from "./against.ts";
import { coldStart } from "./cold_start.ts";
import { repositoryTable } from "./repositories.ts";
import { markdownTable, median } from "./measure.ts";
import { type Peers, startPeers } from "./peers.ts";
import { Measurer } from "./turns.ts";

const root = new URL("../../", import.meta.url).pathname;
const COLD_STARTS = 9;
const CHAINS = [1, 10, 100];
const LAYERS = ["784×500", "500×500", "(500+10)×2000"];
/** Turns of what is compared with a peer; of what is not. */
const ROUNDS = 7, ROUNDS_ALONE = 3;

function startWorker(script: string, ...args: string[]): Measurer {
  const run = ["run", "--lock=deno.dev.lock", "-A", `tests/bench/${script}.ts`, ...args];
  return new Measurer(Deno.execPath(), run, root);
}

/** What two sides took, turn by turn. */
interface Turns {
  ours: number[];
  theirs: number[];
}

/** Asks both sides by turns; the first of each is a warm-up. */
async function takeTurns(
  ours: () => Promise<number>,
  theirs: (() => Promise<number>) | undefined,
  rounds = theirs ? ROUNDS : ROUNDS_ALONE,
): Promise<Turns> {
  const turns: Turns = { ours: [], theirs: [] };
  for (let round = 0; round <= rounds; round++) {
    const own = await ours(), other = await theirs?.();
    if (round === 0) continue;
    turns.ours.push(own);
    if (other !== undefined) turns.theirs.push(other);
  }
  return turns;
}

/** The median of ours / theirs. */
function ratio({ ours, theirs }: Turns): string {
  return `${median(ours.map((own, i) => own / theirs[i])).toFixed(2)}×`;
}

/** The turns of several measurements added up. */
function sum(all: Turns[]): Turns {
  const add = (pick: (turns: Turns) => number[]) =>
    pick(all[0]).map((_, i) => all.reduce((total, turns) => total + pick(turns)[i], 0));
  return { ours: add(({ ours }) => ours), theirs: add(({ theirs }) => theirs) };
}

function cpuName(): string {
  try {
    return /model name\s*:\s*(.*)/.exec(Deno.readTextFileSync("/proc/cpuinfo"))![1];
  } catch {
    return Deno.build.arch;
  }
}

/** Seconds of epochs by layer, then of all layers together. */
async function epochTurns(backend: string, mode: string, peers?: Peers): Promise<Turns[]> {
  const worker = startWorker("training_worker", backend, mode), turns: Turns[] = [];
  for (const layer of LAYERS) {
    const theirs = peers && (() => peers.measurer.ask<number>("cd1", layer, mode));
    turns.push(await takeTurns(() => worker.ask<number>(layer), theirs));
  }
  await worker.end();
  return [...turns, sum(turns)];
}

async function trainingTables(peers?: Peers): Promise<string[]> {
  const binary = await epochTurns("simd", "binary", peers);
  const grey = await epochTurns("simd", "grey", peers);
  const tfjs = await epochTurns("tfjs", "grey");
  const plain = await epochTurns("plain", "grey");
  const sklearn = await peers?.measurer.ask<number>("sklearn", LAYERS[0]);
  const seconds = (values: number[]) => median(values).toFixed(2);
  const beside = (turns: Turns) => peers ? [seconds(turns.theirs), ratio(turns)] : [];
  const heads = peers ? ["PyTorch", "simd / PyTorch"] : [];
  const names = [...LAYERS, "all three"];
  return [
    [
      ["CD-1, binary inputs, seconds an epoch", "simd", ...heads],
      ...names.map((name, i) => [name, seconds(binary[i].ours), ...beside(binary[i])]),
    ],
    [
      ["CD-1, grey inputs, seconds an epoch", "simd", "tfjs", ...heads],
      ...names.map((name, i) => [
        ...[name, seconds(grey[i].ours), seconds(tfjs[i].ours)],
        ...beside(grey[i]),
      ]),
    ],
    [
      [
        ...["Other trainers, seconds an epoch", "tfjs with its own product, grey"],
        ...(peers ? ["scikit-learn (PCD)"] : []),
      ],
      ...names.map((name, i) => [
        ...[name, seconds(plain[i].ours)],
        ...(peers ? [i === 0 ? sklearn!.toFixed(2) : ""] : []),
      ]),
    ],
  ].map(markdownTable);
}

async function engineTables(peers?: Peers): Promise<string[]> {
  const chains = CHAINS.map((n) => n === 1 ? "1 chain" : `${n} chains`);
  const gibbs = [["Gibbs steps a second", ...chains]];
  const ratios = [["Gibbs steps, ratio to PyTorch", ...chains]];
  const classification = [
    ["Classification", "one image, ms", "images/s", "images/s, classifier alone"],
  ];
  const start = [["Start", "cold start, ms", "memory, MiB"]];
  const rate = (values: number[]) => {
    const steps = median(values);
    return steps.toFixed(steps < 100 ? 1 : 0);
  };
  const peerRates: number[][] = CHAINS.map(() => []);
  for (const name of engineNames as readonly EngineName[]) {
    const worker = startWorker("engine_worker", name), turns: Turns[] = [];
    for (const n of CHAINS) {
      const theirs = peers && (() => peers.measurer.ask<number>("gibbs", n));
      const rounds = name === "simd" ? ROUNDS : ROUNDS_ALONE;
      turns.push(await takeTurns(() => worker.ask<number>(String(n)), theirs, rounds));
    }
    gibbs.push([name, ...turns.map(({ ours }) => rate(ours))]);
    if (peers) ratios.push([name, ...turns.map(ratio)]);
    turns.forEach(({ theirs }, i) => peerRates[i].push(...theirs));
    const { latencyMs, imagesPerSecond, classifierImagesPerSecond } = await worker.ask<
      Record<string, number>
    >("serving");
    await worker.end();
    const starts = [];
    for (let i = 0; i < COLD_STARTS; i++) starts.push(await coldStart(name, root));
    classification.push([
      ...[name, latencyMs.toFixed(2)],
      ...[imagesPerSecond, classifierImagesPerSecond].map((rate) => rate.toFixed(0)),
    ]);
    start.push([
      name,
      median(starts.map(({ ms }) => ms)).toFixed(0),
      median(starts.map(({ mib }) => mib)).toFixed(0),
    ]);
  }
  if (peers) gibbs.push(["PyTorch", ...peerRates.map(rate)]);
  return [gibbs, ...(peers ? [ratios] : []), classification, start].map(markdownTable);
}

/** Puts the tables between the two marks of docs/benchmarks.md. */
async function writeDocument(tables: string): Promise<void> {
  const path = `${root}docs/benchmarks.md`, text = await Deno.readTextFile(path);
  const marked = /(<!-- bench -->\n)[^]*(<!-- \/bench -->)/;
  if (!marked.test(text)) throw new Error(`Cannot write tables: ${path} has no <!-- bench -->`);
  await Deno.writeTextFile(path, text.replace(marked, (_, a, b) => `${a}\n${tables}\n\n${b}`));
}

const command: Command = {
  usage: "deno task bench [flags]",
  about:
    "Measures training, sampling, classification, cold start and memory, each engine in a process of its own.",
  flags: {
    peers: {
      kind: "boolean",
      help: "PyTorch and scikit-learn beside them, by turns (needs Python)",
    },
    against: { kind: "string", help: "directory of another checkout to compare with, by turns" },
    part: {
      kind: "string",
      help: "only this part",
      choices: ["training", "engines", "repositories"],
    },
    write: { kind: "boolean", help: "put the tables into docs/benchmarks.md; without --part" },
  },
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const { part, against } = flags as { part?: string; against?: string };
  if (flags.write && part !== undefined) {
    throw new FlagError("--write and --part exclude each other");
  }
  const machine = `${cpuName()}, ${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}`;
  console.log(`${machine}\n`);
  if (against !== undefined) {
    console.log(await compareWith(against));
    return;
  }
  const peers = flags.peers ? await startPeers() : undefined;
  const tables = [
    ...(part === undefined || part === "training" ? await trainingTables(peers) : []),
    ...(part === undefined || part === "engines" ? await engineTables(peers) : []),
    ...(part === undefined || part === "repositories" ? [await repositoryTable()] : []),
  ].join("\n\n");
  console.log(tables);
  await peers?.measurer.end();
  if (flags.write) {
    const versions = peers ? `; PyTorch ${peers.torch}` : "";
    await writeDocument(`_${machine}${versions}. Medians of one run._\n\n${tables}`);
  }
}

if (import.meta.main) await runProgram(() => runCommand(command, Deno.args));
