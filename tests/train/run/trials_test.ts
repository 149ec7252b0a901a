import { assertRejects } from "@std/assert";
import { floatExamples } from "../../../train/data/examples.ts";
import { runTrials } from "../../../train/run/trials.ts";

Deno.test("trials refuse data out of bounds before they begin", async () => {
  const of = (value: number, label = 0) =>
    floatExamples(new Float32Array(784).fill(value, 7, 8), Uint8Array.of(label), 784);
  const good = of(1), options = { epochs: 1, seed: 1 };
  const run = (train = good, validation = good) => runTrials({ train, validation }, options);
  await assertRejects(() => run(of(2)), RangeError, "got 2 at train[0], pixel 7");
  await assertRejects(() => run(good, of(NaN)), RangeError, "got NaN at validation[0], pixel 7");
  await assertRejects(() => run(of(1, 10)), RangeError, "labels must be 0 to 9, got 10");
});
