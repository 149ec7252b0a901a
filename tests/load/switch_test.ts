/** A short slice of `deno task switch-drill`, with a version of other shapes. */
import { assert, assertEquals } from "@std/assert";
import { copyCheckout, makeTemporary, writeVersion } from "../serving/checkout.ts";
import { tinyModel } from "../model/tiny_model.ts";
import { switchUnderLoad } from "./switch_drill.ts";

Deno.test("while a version is pushed, promoted and taken back, every request gets an allowed version's answer", async () => {
  await using checkout = await copyCheckout();
  await using versions = await makeTemporary();
  const { config, ...weights } = tinyModel();
  const model = { ...weights, config: { ...config, name: "mnist-dbn", version: 7 } };
  const path = await writeVersion(`${versions.path}/7`, model, new Float32Array(2 * 784).fill(0.5));
  const report = await switchUnderLoad({
    checkout: checkout.path,
    versions: [path],
    clients: { classify: 12, generate: 2 },
    quietSeconds: 0.5,
  });
  assertEquals(report.faults, []);
  assert(report.before.count > 50 && report.during.count > 20);
  assertEquals([report.rollbacks.length, report.firstAnswers.length], [1, 1]);
  // Other tests keep the machine busy: the drill has the bound.
  assert(report.rollbacks[0] < 1000 && report.firstAnswers[0] < 1000);
});
