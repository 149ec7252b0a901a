/**
 * Progress on the terminal: a bar a stage with its metrics and the time left, or plain lines where
 * standard error is not a terminal.
 * @module
 */
import cliProgress from "cli-progress";
import type { EpochRecord } from "./checkpoint.ts";
import type { BatchEvent, TrainingEvents } from "./run.ts";

/** What is shown of each metric: its short name and its number of decimals. */
const shown: Record<string, [name: string, decimals: number]> = {
  reconstruction_error: ["recon", 2],
  sampled_reconstruction_error: ["recon of samples", 2],
  free_energy_gap: ["gap", 2],
  loss: ["loss", 4],
  label_loss: ["label loss", 4],
  accuracy: ["acc", 4],
  error_percent: ["err%", 2],
  val_error_percent: ["val err%", 2],
};

const FORMAT = "{stage} {bar} epoch {epoch}/{epochs} {batch}/{batches} | {metrics} | {left} left";

/** Bars on a terminal, a line an epoch elsewhere. Call `stop` before printing anything else. */
export function createProgress(
  { quiet }: { quiet: boolean },
): Required<Pick<TrainingEvents, "onBatch" | "onEpoch">> & { stop(): void } {
  if (quiet || !Deno.stderr.isTerminal()) {
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
      bar = new cliProgress.SingleBar({ format: FORMAT, hideCursor: true, barsize: 24 });
      bar.start(total, done, payload(event, last, "?"));
      return;
    }
    const perBatch = (performance.now() - first.at) / (done - first.done);
    bar?.update(done, payload(event, last, formatSeconds(perBatch * (total - done) / 1000)));
    if (done === total) stop();
  };
  return { onBatch, onEpoch: (record) => void (last = record), stop };
}

/** An epoch as a line: `rbm1 3/20 9.1 s | recon 8.21 | gap 0.31`. */
export function epochLine({ stage, epoch, epochs, seconds, metrics }: EpochRecord): string {
  const numbers = formatMetrics(metrics);
  return `${stage} ${epoch}/${epochs} ${seconds.toFixed(1)} s${numbers && ` | ${numbers}`}`;
}

/** Seconds as `1h02m`, `3m20s` or `45s`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60, s = whole % 60;
  const two = (n: number) => String(n).padStart(2, "0");
  if (h > 0) return `${h}h${two(m)}m`;
  return m > 0 ? `${m}m${two(s)}s` : `${s}s`;
}

function printEpoch(record: EpochRecord): void {
  console.error(epochLine(record));
}

function payload(event: BatchEvent, last: EpochRecord | undefined, left: string) {
  const metrics = formatMetrics({ ...last?.metrics, ...event.metrics });
  return { ...event, stage: event.stage.padEnd(10), metrics, left };
}

function formatMetrics(metrics: Record<string, number>): string {
  return Object.entries(shown)
    .filter(([name]) => name in metrics)
    .map(([name, [label, decimals]]) => `${label} ${metrics[name].toFixed(decimals)}`)
    .join(", ");
}
