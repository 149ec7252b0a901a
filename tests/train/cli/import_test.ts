import { assert, assertEquals } from "@std/assert";
import { createSimdEngine } from "../../../src/engine/simd/simd.ts";
import { modelFiles } from "../../../src/format/config.ts";
import { PROBE_FILE, readProbe } from "../../../src/format/probe.ts";
import { classifierProbabilities, expandClassifier } from "../../../src/model/dbn.ts";
import { describeVersion } from "../../../src/repository/describe_version.ts";
import { loadModel, saveModel } from "../../../src/repository/model_directory.ts";
import { openRepository } from "../../../src/repository/open.ts";
import { loadVersion } from "../../../src/serving/load_version.ts";
import { importRbm } from "../../../train/imports/rbm.ts";
import { largestDifference } from "../../engine/conformance.ts";
import { tinyModel } from "../../model/tiny_model.ts";
import { tinyProbe } from "../../model/tiny_probe.ts";
import { type Case, readCases } from "../imports/cases.ts";
import { npy, npz, numbers } from "../imports/files.ts";
import { brief, type Outcome, run, tiny, writeStripes } from "./program.ts";

const known = new URL("../imports/known", import.meta.url).pathname;
const cases = await readCases(known);
const place = await Deno.makeTempDir({ prefix: "imports " });
const at = (name: string) => `${place}/${name}`;

/** A version of 8×8 images under `name`. */
async function storeBase(name: string, labels = 10): Promise<string> {
  const model = tinyModel({ height: 8, width: 8, hidden: [12], top: 6, labels });
  await saveModel(at(name), model);
  await Deno.writeFile(`${at(name)}/${PROBE_FILE}`, await tinyProbe(model));
  return at(name);
}

const base = await storeBase("base/1");

function refused({ code, out, err }: Outcome, message: string, expected: number) {
  assertEquals([code, out, err.trim().split("\n").length], [expected, "", 1], err);
  assert(err.includes(message), `${err} lacks ${message}`);
}

/** The flags that a known case needs. */
function flagsOf({ from, activation, layers, mean, std }: Case): string[] {
  return [
    ...["--from", from, "--activation", activation],
    ...(layers ? ["--layers", layers.join(",")] : []),
    ...(mean ? ["--mean", `${mean}`, "--std", `${std}`] : []),
  ];
}

for (const name of ["torch_normalized.safetensors", "torch_named.safetensors", "keras.npz"]) {
  Deno.test(`dbn import makes a version that answers as its library does: ${name}`, async () => {
    const one = cases.find(({ file }) => file === name)!, out = at(`${name}/mlp/3`);
    const flags = [...flagsOf(one), "--base", base, "--out", out, "--name", "mlp"];
    const { code, err } = await run("import", `${known}/${name}`, ...flags);
    assertEquals(code, 0, err);
    const model = await loadModel(out), { config } = model;
    const images = Float32Array.from(one.inputs.flat());
    const right = Float32Array.from(one.probabilities.flat());
    const engine = createSimdEngine(model);
    assert(largestDifference(await engine.classifierProbabilities(images), right) <= 1e-5);
    engine.dispose();
    assertEquals([config.name, config.version], ["mlp", 3]);
    const source = config.training!.classifier as Record<string, unknown>;
    assertEquals([source.from, source.file], [one.from, name]);
    assertEquals((await loadModel(base)).dbn, model.dbn);
    const shape = { imageSize: 64, labelSize: 10 };
    const probe = readProbe(await Deno.readFile(`${out}/${PROBE_FILE}`), shape);
    assertEquals(
      probe.classifier,
      classifierProbabilities(expandClassifier(model.classifier), probe.images),
    );
    const { manifest } = await describeVersion(out),
      stored = await Deno.readTextFile(`${out}/manifest.json`);
    assertEquals(JSON.parse(stored), JSON.parse(JSON.stringify(manifest)));
    const paths = manifest.files.map(({ path }) => path);
    for (const path of Object.values(modelFiles)) assert(paths.includes(path), path);
    const card = await Deno.readTextFile(`${out}/README.md`);
    assert(card.includes(name) && card.includes("of tiny version 1"), card);
  });
}

Deno.test("an import over an import keeps the origin of the DBN", async () => {
  const [first, second] = [at("first/1"), at("second/1")], file = `${known}/torch_relu.safetensors`;
  const flags = ["--from", "pytorch", "--activation", "relu"];
  assertEquals((await run("import", file, ...flags, "--base", base, "--out", first)).code, 0);
  assertEquals((await run("import", file, ...flags, "--base", first, "--out", second)).code, 0);
  const { training } = (await loadModel(second)).config;
  assertEquals(training!.dbn, (await loadModel(first)).config.training!.dbn);
});

const torch = `${known}/torch_relu.safetensors`,
  relu = ["--from", "pytorch", "--activation", "relu"];
const refusals: [string, string[], string, number][] = [
  ["no program", [torch], "--from must be given", 2],
  [
    "no activation",
    [torch, "--from", "pytorch"],
    "--activation must be given, one of sigmoid, relu",
    2,
  ],
  ["a file that is not there", [at("none.npz"), ...relu], "none.npz does not exist", 2],
  ["a directory", [place, ...relu], "it must be a regular file", 2],
  [
    "a run of a classifier",
    [torch, ...relu, "--run", at("r")],
    "--from pytorch and --run exclude each other",
    2,
  ],
  [
    "an activation of an RBM",
    [`${known}/rbm.npz`, ...["--from", "scikit-learn"], "--activation", "relu"],
    "--from scikit-learn and --activation exclude each other",
    2,
  ],
  [
    "an archive of an RBM",
    [`${known}/rbm.npz`, "--from", "keras", "--activation", "relu"],
    "rbm.npz: it must hold a kernel and a bias a layer, got 3 arrays",
    1,
  ],
  [
    "a base of other images",
    [torch, ...relu, "--out", at("x")],
    "the classifier must take the 784 pixels (28×28) of mnist-dbn/3, got 64 inputs",
    1,
  ],
  [
    "a base of other labels",
    [torch, ...relu, "--base", await storeBase("three/1", 3), "--out", at("x")],
    "the classifier must have the 3 labels of tiny/1, got 10 outputs",
    1,
  ],
  [
    "an output that is full",
    [torch, ...relu, "--base", base, "--out", place],
    "add --force to write over them",
    2,
  ],
  [
    "a name that is none",
    [torch, ...relu, "--base", base, "--name", "a/b"],
    "--name: a model's name must be",
    2,
  ],
];
for (const [what, args, message, code] of refusals) {
  Deno.test(`dbn import refuses ${what}, and writes nothing`, async () => {
    refused(await run("import", ...args), message, code);
    const left = [...Deno.readDirSync(place)].map(({ name }) => name);
    assertEquals(left.filter((name) => /^x$|partial|lock/.test(name)), []);
  });
}

/** An archive of an RBM of 784 visible and 8 hidden units. */
async function writeRbm(path: string): Promise<void> {
  await Deno.writeFile(
    path,
    await npz({
      components_: npy({ shape: [8, 784], data: numbers(8 * 784).map((x) => x / 8), descr: "<f8" }),
      intercept_hidden_: npy({ shape: [8], data: numbers(8) }),
      intercept_visible_: npy({ shape: [784], data: numbers(784) }),
    }),
  );
}

Deno.test("an imported RBM is the first of a stack that is trained on it", async () => {
  const file = at("first.npz"), own = at("run"), out = at("trained/1");
  await writeRbm(file);
  await writeStripes(at("stripes"), 400);
  const imported = await run("import", file, "--from", "scikit-learn", "--run", own);
  assertEquals(imported.code, 0, imported.err);
  assert(imported.out.includes(`--pretrained '${own}' --hidden 8`), imported.out);
  const data = ["--dataset", "idx", "--data", at("stripes")];
  const flags = [...data, "--pretrained", own, "--run", at("next"), "--out", out, "--quiet"];
  const trained = await run("train", ...tiny, ...flags);
  assertEquals(trained.code, 0, trained.err);
  const rbm = await importRbm(await Deno.readFile(file)), { dbn, config } = await loadModel(out);
  assertEquals(dbn.stack[0].weights, rbm.weights);
  assertEquals(dbn.stack[0].visibleBias, rbm.visibleBias);
  const origin = config.training!.imported as string;
  assert(/^BernoulliRBM of scikit-learn, first\.npz, SHA-256 [0-9a-f]{64}$/.test(origin), origin);
  const card = await Deno.readTextFile(`${out}/README.md`);
  assert(
    card.includes(`- First RBM: ${origin}, not trained here.\n- Other RBMs of the stack: `),
    card,
  );
  const log = await Deno.readTextFile(`${at("next")}/log.jsonl`);
  assert(!log.includes('"rbm1"') && log.includes('"rbm2"'), log);
});

Deno.test("an imported RBM that does not fit a recipe or the images is refused", async () => {
  const file = at("other.npz"), own = at("other");
  await writeRbm(file);
  await run("import", file, "--from", "scikit-learn", "--run", own);
  const start = ["--pretrained", own, "--run", at("never"), "--no-output"];
  refused(
    await run("train", ...brief, "--hidden", "9,8", "--top", "12", ...start),
    "its RBM has 8 hidden units, so hidden must begin with that, got [9,8]",
    2,
  );
  const small = at("small");
  await run("import", `${known}/rbm.npz`, "--from", "scikit-learn", "--run", small);
  refused(
    await run(
      "train",
      ...brief,
      ...["--hidden", "16,8", "--top", "12"],
      "--pretrained",
      small,
      "--run",
      at("never"),
      "--no-output",
    ),
    "the first RBM has 64 visible units, got images of 784 pixels",
    2,
  );
});

Deno.test("log-likelihoods are estimated of an imported RBM", async () => {
  const file = at("measured.npz"), own = at("measured");
  await writeRbm(file);
  await run("import", file, "--from", "scikit-learn", "--run", own);
  const { code, out, err } = await run(
    "likelihood",
    "--run",
    own,
    "--steps",
    "30",
    "--runs",
    "2",
    "--split",
    "test[:20]",
  );
  assertEquals(code, 0, err);
  assert(out.includes("log Z"), out);
});

Deno.test("an imported version answers its probe where it is served", async () => {
  const file = `${known}/torch_relu.safetensors`,
    flags = ["--from", "pytorch", "--activation", "relu"];
  const out = at("repository/mlp/1");
  assertEquals(
    (await run("import", file, ...flags, "--base", base, "--out", out, "--name", "mlp")).code,
    0,
  );
  const repository = await openRepository(at("repository"));
  for (const engine of ["simd", "reference"] as const) {
    const served = await loadVersion(repository, { model: "mlp", version: 1 }, { engine });
    assert((await served.readCard())!.includes("imported from PyTorch"));
    served.compute.dispose();
  }
  repository.close();
});

Deno.test("a file that the system does not open is told in one short line", async () => {
  await Deno.symlink("loop", at("loop"));
  const flags = ["--from", "scikit-learn", "--run", at("none")];
  for (const [file, why] of [["x".repeat(3000), "ENAMETOOLONG"], [at("loop"), "ELOOP"]]) {
    const outcome = await run("import", file, ...flags);
    refused(outcome, `must be readable, got ${why}`, 2);
    assert(outcome.err.length < 500, outcome.err);
  }
});

Deno.test("an argument of any length makes no long error", async () => {
  const long = "x".repeat(100_000);
  for (const args of [["evaluate", "--model", long], [long], ["evaluate", `--${long}`]]) {
    const { code, err } = await run(...args);
    assert(code > 0 && err.length < 1100, `${code}: ${err.length} characters`);
  }
});
