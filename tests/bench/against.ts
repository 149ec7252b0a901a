/**
 * `deno task bench --against DIR`: this checkout against another one, such as that of yesterday, by turns
 * in one run. A row is the median ratio of neighbouring turns; below 1.00× this checkout is faster.
 * @module
 */
import { coldStart } from "./cold_start.ts";
import { markdownTable, median } from "./measure.ts";
import { served } from "./served.ts";
import { Measurer } from "./turns.ts";

const root = new URL("../../", import.meta.url).pathname;

/** Pairs of turns of a row; the first pair warms up and does not count. */
const PAIRS = 7, PAIRS_OF_OTHERS = 3, COLD_STARTS = 15;
const LAYERS = ["784×500", "500×500", "(500+10)×2000"];
const CHAINS = ["1", "10", "100"];

/** One thing that is measured: smaller is better. */
interface Row {
  name: string;
  unit: string;
  ours: number[];
  theirs: number[];
}

/** One measurement of a side: a value for each of the rows that it fills. */
type Measurement = () => Promise<number[]>;

/**
 * Turns of two sides, ours first in one pair and last in the next, so that drift favours neither. A
 * measurement fills one row or several.
 */
async function takeTurns(
  rows: readonly { name: string; unit: string }[],
  ours: Measurement,
  theirs: Measurement,
  pairs = PAIRS,
): Promise<Row[]> {
  const filled: Row[] = rows.map((row) => ({ ...row, ours: [], theirs: [] }));
  for (let pair = 0; pair <= pairs; pair++) {
    const oursFirst = pair % 2 === 0;
    const first = await (oursFirst ? ours : theirs)();
    const second = await (oursFirst ? theirs : ours)();
    if (pair === 0) continue;
    filled.forEach((row, i) => {
      row.ours.push((oursFirst ? first : second)[i]);
      row.theirs.push((oursFirst ? second : first)[i]);
    });
  }
  for (const row of filled) console.error(`${row.name}: ${ratio(row)}`);
  return filled;
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
    const epoch = (side: Measurer) => async () => [await side.ask<number>(layer)];
    const row = { name: `CD-1, ${layer}, ${mode}`, unit: "s" };
    rows.push(...await takeTurns([row], epoch(ours), epoch(theirs)));
  }
  await Promise.all([ours.end(), theirs.end()]);
  return rows;
}

async function engineRows(directory: string, engine: string, pairs: number): Promise<Row[]> {
  const [ours, theirs] = startWorkers(directory, "engine_worker", engine);
  const rows: Row[] = [];
  for (const n of CHAINS) {
    const stepUs = (side: Measurer) => async () => [1e6 / await side.ask<number>(n)];
    const row = { name: `${engine}: Gibbs step, ${n} chains`, unit: "µs" };
    rows.push(...await takeTurns([row], stepUs(ours), stepUs(theirs), pairs));
  }
  const serving = (side: Measurer) => async () => {
    const times = await side.ask<Record<string, number>>("serving");
    return [times.latencyMs, 1e5 / times.imagesPerSecond, 1e5 / times.classifierImagesPerSecond];
  };
  const measured = ["one image, both models", "100 images, both models", "100 images, classifier"]
    .map((name) => ({ name: `${engine}: ${name}`, unit: "ms" }));
  rows.push(...await takeTurns(measured, serving(ours), serving(theirs), pairs));
  await Promise.all([ours.end(), theirs.end()]);
  return rows;
}

async function coldStartRows(directory: string): Promise<Row[]> {
  const start = (side: string) => async () => {
    const { ms, mib } = await coldStart("simd", side);
    return [ms, mib];
  };
  const rows = [
    { name: "simd: cold start to first answer", unit: "ms" },
    { name: "simd: memory after it", unit: "MiB" },
  ];
  return await takeTurns(rows, start(root), start(directory), COLD_STARTS);
}

async function servedRows(directory: string): Promise<Row[]> {
  const serve = (side: string) => async () => {
    const { ms, mib } = await served(side);
    return [ms, mib];
  };
  const rows = [
    { name: "simd: a classification over HTTP, 32 clients", unit: "ms" },
    { name: "simd: memory after it and a generation", unit: "MiB" },
  ];
  return await takeTurns(rows, serve(root), serve(directory));
}

/** The table of this checkout against the one in `directory`. */
export async function compareWith(directory: string): Promise<string> {
  const rows = [
    ...await trainingRows(directory, "binary"),
    ...await trainingRows(directory, "grey"),
    ...await engineRows(directory, "simd", PAIRS),
    ...await engineRows(directory, "tfjs", PAIRS_OF_OTHERS),
    ...await engineRows(directory, "onnx", PAIRS_OF_OTHERS),
    ...await coldStartRows(directory),
    ...await servedRows(directory),
  ];
  const number = (values: number[]) => median(values).toPrecision(3);
  return markdownTable([
    ["by turns, medians", "unit", "this", "other", "ratio"],
    ...rows.map((row) => [row.name, row.unit, number(row.ours), number(row.theirs), ratio(row)]),
  ]);
}
