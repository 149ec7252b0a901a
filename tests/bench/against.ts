/**
 * `deno task bench --against DIR`: this checkout against another one, such as that of yesterday, by turns
 * in one run. A row is the median ratio of neighbouring turns; below 1.00× this checkout is faster.
 * @module
 */
import { coldStart } from "./cold_start.ts";
import { markdownTable, median } from "./measure.ts";
import { Measurer } from "./turns.ts";

const root = new URL("../../", import.meta.url).pathname;

/** Pairs of turns of a row; the first pair warms up and does not count. */
const PAIRS = 7;
const LAYERS = ["784×500", "500×500", "(500+10)×2000"];
const CHAINS = ["1", "10", "100"];

/** One thing that is measured: smaller is better. */
interface Row {
  name: string;
  unit: string;
  ours: number[];
  theirs: number[];
}

/** Turns of two sides, ours first in one pair and last in the next, so that drift favours neither. */
async function takeTurns(
  name: string,
  unit: string,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<Row> {
  const row: Row = { name, unit, ours: [], theirs: [] };
  for (let pair = 0; pair <= PAIRS; pair++) {
    const first = pair % 2 === 0 ? await ours() : await theirs();
    const second = pair % 2 === 0 ? await theirs() : await ours();
    if (pair === 0) continue;
    row.ours.push(pair % 2 === 0 ? first : second);
    row.theirs.push(pair % 2 === 0 ? second : first);
  }
  console.error(`${name}: ${ratio(row)}`);
  return row;
}

function ratio({ ours, theirs }: Row): string {
  return `${median(ours.map((own, i) => own / theirs[i])).toFixed(3)}×`;
}

function startWorkers(directory: string, script: string, ...args: string[]): [Measurer, Measurer] {
  const run = ["run", "--lock=deno.dev.lock", "-A", `tests/bench/${script}.ts`, ...args];
  return [new Measurer(Deno.execPath(), run, root), new Measurer(Deno.execPath(), run, directory)];
}

async function trainingRows(directory: string, mode: string): Promise<Row[]> {
  const [ours, theirs] = startWorkers(directory, "training_worker", "simd", mode);
  const rows: Row[] = [];
  for (const layer of LAYERS) {
    const epoch = (side: Measurer) => () => side.ask<number>(layer);
    rows.push(await takeTurns(`CD-1, ${layer}, ${mode}`, "s", epoch(ours), epoch(theirs)));
  }
  await Promise.all([ours.end(), theirs.end()]);
  return rows;
}

async function engineRows(directory: string, engine: string): Promise<Row[]> {
  const [ours, theirs] = startWorkers(directory, "engine_worker", engine);
  const rows: Row[] = [];
  for (const n of CHAINS) {
    const stepUs = (side: Measurer) => async () => 1e6 / await side.ask<number>(n);
    rows.push(
      await takeTurns(`${engine}: Gibbs step, ${n} chains`, "µs", stepUs(ours), stepUs(theirs)),
    );
  }
  const serving = (side: Measurer, pick: (times: Record<string, number>) => number) => async () =>
    pick(await side.ask<Record<string, number>>("serving"));
  const measured: [string, (times: Record<string, number>) => number][] = [
    ["one image, both models", ({ latencyMs }) => latencyMs],
    ["100 images, both models", ({ imagesPerSecond }) => 1e5 / imagesPerSecond],
    ["100 images, classifier", ({ classifierImagesPerSecond: rate }) => 1e5 / rate],
  ];
  for (const [name, pick] of measured) {
    const sides = [serving(ours, pick), serving(theirs, pick)] as const;
    rows.push(await takeTurns(`${engine}: ${name}`, "ms", ...sides));
  }
  await Promise.all([ours.end(), theirs.end()]);
  return rows;
}

async function coldStartRows(directory: string): Promise<Row[]> {
  const memory: Row = { name: "simd: memory after it", unit: "MiB", ours: [], theirs: [] };
  const start = (side: string, mib: number[]) => async () => {
    const measured = await coldStart("simd", side);
    mib.push(measured.mib);
    return measured.ms;
  };
  const sides = [start(root, memory.ours), start(directory, memory.theirs)] as const;
  const time = await takeTurns("simd: cold start to first answer", "ms", ...sides);
  return [time, { ...memory, ours: memory.ours.slice(1), theirs: memory.theirs.slice(1) }];
}

/** The table of this checkout against the one in `directory`. */
export async function compareWith(directory: string): Promise<string> {
  const rows = [
    ...await trainingRows(directory, "binary"),
    ...await trainingRows(directory, "grey"),
    ...await engineRows(directory, "simd"),
    ...await engineRows(directory, "tfjs"),
    ...await engineRows(directory, "onnx"),
    ...await coldStartRows(directory),
  ];
  const number = (values: number[]) => median(values).toPrecision(3);
  return markdownTable([
    ["by turns, medians", "unit", "this", "other", "ratio"],
    ...rows.map((row) => [row.name, row.unit, number(row.ours), number(row.theirs), ratio(row)]),
  ]);
}
