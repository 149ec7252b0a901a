import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { EpochRecord } from "../../../train/run/checkpoint.ts";
import { formatMetrics } from "../../../train/run/epoch_line.ts";
import { dbn, root, tiny } from "./program.ts";
import { shellCommand } from "../../../src/cli/shell.ts";

/** Trains on a terminal of its own, by util-linux; the lines that stay, and the run's log. */
async function trainOnTerminal(...args: string[]) {
  const directory = await Deno.makeTempDir();
  const train = [...dbn, "train", ...tiny, "--no-output", "--run", directory, ...args];
  const line = shellCommand([Deno.execPath(), ...train]);
  const { code, stdout } = await new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", `stty cols 200; ${line}`, "/dev/null"],
    cwd: root,
    env: { NO_COLOR: "1", TERM: "xterm" },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0, text);
  const log = (await Deno.readTextFile(join(directory, "log.jsonl"))).trim().split("\n");
  // A bar is drawn over itself: what stays of a line is what comes after its last move to the left.
  // deno-lint-ignore no-control-regex
  const lines = text.split("\n").map((line) => line.trimEnd().split(/\r|\x1b\[\d*G/).at(-1)!);
  return { lines, log: log.map((line): EpochRecord => JSON.parse(line)) };
}

const noTerminal = await new Deno.Command("script", { args: ["--version"] }).output()
  .then(({ success }) => !success, () => true);

Deno.test({
  name: "a stage's bar ends at its last epoch's figures, those of held-out cases too",
  ignore: noTerminal,
  fn: async () => {
    const { lines, log } = await trainOnTerminal();
    for (const stage of ["rbm1", "rbm2", "top", "classifier"]) {
      const last = log.findLast((record) => record.stage === stage)!;
      const bars = lines.filter((line) => line.includes(stage) && line.includes(" epoch "));
      assertEquals(bars.length, 1, lines.join("\n"));
      assert(bars[0].includes(`epoch ${last.epoch}/${last.epochs}`), bars[0]);
      assert(bars[0].includes(`| ${formatMetrics(last.metrics)} |`), `${bars[0]} lacks figures`);
    }
  },
});

Deno.test({
  name: "on a terminal --quiet prints a line an epoch",
  ignore: noTerminal,
  fn: async () => {
    const { lines, log } = await trainOnTerminal("--quiet");
    for (const { stage, epoch, epochs, metrics } of log) {
      const line = lines.find((line) => line.startsWith(`${stage} ${epoch}/${epochs} `));
      assert(line?.endsWith(formatMetrics(metrics)), lines.join("\n"));
    }
  },
});
