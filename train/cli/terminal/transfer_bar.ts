/**
 * How much of a transfer is done: a bar on a terminal, nothing elsewhere.
 * @module
 */
import type cliProgress from "cli-progress";
import { loadBars } from "./bars.ts";
import { formatBytes } from "../repository/format.ts";

/** Shows bytes of a total until it is stopped; call `stop` before printing anything else. */
export async function createTransferBar(what: string): Promise<{
  update(done: number, total: number): void;
  stop(): void;
}> {
  const bars = await loadBars();
  if (!bars) return { update: () => {}, stop: () => {} };
  let bar: cliProgress.SingleBar | undefined;
  return {
    update(done, total) {
      const payload = { done: formatBytes(done), all: formatBytes(total) };
      if (!bar) {
        bar = new bars.SingleBar({
          ...{ format: `${what} {bar} {done} of {all}, {eta_formatted} left` },
          ...{ barsize: 24, etaBuffer: 50 },
        });
        bar.start(total, done, payload);
      } else {
        bar.setTotal(total);
        bar.update(done, payload);
      }
    },
    stop: () => bar?.stop(),
  };
}
