/**
 * An epoch's record as a line of text.
 * @module
 */
import type { EpochRecord } from "./checkpoint.ts";

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

/** The metrics that are shown, in one order: `recon 8.21, gap 0.31`. */
export function formatMetrics(metrics: Record<string, number>): string {
  return Object.entries(shown)
    .filter(([name]) => name in metrics)
    .map(([name, [label, decimals]]) => `${label} ${metrics[name].toFixed(decimals)}`)
    .join(", ");
}
