import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import {
  readSafetensors,
  type Tensor,
  WeightsFormatError,
  writeSafetensors,
} from "../../../src/format/safetensors.ts";
import { presets } from "../../../train/recipes/presets.ts";
import { floatExamples } from "../../../train/data/examples.ts";
import { runTraining } from "../../../train/run/run.ts";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../../../train/run/checkpoint.ts";

const directory = await Deno.makeTempDir();
const whole = `${directory}/checkpoint.safetensors`, mutant = `${directory}/mutant.safetensors`;
const tensor = (...data: number[]): Tensor => ({
  shape: [data.length],
  data: Float32Array.from(data),
});
const checkpoint: Checkpoint = {
  recipe: presets.quick,
  progress: {
    stage: 1,
    step: 3,
    sums: { loss: [2.5, 3] },
    seconds: 1.5,
    history: [{ stage: "rbm1", epoch: 1, epochs: 1, seconds: 2, metrics: { loss: 1 } }],
  },
  tensors: new Map([
    ["stage0.weights", tensor(0.5, -1, 0)],
    ["trainer.weights", tensor(2, 0)],
    ["trainer.memory.squares", tensor(0.25)],
  ]),
  dataset: "mnist (300 images, labels 00000000)",
};
await writeCheckpoint(whole, checkpoint);
const bytes = await Deno.readFile(whole), file = readSafetensors(bytes);

async function refusal(content: Uint8Array): Promise<string> {
  await Deno.writeFile(mutant, content);
  const { message } = await assertRejects(() => readCheckpoint(mutant), WeightsFormatError);
  assert(message.includes(mutant) && message.length < 1024, message);
  return message;
}

Deno.test("a checkpoint is read as it was written", async () => {
  assertEquals(await readCheckpoint(whole), { ...checkpoint, file: whole });
  await assertRejects(() => Deno.stat(`${whole}.partial`), Deno.errors.NotFound);
});

Deno.test("a checkpoint that is no regular file, or of 20 GB, is refused unread", async () => {
  const at = (name: string) => `${directory}/${name}`;
  await new Deno.Command("mkfifo", { args: [at("pipe")] }).output();
  await Deno.symlink("/dev/zero", at("zero"));
  await Deno.mkdir(at("folder"));
  await Deno.create(at("huge")).then((file) => file.close());
  await Deno.truncate(at("huge"), 20e9);
  const reasons = {
    pipe: "it must be a regular file",
    zero: "it must be a regular file",
    folder: "it must be a regular file",
    huge: "it must hold at most 17179869184 bytes, got 20000000000",
  };
  for (const [name, reason] of Object.entries(reasons)) {
    const { message } = await assertRejects(() => readCheckpoint(at(name)), WeightsFormatError);
    assertEquals(message, `Cannot read ${at(name)}: ${reason}`);
  }
});

Deno.test("a checkpoint with any one bit flipped is refused", async () => {
  const bit = fc.nat(8 * bytes.length - 1);
  await fc.assert(
    fc.asyncProperty(bit, async (at) => {
      const flipped = bytes.slice();
      flipped[at >> 3] ^= 1 << (at & 7);
      await refusal(flipped);
    }),
    { numRuns: 2000, seed: 1 },
  );
});

Deno.test("a checkpoint with any one bit of its format, its checksum or its tensors flipped is refused", async () => {
  const text = new TextDecoder("latin1").decode(bytes);
  const from = text.indexOf("dbn-edge-checkpoint/"), end = text.indexOf('"recipe"');
  const ranges = [[0, 8 + 32 + 64], [from, end], [bytes.length - 24, bytes.length]];
  for (const [first, last] of ranges) {
    for (let at = 8 * first; at < 8 * last; at++) {
      const flipped = bytes.slice();
      flipped[at >> 3] ^= 1 << (at & 7);
      await refusal(flipped);
    }
  }
});

Deno.test("a checkpoint cut anywhere, or with bytes after its end, is refused", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), async (length) => {
      await refusal(bytes.subarray(0, length));
    }),
    { numRuns: 500, seed: 2 },
  );
  const longer = new Uint8Array(bytes.length + 4);
  longer.set(bytes);
  assert((await refusal(longer)).includes(`expected ${bytes.length} bytes`));
});

Deno.test("a checkpoint written again without any one of its tensors is refused", async () => {
  for (const dropped of file.tensors.keys()) {
    const kept = [...file.tensors].filter(([name]) => name !== dropped);
    const message = await refusal(writeSafetensors(new Map(kept), file.metadata));
    assert(message.includes(`SHA-256 must be ${file.metadata.sha256}, got `), message);
  }
});

const { sha256: _, ...metadata } = file.metadata;

Deno.test("a checkpoint whose checksum was taken out is refused", async () => {
  assert((await refusal(writeSafetensors(file.tensors, metadata))).includes("must be none, got "));
});

const former = { ...metadata, format: "dbn-edge-checkpoint/2" };

Deno.test("a checkpoint that lacks what a trainer holds is named, with the stage", async () => {
  const train = floatExamples(new Float32Array(8), new Uint8Array(2), 4);
  const resume = await readCheckpoint(whole);
  const error = await assertRejects(
    () => runTraining({ ...resume.recipe, hidden: [4], top: 0 }, { train }, {}, resume),
    RangeError,
  );
  assertEquals(
    error.message,
    `Cannot resume from ${whole}: in rbm1 there is no tensor visibleBias`,
  );
});

Deno.test("a checkpoint of the format before, which had no checksum, is read", async () => {
  await Deno.writeFile(mutant, writeSafetensors(file.tensors, former));
  assertEquals(await readCheckpoint(mutant), { ...checkpoint, file: mutant });
});

const { progress, recipe } = checkpoint;
const refused: [string, Record<string, string>, string][] = [
  ["whose recipe is cut", { recipe: metadata.recipe.slice(0, 50) }, "it must be a JSON object"],
  ["whose recipe is a list", { recipe: "[]" }, "it must be a JSON object, got []"],
  ["without progress", { progress: "" }, "the progress of"],
  ...([
    ["stage", -1, "stage must be an integer of at least 0, got -1"],
    ["stage", 2, "needs tensors stage1.*"],
    ["step", 0.5, "step must be an integer of at least 0, got 0.5"],
    ["sums", null, "sums must be an object, got null"],
    ["seconds", "1", 'seconds must be a number, got "1"'],
    ["history", [{ stage: "rbm1" }], "history must be a list of epochs"],
  ] as [string, unknown, string][]).map(([name, value, message]) =>
    [
      `whose progress has ${name} ${JSON.stringify(value)}`,
      { progress: JSON.stringify({ ...progress, [name]: value }) },
      message,
    ] as [string, Record<string, string>, string]
  ),
];
for (const [what, changes, message] of refused) {
  Deno.test(`a checkpoint is refused ${what}`, async () => {
    const content = writeSafetensors(file.tensors, { ...former, ...changes });
    assert((await refusal(content)).includes(message), await refusal(content));
  });
}

Deno.test("a checkpoint in mid-stage without what its trainer held is refused", async () => {
  const kept = [...file.tensors].filter(([name]) => !name.startsWith("trainer."));
  const message = await refusal(writeSafetensors(new Map(kept), former));
  assert(message.includes("stage 1, batch 3 needs tensors trainer.*"), message);
});

for (
  const [what, bad, message] of [
    ["an unknown field", { ...recipe, hiden: [3] }, "there is no field hiden"],
    ["a value beyond its bound", { ...recipe, batchSize: 0 }, "batchSize must be an integer in"],
    ["a rule that is broken", { ...recipe, top: 0, pretraining: false }, "pretraining"],
  ] as [string, object, string][]
) {
  Deno.test(`a checkpoint is refused whose recipe has ${what}`, async () => {
    const changed = { ...former, recipe: JSON.stringify(bad) };
    await Deno.writeFile(mutant, writeSafetensors(file.tensors, changed));
    const error = await assertRejects(() => readCheckpoint(mutant), RangeError);
    assert(error.message.startsWith(`Cannot read the recipe of ${mutant}: `), error.message);
    assert(error.message.includes(message), error.message);
  });
}
