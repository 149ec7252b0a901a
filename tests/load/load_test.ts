import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { delay } from "../serving/running_server.ts";
import { Latencies } from "./latencies.ts";
import { openLoop } from "./open_loop.ts";

const root = new URL("../../", import.meta.url).pathname;

Deno.test("percentiles are those of the sorted latencies, to three digits", () => {
  const latencies = new Latencies("any");
  for (let i = 10_000; i > 0; i--) latencies.record("200", i / 10);
  for (const percent of [50, 90, 99, 99.9, 100]) {
    assertAlmostEquals(latencies.percentile(percent), 10 * percent, 0.01 * percent);
  }
  assertEquals(latencies.outcomes(), [["200", 10_000]]);
});

Deno.test("a stall counts for every request that was due in it", async () => {
  // One that asks when answered would see one slow request in a hundred.
  const latencies = new Latencies("stalled");
  const stall = delay(500);
  const send = async () => {
    await stall;
    return "200";
  };
  await openLoop(send, latencies, { perSecond: 100, seconds: 1 });
  assertEquals(latencies.count, 100);
  assert(latencies.percentile(75) > 200); // half of them were due in the stall, evenly
  assert(latencies.percentile(100) > 450);
});

Deno.test("a run out of its bounds says which, and ends with code 1", async () => {
  const args = ["--seconds", "5", "--generations", "2", "--classifications", "20"];
  const bounds = ["--health-ms", "60000", "--classify-ms", "0"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--lock=deno.dev.lock", "-A", "tests/load/load.ts", ...args, ...bounds],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const table = new TextDecoder().decode(stdout), faults = new TextDecoder().decode(stderr);
  assertEquals(code, 1, faults);
  assert(/^fault: classify has a p99 of [\d.]+ ms, more than 0\n$/.test(faults), faults);
  assert(/health +\| +100 \| +200: 100 /.test(table), table);
});
