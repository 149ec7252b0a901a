import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { loadModel } from "../../../src/repository/model_directory.ts";
import { readCheckpoint } from "../../../train/run/checkpoint.ts";
import { writeIdxDirectory } from "../../data/idx_files.ts";
import { root, run, shell, shellEnvironment, tiny, writeStripes } from "./program.ts";

/** A directory whose path a shell must not read unquoted. */
const directory = join(await Deno.makeTempDir(), `it's "a" $HOME`);
const stripes = join(directory, "Stripes");
await writeStripes(stripes, 400);
const model = join(directory, "models", "stripes dbn", "1");
const runDirectory = join(directory, "runs & more");
const trained = await run(
  ...["train", ...tiny, "--quiet", "--dataset", "idx", "--data", stripes],
  ...["--run", runDirectory, "--out", model],
);

Deno.test("a model of other data than MNIST is named after them, and knows them", async () => {
  assertEquals(trained.code, 0, trained.err);
  const { config } = await loadModel(model), training = config.training!;
  assertEquals([config.name, training.dataset], ["stripes-dbn-quick", "stripes"]);
  assert(/^[0-9a-f]{64}$/.test(training.testSha256 as string));
});

Deno.test("a card's commands, pasted into a shell, give its figures and pictures again", async () => {
  const card = await Deno.readTextFile(join(model, "README.md"));
  const lines = [...card.matchAll(/```sh\n(.*)\n```/g)].map(([, line]) => line);
  assertEquals(lines.length, 2);
  const { config } = await loadModel(model);
  const { classifier, joint } = config.evaluation as Record<string, { wrong: number }>;
  const evaluated = await shell(lines.find((line) => line.includes("evaluate"))!);
  assertEquals(evaluated.code, 0, evaluated.err);
  const wrong = [...evaluated.out.matchAll(/(\d+) wrong/g)].map(([, count]) => Number(count));
  assertEquals(wrong, [classifier.wrong, joint.wrong]);
  const redrawn = await shell(lines.find((line) => line.includes("card"))!);
  assertEquals(redrawn.code, 0, redrawn.err);
  assertEquals(await Deno.readTextFile(join(model, "README.md")), card);
});

Deno.test("the command to serve a model, pasted into a shell, serves it", async () => {
  const line = /serve it: (.*)/.exec(trained.out)![1];
  const child = new Deno.Command("bash", {
    args: ["-c", `exec ${line}`],
    cwd: root,
    env: { ...shellEnvironment, PORT: "0" },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let log = "", served = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    log += text;
    const origin = /serving on (\S+)/.exec(log)?.[1];
    if (!origin || served) continue;
    served = await (await fetch(`${origin}/model`)).text();
    child.kill("SIGTERM");
  }
  await child.status;
  assert(served.includes("stripes-dbn-quick"), log);
});

const moved = join(directory, "elsewhere");
await writeStripes(moved, 400);

const refused: [string[], string][] = [
  [["evaluate", "--model", model], "was trained on stripes; name its directory with --data DIR"],
  [["card", "--model", model], "was trained on stripes; name its directory with --data DIR"],
  [["evaluate", "--model", model, "--dataset", "mnist"], "was trained on stripes, got mnist; add"],
  [["evaluate", "--dataset", "idx", "--data", stripes], "was trained on mnist, got stripes; add"],
  [["likelihood", "--dataset", "idx", "--data", stripes], "was trained on mnist, got stripes; add"],
  [["likelihood", "--run", runDirectory], "was trained on stripes; name its directory"],
  [["samples", "--model", model, "--dataset", "mnist"], "was trained on stripes, got mnist; add"],
  [
    ["train", "--resume", "--run", runDirectory, "--out", join(directory, "m")],
    "the run learns from stripes (300 images",
  ],
  [["evaluate", "--data", ""], '--data must be a path, got ""'],
];
for (const [args, message] of refused) {
  Deno.test(`other data are refused: ${args.join(" ").replaceAll(directory, "…")}`, async () => {
    const { code, err } = await run(...args);
    assertEquals([code, err.trim().split("\n").length], [2, 1], err);
    assert(err.includes(message), `${err} lacks ${message}`);
  });
}

Deno.test("data are known by what they are, not by where they lie, and others are taken if asked for", async () => {
  const evaluate = ["evaluate", "--model", model, "--engine", "reference", "--json"];
  const there = await run(...evaluate, "--data", stripes);
  const elsewhere = await run(...evaluate, "--data", moved);
  assertEquals([there.code, elsewhere.out], [0, there.out]);
  const other = await run(...evaluate, "--dataset", "mnist", "--other-data", "--split", "test[:9]");
  assertEquals([other.code, JSON.parse(other.out).images], [0, 9], other.err);
});

Deno.test("runs of other data have directories of their own", async () => {
  const name = `try-${crypto.randomUUID()}`, own = join(root, "runs", `${name}-stripes`);
  const args = ["--no-output", "--quiet", "--dataset", "idx", "--data", stripes, "--set"];
  try {
    const { code, err } = await run("train", ...tiny, ...args, `name=${name}`);
    assertEquals(code, 0, err);
    const { dataset } = await readCheckpoint(join(own, "checkpoint.safetensors"));
    assert(dataset!.startsWith("stripes (300 images, labels "), dataset);
  } finally {
    await Deno.remove(own, { recursive: true });
  }
});

Deno.test("--validation with an empty text holds out nothing", async () => {
  const { code, err } = await run(
    ...["train", ...tiny.filter((word) => !/^(--validation|train\[300:400\])$/.test(word))],
    ...["--validation", "", "--quiet", "--no-output", "--dataset", "idx", "--data", stripes],
    ...["--run", join(directory, "none held out")],
  );
  assertEquals(code, 0, err);
  assert(!err.includes("held out (") && !err.includes("gap"), err);
});

Deno.test("EMNIST's digits are trained on, and what their reader changes is told", async () => {
  const data = join(directory, "EMNIST digits");
  await writeStripes(data, 400);
  for (const { name } of await Array.fromAsync(Deno.readDir(data))) {
    await Deno.rename(join(data, name), join(data, `emnist-digits-${name}`));
  }
  const { code, err } = await run(
    ...["train", ...tiny, "--quiet", "--no-output", "--dataset", "idx", "--data", data],
    ...["--run", join(directory, "EMNIST run")],
  );
  assertEquals(code, 0, err);
  const told = "data emnist-digits: files of emnist-digits: images transposed back\n";
  assert(err.startsWith(told), err);
});

for (
  const [what, options, got] of [
    ["images of 8×8", { size: 8 }, "8×8 in 10 classes"],
    [
      "26 classes",
      { label: 25 },
      "28×28 in 26 classes; the first label above 9 is 25, at index 0 of train",
    ],
  ] as const
) {
  Deno.test(`data that no model can take yet are refused, naming sizes: ${what}`, async () => {
    const data = await writeIdxDirectory(options), flags = ["--dataset", "idx", "--data", data];
    const message = `--data ${data}: models take images of 28×28 in 10 classes, got ${got}`;
    for (const args of [["train", "--run", join(data, "run"), "--no-output"], ["evaluate"]]) {
      const { code, err } = await run(...args, ...flags);
      assertEquals([code, err.trim().split("\n").length], [2, 1], err);
      assert(err.includes(message), err);
    }
  });
}
