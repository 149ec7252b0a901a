/**
 * `dbn import`: parameters that another program has learnt. A classifier becomes a version, an RBM a run.
 * @module
 */
import { basename, join } from "@std/path";
import type { Command } from "../../../src/cli/command.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../../src/cli/flags.ts";
import { taskCommand } from "../../../src/cli/shell.ts";
import type { Dtype } from "../../../src/format/safetensors.ts";
import { type HiddenActivation, hiddenActivations } from "../../../src/model/dbn.ts";
import { FileRefused, readRegularFile } from "../../../src/outside/regular_file.ts";
import { cut, visible } from "../../../src/outside/shown.ts";
import { loadModel, releasedModel, sha256 } from "../../../src/repository/model_directory.ts";
import { saveImportedVersion } from "../../artifacts/interchange/imported_version.ts";
import { MAX_IMPORT_BYTES } from "../../imports/arrays.ts";
import {
  type ClassifierSource,
  classifierSources,
  importClassifier,
  MAX_SCALE,
} from "../../imports/classifier.ts";
import { importRbm } from "../../imports/rbm.ts";
import { writeImportedRun } from "../../run/imported.ts";
import { lockRun } from "../../run/lock.ts";
import {
  checkNameFlag,
  checkNewDirectory,
  forceFlag,
  lockModel,
  unlessInterrupted,
} from "../outputs.ts";

const SCIKIT_LEARN = "scikit-learn";

const flagTable: FlagTable = {
  from: {
    kind: "string",
    help: "the program: pytorch or keras for a classifier, scikit-learn for a BernoulliRBM",
    choices: [...classifierSources, SCIKIT_LEARN],
    isRequired: true,
  },
  activation: {
    kind: "string",
    group: "Classifier",
    help: "of the hidden layers; the last layer is softmax",
    choices: hiddenActivations,
  },
  layers: {
    kind: "string",
    group: "Classifier",
    help: "PyTorch's modules in their order, as in fc1,fc2, where names and sizes do not tell it",
  },
  mean: {
    kind: "number",
    group: "Classifier",
    help: "what was subtracted from pixels in [0, 1] in training",
    default: "0",
    range: [-MAX_SCALE, MAX_SCALE],
  },
  std: {
    kind: "number",
    group: "Classifier",
    help: "by what they were divided after that",
    default: "1",
    range: [1 / MAX_SCALE, MAX_SCALE],
  },
  base: {
    kind: "path",
    group: "Classifier",
    help: "version whose DBN, labels and probe images to keep",
    default: releasedModel,
  },
  dtype: {
    kind: "string",
    group: "Output",
    help: "how the weights of a classifier's version are stored; i8 with a scale a column",
    choices: ["i8", "f16", "f32"],
    default: "f32",
  },
  name: {
    kind: "string",
    group: "Output",
    help: "model name of a classifier's version",
    default: "the base's",
  },
  out: {
    kind: "path",
    group: "Output",
    help: "directory of a classifier's version, new or empty",
    default: "models/NAME/next version",
  },
  run: {
    kind: "path",
    group: "Output",
    help: "directory of an RBM's run, new or empty",
    default: "runs/FILE without its ending",
  },
  force: forceFlag,
};

/** `dbn import`. */
export const command: Command = {
  usage: "deno task dbn import FILE --from pytorch|keras|scikit-learn [flags]",
  about:
    `Reads parameters from safetensors or NPZ. A classifier of PyTorch or Keras becomes a version, with the DBN
of another version; a BernoulliRBM of scikit-learn becomes a run, for train --pretrained and likelihood.`,
  positionals: { file: { kind: "path", help: "safetensors file or NPZ archive" } },
  flags: flagTable,
  run,
};

async function run(flags: FlagValues): Promise<void> {
  checkFlags(flags);
  await (flags.from === SCIKIT_LEARN ? importRun(flags) : importVersion(flags));
}

/** Flags of classifiers and of RBMs. */
const ofClassifiers = ["activation", "layers", "mean", "std", "base", "dtype", "name", "out"];
const ofRbms = ["run"];

/** @throws {FlagError} if a flag is of the other kind of import, or the activation is left out. */
function checkFlags(flags: FlagValues): void {
  const from = flags.from as string, excluded = from === SCIKIT_LEARN ? ofClassifiers : ofRbms;
  const found = excluded.find((name) => flags[name] !== undefined);
  if (found !== undefined) throw new FlagError(`--from ${from} and --${found} exclude each other`);
  if (from !== SCIKIT_LEARN && flags.activation === undefined) {
    throw new FlagError(`--activation must be given, one of ${hiddenActivations.join(", ")}`);
  }
}

async function importVersion(flags: FlagValues): Promise<void> {
  const path = flags.file as string, from = flags.from as ClassifierSource;
  const bytes = await readSource(path);
  const { mean, std } = flags as { mean?: number; std?: number };
  const classifier = await importClassifier(bytes, {
    ...{ from, mean, std, file: cut(path) },
    activation: flags.activation as HiddenActivation,
    layers: (flags.layers as string | undefined)?.split(","),
  });
  const base = await loadModel(flags.base as string | undefined);
  const name = (flags.name ?? base.config.name) as string;
  checkNameFlag(name);
  using locks = new DisposableStack();
  const out = await lockModel(name, flags, locks);
  const dtype = (flags.dtype as string | undefined)?.toUpperCase() as Dtype | undefined;
  const source = { from, file: basename(path), sha256: await sha256(bytes), mean, std };
  const { config } = await unlessInterrupted(
    { locks, interrupted: `${out} is not written` },
    (signal) => saveImportedVersion(classifier, { base, name, out, source, dtype, signal }),
  );
  const { layers, labels } = config.architecture;
  const sizes = [layers[0], ...config.architecture.classifier, labels.length].join("-");
  console.log(
    `imported a classifier ${sizes} over ${base.config.name}/${base.config.version}\n` +
      `model: ${out}\nmeasure it: ${taskCommand("dbn", ["evaluate", "--model", out])}\n` +
      `serve it: ${taskCommand("start", ["--model", out])}`,
  );
}

async function importRun(flags: FlagValues): Promise<void> {
  const path = flags.file as string, stem = basename(path).replace(/\.[^.]*$/, "");
  const directory = (flags.run ?? join("runs", stem)) as string;
  const bytes = await readSource(path), rbm = await importRbm(bytes, { file: cut(path) });
  await checkNewDirectory({ flag: "run", path: directory }, flags.force === true);
  using locks = new DisposableStack();
  locks.use(await lockRun(directory));
  const digest = await sha256(bytes);
  const imported = `BernoulliRBM of scikit-learn, ${visible(basename(path))}, SHA-256 ${digest}`;
  await unlessInterrupted(
    { locks, interrupted: `${directory} is not written` },
    () => writeImportedRun(directory, rbm, imported),
  );
  const { visibleSize, hiddenSize } = rbm;
  const words = ["train", "--pretrained", directory, "--hidden", String(hiddenSize)];
  console.log(
    `imported an RBM of ${visibleSize} visible and ${hiddenSize} hidden units\n` +
      `run: ${directory}\ntrain a model on it: ${taskCommand("dbn", words)}`,
  );
}

/** @throws {FlagError} naming the file where it is not there, no regular file, or too large. */
async function readSource(path: string): Promise<Uint8Array> {
  try {
    return await readRegularFile(path, { maxBytes: MAX_IMPORT_BYTES });
  } catch (error) {
    if (error instanceof FileRefused) throw new FlagError(`${cut(path)}: ${error.message}`);
    const { code } = error as { code?: string };
    if (!(error instanceof Error) || code === undefined) throw error;
    const why = code === "ENOENT" ? "does not exist" : `must be readable, got ${code}`;
    throw new FlagError(`FILE ${cut(path)} ${why}`);
  }
}
