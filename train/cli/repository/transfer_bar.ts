/**
 * How much of a transfer is done: a bar on a terminal, nothing elsewhere.
 * @module
 */
import cliProgress from "cli-progress";
import { formatBytes } from "./format.ts";

/** Shows bytes of a total until it is stopped; call `stop` before printing anything else. */
export function createTransferBar(what: string): {
  update(done: number, total: number): void;
  stop(): void;
} {
  if (!Deno.stderr.isTerminal()) return { update: () => {}, stop: () => {} };
  let bar: cliProgress.SingleBar | undefined;
  return {
    update(done, total) {
      const payload = { done: formatBytes(done), all: formatBytes(total) };
      if (!bar) {
        bar = new cliProgress.SingleBar({
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
