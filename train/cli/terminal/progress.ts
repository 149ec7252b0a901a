/**
 * Progress on the terminal: a bar a stage with its metrics and the time left, or plain lines where
 * standard error is not a terminal.
 * @module
 */
import process from "node:process";
import type cliProgress from "cli-progress";
import type { EpochRecord } from "../../run/checkpoint.ts";
import { isTerminal, loadBars } from "./bars.ts";
import { epochLine, formatMetrics, formatSeconds } from "../../run/epoch_line.ts";
import type { BatchEvent, TrainingEvents } from "../../run/run.ts";

const FORMAT = "{stage} {bar} epoch {epoch}/{epochs} {batch}/{batches} | {metrics} | {left} left";

/** Bars on a terminal, a line an epoch elsewhere. Call `stop` before printing anything else. */
export async function createProgress(
  { quiet }: { quiet: boolean },
): Promise<Required<Pick<TrainingEvents, "onBatch" | "onEpoch">> & { stop(): void }> {
  const bars = quiet ? undefined : await loadBars();
  if (!bars) {
    return { onBatch: () => {}, onEpoch: printEpoch, stop: () => {} };
  }
  let bar: cliProgress.SingleBar | undefined, stage = "";
  let last: EpochRecord | undefined;
  let first = { at: 0, done: 0 };
  const stop = () => {
    bar?.stop();
    bar = undefined;
    stage = "";
  };
  const onBatch = (event: BatchEvent) => {
    const done = (event.epoch - 1) * event.batches + event.batch;
    const total = event.epochs * event.batches;
    if (event.stage !== stage) {
      stop();
      stage = event.stage;
      last = undefined;
      first = { at: performance.now(), done };
      bar = new bars.SingleBar({ format: FORMAT, hideCursor: true, barsize: 24 });
      bar.start(total, done, payload(event, last, "?"));
      return;
    }
    const perBatch = (performance.now() - first.at) / (done - first.done);
    bar?.update(done, payload(event, last, formatSeconds(perBatch * (total - done) / 1000)));
  };
  // The held-out figures of an epoch are known after its last batch; those of the last one stay on the line.
  const onEpoch = (record: EpochRecord) => {
    last = record;
    bar?.update({ metrics: formatMetrics(record.metrics) });
    if (record.epoch === record.epochs) stop();
  };
  return { onBatch, onEpoch, stop };
}

function printEpoch(record: EpochRecord): void {
  console.error(epochLine(record));
}

function payload(event: BatchEvent, last: EpochRecord | undefined, left: string) {
  const metrics = formatMetrics({ ...last?.metrics, ...event.metrics });
  return { ...event, stage: event.stage.padEnd(10), metrics, left };
}

/** On a terminal, how much of a measurement is done: a line that goes away at its end. */
export function showCount(done: number, all: number, unit: string): void {
  if (!isTerminal()) return;
  const text = done === all ? "\r\x1b[K" : `\r${done} of ${all} ${unit}`;
  process.stderr.write(text);
}
