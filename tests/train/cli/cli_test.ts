import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { FlagError, parseFlags } from "../../../src/cli/flags.ts";
import { decodePng } from "../../../src/image/png.ts";
import { loadModel } from "../../../src/repository/model_directory.ts";
import { readCheckpoint, writeCheckpoint } from "../../../train/run/checkpoint.ts";
import { epochLine, formatSeconds } from "../../../train/run/epoch_line.ts";
import { errorRate } from "../../../train/measure/evaluation.ts";
import { readSvg } from "../artifacts/svg.ts";
import { brief, root, run, shell, tiny } from "./program.ts";
import { recipeFromFlags, trainFlags } from "../../../train/cli/train_flags.ts";

const bad: [string, string][] = [
  ["--epoch 3", "Unknown argument --epoch"],
  ["fast", "Unknown argument fast"],
  ["--epochs 1.5", '--epochs must be an integer in [0, 10000], got "1.5"'],
  ["--epochs many", 'got "many"'],
  ["--epochs", "--epochs needs a value"],
  ["--epochs 1 --epochs 2", "--epochs must be given once, got 2 times"],
  ["--hidden 500,", '--hidden must be an integer in [1, 65536], got ""'],
  ["--recipe full --preset full", "exclude each other"],
  ["--learning-rate fast", '--learning-rate must be a number in [0, 10], got "fast"'],
];

for (const [args, message] of bad) {
  Deno.test(`a training flag is refused: ${args}`, async () => {
    const error = await assertRejects(
      async () => await recipeFromFlags(parseFlags(args.split(" "), trainFlags)),
      FlagError,
    );
    assert(error.message.includes(message), `${error.message} lacks ${message}`);
  });
}

Deno.test("a run is interrupted by Ctrl-C, resumed as it says, and equals an undisturbed one", async () => {
  const directory = join(await Deno.makeTempDir(), `my "runs", it's $HOME`);
  const whole = await run("train", ...tiny, "--run", `${directory}/a`, "--out", `${directory}/m/1`);
  assertEquals(whole.code, 0, whole.err);
  assert(whole.out.includes("test error on 10000 images: classifier"), whole.out);

  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--lock=deno.dev.lock", "-A", "train/cli/dbn.ts", "train", ...tiny],
      ...["--run", `${directory}/b`, "--out", `${directory}/m/2`],
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let text = "";
  for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
    if (!text.includes("rbm1 1/1") && (text + chunk).includes("rbm1 1/1")) child.kill("SIGINT");
    text += chunk;
  }
  assertEquals((await child.status).code, 130, text);
  const advice = /go on with: (.*)/.exec(text)![1];
  assert(!advice.includes("--hidden"), advice);
  const resumed = await shell(advice);
  assertEquals(resumed.code, 0, resumed.err);

  const [first, second] = [
    await loadModel(`${directory}/m/1`),
    await loadModel(`${directory}/m/2`),
  ];
  assertEquals(second.config.sha256, first.config.sha256);
  assertEquals(second.dbn, first.dbn);
  const files = [...Deno.readDirSync(`${directory}/m/1`)].map(({ name }) => name).sort();
  assertEquals(files, [
    ...["README.md", "classifier.safetensors", "config.json", "down.onnx", "hidden.onnx", "images"],
    ...["manifest.json", "model.onnx", "model.safetensors", "probe.safetensors"],
    ...["training_log.jsonl", "visible.onnx"],
  ]);
  const images = [...Deno.readDirSync(`${directory}/m/1/images`)].map(({ name }) => name);
  assert(images.includes("learning_curves.svg") && images.includes("samples.png"), `${images}`);
  const card = await Deno.readTextFile(`${directory}/m/1/README.md`);
  for (const name of images) {
    assert(card.includes(`(images/${name})`), name);
    const bytes = await Deno.readFile(`${directory}/m/1/images/${name}`);
    if (name.endsWith(".svg")) readSvg(new TextDecoder().decode(bytes));
    else await decodePng(bytes);
  }
  const exact = [...files, ...images.map((name) => `images/${name}`)]
    .filter((name) => name !== "images" && !name.endsWith(".png"));
  const contents = () =>
    Promise.all(exact.map((name) => Deno.readFile(`${directory}/m/1/${name}`)));
  const written = await contents();
  await Deno.remove(`${directory}/m/1/images`, { recursive: true });
  const redrawn = await run("card", "--model", `${directory}/m/1`);
  assertEquals(redrawn.code, 0, redrawn.err);
  assertEquals(await contents(), written);
  const drawnAgain = [...Deno.readDirSync(`${directory}/m/1/images`)].map(({ name }) => name);
  assertEquals(drawnAgain.sort(), images.sort());
  const log = (await Deno.readTextFile(`${directory}/m/1/training_log.jsonl`)).trim().split("\n");
  assertEquals(log.map((line) => JSON.parse(line).stage), [
    "rbm1",
    "rbm2",
    "top",
    "top",
    "classifier",
  ]);

  const again = await run("train", ...tiny, "--run", `${directory}/a`);
  assertEquals(again.code, 2);
  assert(
    again.err.includes("add --resume to go on from it, or --restart to throw it away"),
    again.err,
  );
  const cut = ["--split", "train[:70000]", "--restart", "--run", `${directory}/a`];
  const failed = await run("train", ...cut);
  assertEquals(failed.code, 2, failed.err);
  assert((await Deno.stat(`${directory}/a/checkpoint.safetensors`)).isFile);
  const checkpoint = await readCheckpoint(`${directory}/a/checkpoint.safetensors`);
  assert(checkpoint.dataset!.startsWith("mnist (300 images, labels "), checkpoint.dataset);
  const elsewhere = { ...checkpoint, dataset: "idx (300 images, labels 00000000)" };
  await writeCheckpoint(`${directory}/z/checkpoint.safetensors`, elsewhere);
  const other = await run("train", "--resume", "--run", `${directory}/z`);
  assert(other.err.includes("learns from idx (300 images"), other.err);
  const named = await run("train", ...tiny, "--run", `${directory}/n`, "--name", "my digits");
  assert(named.err.includes("--name: a model's name must be"), named.err);
  const changed = await run("train", "--resume", "--epochs", "3", "--run", `${directory}/a`);
  assert(changed.err.includes("leave out --epochs"), changed.err);

  for (const engine of ["tfjs", "onnx"]) {
    const evaluated = await run(
      "evaluate",
      "--model",
      `${directory}/m/1`,
      "--engine",
      engine,
      "--json",
    );
    const { classifier } = JSON.parse(evaluated.out);
    const stated = first.config.evaluation as { classifier: { wrong: number } };
    assertEquals(classifier.wrong, stated.classifier.wrong);
  }
});

Deno.test("a run that diverges says where, and keeps the checkpoint before", async () => {
  const directory = await Deno.makeTempDir();
  const wild = "--learning-rate 10 --weight-cost 1 --batch-size 2 --final-momentum 0.99".split(" ");
  const { code, err } = await run("train", ...tiny, ...wild, "--run", directory);
  assertEquals(code, 1, err);
  assert(
    /Training diverged: in rbm1 epoch 1, weights\[\d+\] is (NaN|-?Infinity)/.test(err),
    err,
  );
});

Deno.test("a warning is printed and kept in result.json; with --strict it ends the run", async () => {
  const directory = await Deno.makeTempDir();
  const small = ["--hidden", "8", "--top", "0", "--divisor", "1000000"];
  const faint = ["train", ...brief, ...small, "--run", directory];
  const warned = await run(...faint);
  assertEquals(warned.code, 0, warned.err);
  assert(/^warning: data: no value is above 1\/255/m.test(warned.err), warned.err);
  const result = JSON.parse(await Deno.readTextFile(`${directory}/result.json`));
  assertEquals(result.warnings[0].kind, "faint data");
  const strict = await run(...faint, "--restart", "--strict");
  assertEquals(strict.code, 1, strict.err);
  assert(/^error: --strict: data: no value is above 1\/255/m.test(strict.err), strict.err);
});

Deno.test("runs share RBMs, are compared, and measured by others", async () => {
  const directory = await Deno.makeTempDir(), at = (name: string) => `${directory}/${name}`;
  const ok = async (script: string, ...args: string[]) => {
    const { code, out, err } = await run(script, ...args);
    assertEquals(code, 0, err);
    return { out, err };
  };
  const model = at("m/1");
  await ok("train", ...tiny, "--run", at("a"), "--out", at("m/0"));
  const shared = [...tiny, "--pretrained", at("a"), "--quiet"];
  const later = await ok(
    "train",
    ...shared,
    "--run",
    at("b"),
    "--out",
    model,
    "--set",
    "upDown.epochs=1",
  );
  assertEquals(later.err.match(/(classifier|up-down|top) 1\//g), ["up-down 1/"]);
  const parts = [await loadModel(at("m/0")), await loadModel(model)];
  assertEquals(parts[1].classifier, parts[0].classifier);
  assert(parts[1].dbn.stack[0].generativeWeights !== undefined);
  const tried = await ok(
    "train",
    ...shared,
    ...["--run", at("c"), "--no-output", "--set", "upDown.epochs=0", "--dropout", "0.1"],
  );
  assertEquals(tried.err.match(/(classifier|top) \d\//g), ["classifier 1/"]);
  assert(tried.out.includes("val err%") && !tried.out.includes("test error"), tried.out);
  const column = (hidden: string, name: string, ...more: string[]) =>
    ok(
      "train",
      ...brief,
      "--hidden",
      hidden,
      "--top",
      "0",
      "--run",
      at(name),
      "--no-output",
      ...more,
    );
  await column("11", "low");
  const higher = await column("11,8", "high", "--pretrained", at("low"), "--quiet");
  assertEquals(higher.err.match(/rbm\d 1\//g), ["rbm2 1/"]);
  await column("11,8", "whole");
  // Another second RBM: the first one is still the same.
  const slower = ["--set", "upperStack.learningRate=0.01"];
  const changed = await column("11,8", "changed", "--pretrained", at("high"), "--quiet", ...slower);
  assertEquals(changed.err.match(/rbm\d 1\//g), ["rbm2 1/"]);
  await column("11,8", "changed-whole", ...slower);
  const [inParts, atOnce, changedInParts, changedAtOnce] = await Promise.all(
    ["high", "whole", "changed", "changed-whole"].map((name) =>
      readCheckpoint(`${at(name)}/checkpoint.safetensors`)
    ),
  );
  assertEquals(inParts.tensors, atOnce.tensors);
  assertEquals(changedInParts.tensors, changedAtOnce.tensors);
  const other = await run(
    ...["train", ...brief, "--hidden", "10", "--top", "0"] as const,
    ...["--pretrained", at("low"), "--run", at("e")],
  );
  assert(/its first RBM must be .*"units":10,.* got .*"units":/.test(other.err), other.err);
  const refused = await run("train", ...shared, "--run", at("d"), "--seed", "2");
  assert(refused.err.includes("seed must be 2, got 1"), refused.err);

  const network = "hidden=[9] top=7 split=train[:300] fineTuning.epochs=1 " +
    "fineTuning.augmentation.elasticAlpha=30 fineTuning.optimizer=nesterov";
  const evaluation = await ok(
    "train",
    "--recipe",
    "evaluation",
    "--set",
    network,
    "--run",
    at("j"),
  );
  assert(/test error on 10000 images: classifier \d/.test(evaluation.out), evaluation.out);
  const scratch = ["--recipe", "evaluation", "--set", network, "--run", at("k")];
  const none = await run("train", ...scratch, "--pretrained", at("j"));
  assert(none.err.includes("it trains no RBM"), none.err);
  const single = `${network} split=train[:301] fineTuning.batchNormalization=true`;
  const odd = await run("train", "--recipe", "evaluation", "--set", single, "--run", at("l"));
  assert(odd.err.includes("at least 2 cases in the last batch, got 1 of 301"), odd.err);
  const samples = await ok(
    "samples",
    "--model",
    model,
    "--classifier",
    at("j"),
    "--n",
    "2",
    "--steps",
    "9",
    "--json",
  );
  const { readAsIntendedByClass, nearestTrainingImage } = JSON.parse(samples.out);
  assertEquals(readAsIntendedByClass.length, 10);
  assert(nearestTrainingImage.test.smallest > 0 && nearestTrainingImage.samples.smallest > 0);
  const noClassifier = await run("samples", "--model", model, "--classifier", at("a"));
  assert(noClassifier.err.includes("a finished run without pretraining"), noClassifier.err);

  const options = ["--runs", "4", "--steps", "60", "--split", "test[:200]", "--json"];
  const bound = JSON.parse((await ok("likelihood", "--model", model, ...options)).out);
  assertEquals([bound.kind, bound.images], ["lower bound", 200]);
  for (const { logZ, low, high } of [bound.fromBelow, bound.fromAbove]) {
    assert(low < logZ && logZ < high);
  }
  const { fromBelow, fromAbove, mean, meanFromBelow, meanFromAbove } = bound;
  assert(mean < 0);
  assertAlmostEquals(meanFromBelow - meanFromAbove, fromAbove.logZ - fromBelow.logZ, 1e-9);
  assertEquals(mean, Math.min(meanFromBelow, meanFromAbove));
  const stack = await ok("likelihood", "--run", at("a"), ...options);
  assertEquals(JSON.parse(stack.out).kind, "lower bound");

  const runs = ["a", "b", "j"].map(at).join(",");
  const table = (await ok("compare", "--runs", runs, "--plot", at("plot.svg"))).out.trim().split(
    "\n",
  );
  assertEquals(table.length, 5);
  assertEquals(table[3].match(/\d % \(/g)?.length, 3, table[3]); // classifier, greedy, up-down
  const plot = readSvg(await Deno.readTextFile(at("plot.svg")));
  for (const title of ["Classifier: held-out error", "Classifier: training error"]) {
    assert(plot.texts.includes(title), plot.texts.join(" | "));
  }
});

for (
  const [script, args, message] of [
    ["train", ["--resume", "--run", "/nowhere"], "--resume found no checkpoint at /nowhere"],
    ["train", ["--resume", "--restart"], "exclude each other"],
    ["train", ["--dataset", "cifar", "--run", "/nowhere"], 'mnist, idx, got "cifar"'],
    ["train", ["--dataset", "idx", "--run", "/nowhere"], "needs --data DIR"],
    [
      "train",
      ["--data", "/nowhere", "--run", "/nowhere"],
      "none of /nowhere/train-images-idx3-ubyte",
    ],
    ["train", ["--split", "train[:70000]", "--run", "/nowhere"], "[-60000, 60000], got 70000"],
    ["train", ["--split", "train", "--run", "/nowhere"], '"train[11/12:]", which shares 5000'],
    ["evaluate", ["--engine", "cuda"], 'one of simd, tfjs, onnx, reference, got "cuda"'],
    ["evaluate", ["--split", "dev"], "splits are train, test, got dev"],
    ["likelihood", ["--runs", "1"], '--runs must be an integer in [2, 10000], got "1"'],
    ["likelihood", ["--run", "a", "--model", "b"], "--model and --run exclude each other"],
    ["samples", ["--classifier", "/nowhere"], "--classifier /nowhere: no run is there"],
    ["samples", ["--n", "1"], '--n must be an integer in [2, 10000], got "1"'],
    ["compare", ["--plot", "a.png"], '--plot must end in .svg, got "a.png"'],
    ["card", ["--model", "/nowhere"], "/nowhere/config.json does not exist"],
    ["card", ["--dataset", "idx"], "--dataset idx needs --data DIR"],
    ["optimizers", ["--redraw", "--out", "/nowhere"], "/nowhere/results.json"],
    ["compare", ["--runs", "/nowhere"], "--runs: there is no log in /nowhere"],
    ["optimizers", ["--rate", "1"], "Unknown argument --rate"],
    ["export", ["--model", "/nowhere"], "/nowhere/config.json does not exist"],
    ["export", ["--to", "x"], "Unknown argument --to"],
  ] as [string, string[], string][]
) {
  Deno.test(`${script} refuses in one line: ${args.join(" ")}`, async () => {
    const { code, err } = await run(script, ...args);
    assert(code === 1 || code === 2, err);
    assert(err.includes(message), `${err} lacks ${message}`);
    assertEquals(err.trim().split("\n").length, 1, err);
  });
}

Deno.test("epochs and times read well", () => {
  const record = { stage: "top", epoch: 3, epochs: 5, seconds: 9.12, metrics: { loss: 0.12345 } };
  assertEquals(epochLine(record), "top 3/5 9.1 s | loss 0.1235");
  assertEquals([5, 65, 3725].map(formatSeconds), ["5s", "1m05s", "1h02m"]);
});

Deno.test("error rates carry Wilson's interval", () => {
  // Wilson (1927): 100 of 10,000 has the 95 % interval 0.8229 % to 1.2148 %.
  assertEquals(errorRate(100, 10_000), { wrong: 100, percent: 1, interval: [0.823, 1.215] });
  assertEquals(errorRate(0, 100).interval[0], 0);
});
