import { assert, assertEquals, assertRejects } from "@std/assert";
import { WeightsFormatError } from "../../../src/format/safetensors.ts";
import { fillUniform } from "../../../src/math/random.ts";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../../../train/run/checkpoint.ts";
import { imageExamples } from "../../../train/data/examples.ts";
import { presets } from "../../../train/recipes/presets.ts";
import type { Recipe } from "../../../train/recipes/recipe.ts";
import { runTraining, type TrainedParts, TrainingInterrupted } from "../../../train/run/run.ts";

const recipe: Recipe = {
  ...presets.quick,
  hidden: [7, 6],
  top: 9,
  batchSize: 10,
  stack: { ...presets.quick.stack, epochs: 2 },
  topRbm: { ...presets.quick.topRbm, epochs: 1, persistentEpochs: 2 },
  fineTuning: { ...presets.quick.fineTuning, epochs: 2, dropout: 0.2 },
};

const images = (() => {
  const uniform = new Float32Array(65 * 12);
  fillUniform(uniform, { seed: 2, chain: 0, step: 0, layer: 1 });
  return Uint8Array.from(uniform, (u) => u * 256);
})();
const labels = Uint8Array.from({ length: 65 }, (_, i) => i % 10);
const data = {
  train: imageExamples(images.subarray(0, 45 * 12), labels.subarray(0, 45), 12, 255),
  validation: imageExamples(images.subarray(45 * 12), labels.subarray(45), 12, 255),
};

function withoutTimes({ history, ...parts }: TrainedParts) {
  return { ...parts, history: history.map(({ seconds: _, ...record }) => record) };
}

Deno.test("the same recipe and seed give the same weights, another seed others", async () => {
  const first = await runTraining(recipe, data), second = await runTraining(recipe, data);
  assertEquals(withoutTimes(second), withoutTimes(first));
  const other = await runTraining({ ...recipe, seed: 2 }, data);
  assert(other.dbn!.top.weights.join() !== first.dbn!.top.weights.join());
});

Deno.test("a run that is killed and resumed at any batch ends with the same weights bit for bit", async () => {
  const whole = await runTraining(recipe, data);
  const path = `${await Deno.makeTempDir()}/checkpoint.safetensors`;
  for (const every of [1, 2, 3, 7]) {
    let resume: Checkpoint | undefined, parts: TrainedParts | undefined, stops = 0;
    while (!parts) {
      const interrupt = new AbortController();
      let batches = 0;
      try {
        parts = await runTraining(recipe, data, {
          signal: interrupt.signal,
          onBatch: () => ++batches === every && interrupt.abort(),
          save: (checkpoint) => writeCheckpoint(path, checkpoint),
        }, resume);
      } catch (error) {
        assert(error instanceof TrainingInterrupted, `${error}`);
        stops++;
        resume = await readCheckpoint(path);
      }
    }
    console.log(`stopped ${stops} times, every ${every} batches`);
    assert(stops > 4);
    assertEquals(withoutTimes(parts), withoutTimes(whole));
  }
});

Deno.test("a run killed without warning resumes from its last checkpoint to the same weights", async () => {
  const whole = await runTraining(recipe, data);
  const path = `${await Deno.makeTempDir()}/checkpoint.safetensors`;
  let batches = 0;
  await assertRejects(
    () =>
      runTraining(recipe, data, {
        save: (checkpoint) => writeCheckpoint(path, checkpoint),
        onBatch: () => {
          if (++batches === 28) throw new Error("killed");
        },
      }),
    Error,
    "killed",
  );
  const parts = await runTraining(recipe, data, {}, await readCheckpoint(path));
  assertEquals(withoutTimes(parts), withoutTimes(whole));
});

Deno.test("the log has a record an epoch, with held-out measurements", async () => {
  const { history } = await runTraining(recipe, data);
  assertEquals(
    history.map(({ stage, epoch }) => `${stage} ${epoch}`),
    [
      "rbm1 1",
      "rbm1 2",
      "rbm2 1",
      "rbm2 2",
      "top 1",
      "top 2",
      "top 3",
      "classifier 1",
      "classifier 2",
    ],
  );
  const names = (i: number) => Object.keys(history[i].metrics).sort();
  assertEquals(names(0), [
    "free_energy",
    "free_energy_gap",
    "log_likelihood",
    "pseudo_log_likelihood",
    "reconstruction_error",
    "val_free_energy",
    "val_log_likelihood",
  ]);
  const { weights, updates } = history[0].histograms!;
  assertEquals(weights.counts.reduce((a, b) => a + b), updates.counts.reduce((a, b) => a + b));
  assert(weights.low < 0 && weights.high > 0 && updates.high < weights.high);
  assert(names(4).includes("val_error_percent"));
  assertEquals(names(7), ["accuracy", "loss", "val_error_percent", "val_loss"]);
});

Deno.test("upper RBMs have their own recipe, and start as the one below where it says so", async () => {
  const upperStack = { initializer: "transposed", epochs: 0 } as const;
  const transposed: Recipe = { ...recipe, hidden: [7, 14], top: 0, upperStack };
  const { stack: [below, above], history } = await runTraining(transposed, data);
  assertEquals(history.map(({ stage }) => stage), ["rbm1", "rbm1"]); // the second has no epoch
  assertEquals(above.visibleBias, below.hiddenBias);
  assertEquals(above.hiddenBias.subarray(0, 12), below.visibleBias);
  for (let i = 0; i < 7; i++) {
    const row = above.weights.subarray(14 * i, 14 * i + 12);
    assertEquals([...row], Array.from({ length: 12 }, (_, j) => below.weights[7 * j + i]));
  }
  const narrow: Recipe = { ...transposed, hidden: [7, 11] };
  const message = "at least 12 hidden units, as many as the RBM below has visible ones, got 11";
  await assertRejects(() => runTraining(narrow, data), RangeError, message);
});

Deno.test("a file that is no checkpoint is refused", async () => {
  const path = `${await Deno.makeTempDir()}/checkpoint.safetensors`;
  await Deno.writeFile(path, new Uint8Array(3));
  await assertRejects(() => readCheckpoint(path), WeightsFormatError, "at least 8 bytes, got 3");
  const { writeSafetensors } = await import("../../../src/format/safetensors.ts");
  await Deno.writeFile(path, writeSafetensors(new Map()));
  await assertRejects(() => readCheckpoint(path), WeightsFormatError, "got undefined");
});
