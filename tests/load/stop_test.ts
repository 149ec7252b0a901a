/** A short slice of `deno task stop-drill`. */
import { assert, assertEquals } from "@std/assert";
import { startServer } from "../serving/running_server.ts";
import { stopUnderLoad } from "./stop_drill.ts";

Deno.test("a server that is stopped under load answers, refuses or breaks off, and ends in time", async () => {
  const graceSeconds = 3;
  const report = await stopUnderLoad(await startServer("--grace-seconds", `${graceSeconds}`), {
    generations: ["n=100&steps=1000", "n=5&steps=200", "n=5&steps=2000&thin=20&format=sse"],
    clients: { generate: 24, classify: 8 },
    open: { stalled: 25, halfSent: 25 },
    seconds: 2,
    graceSeconds,
    lateSeconds: 3, // other tests keep the machine busy
  });
  const { generate, classify } = report;
  assertEquals([report.code, report.faults], [0, []]);
  assertEquals([sum(generate), sum(classify)], [24, 8], "each client has one request under way");
  assert((generate.get("refused") ?? 0) > 0, "who waits is refused");
  assert((classify.get("broken off") ?? 0) === 0, "classifications are short");
  // A client may ask just when its idle connection is closed.
  assert((generate.get("unanswered") ?? 0) + (classify.get("unanswered") ?? 0) <= 4);
});

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
