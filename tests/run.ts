/**
 * `deno task test`: runs the tests and ends with the line `N passed, N failed`.
 * @module
 */
import { asksForHelp } from "../src/cli/flags.ts";

if (asksForHelp(Deno.args)) {
  console.log(`Usage: deno task test [files and flags of deno test]

Runs all tests, or those of the files and folders that are named.`);
  Deno.exit(0);
}

const { stdout, status } = new Deno.Command(Deno.execPath(), {
  args: [
    "test",
    "--lock=deno.dev.lock",
    "--allow-all",
    "--parallel",
    ...(Deno.args.length > 0 ? Deno.args : ["tests"]),
  ],
  env: { NO_COLOR: "1", DENO_JOBS: "2" },
  stdout: "piped",
}).spawn();

let output = "";
for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
  output += text;
  await Deno.stdout.write(new TextEncoder().encode(text));
}
const { code } = await status;
// Deno's own last line: `ok | 12 passed | 0 failed (3s)`, with `(n steps)` behind a count.
const counts = /\| (\d+) passed(?: \([^)]*\))? \| (\d+) failed/.exec(output);
const [passed, failed] = counts ? [Number(counts[1]), Number(counts[2])] : [0, 1];
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(code !== 0 || passed === 0 ? 1 : 0);
