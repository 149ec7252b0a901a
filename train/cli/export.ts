/**
 * `dbn export`: writes the ONNX files of a model that has none, or anew; or a version of the same weights
 * in fewer bits; or its classifier as a LayersModel of TensorFlow.js.
 * @module
 */
import { join } from "@std/path";
import type { Command } from "../../src/cli/command.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../src/cli/flags.ts";
import { taskCommand } from "../../src/cli/shell.ts";
import { bytesOfDtype, type Dtype } from "../../src/format/safetensors.ts";
import { dtypeOf } from "../../src/format/weights.ts";
import {
  loadModel,
  releasedModel,
  type StoredModel,
} from "../../src/repository/model_directory.ts";
import { exportOnnx } from "../artifacts/interchange/export_onnx.ts";
import { writeModelManifest } from "../artifacts/version.ts";
import { exportVersion } from "../artifacts/weights/export_version.ts";
import { loadExamples } from "./data_flags.ts";
import { errorLine } from "./evaluate.ts";
import { checkNewDirectory, forceFlag, lockModel, unlessInterrupted } from "./outputs.ts";
import { factsOf, openTrainedDataset, trainedDataFlags, trainedOn } from "./trained_data.ts";

/** Flags of what is written into a directory of its own. */
const outputFlags: FlagTable = {
  out: {
    kind: "path",
    group: "Output",
    help: "directory of the new version or the LayersModel, new or empty",
    default: "models/NAME/next version, exports/NAME-VERSION-tfjs",
  },
  force: forceFlag,
};

/** Flags that only a new version has. */
const versionFlags: FlagTable = {
  ...Object.fromEntries(
    Object.entries(trainedDataFlags).map(([name, row]) => [name, { ...row, group: "New version" }]),
  ),
};

const flagTable: FlagTable = {
  model: { kind: "path", help: "model directory", default: releasedModel },
  format: {
    kind: "string",
    help: "of what to write: ONNX files, or the classifier as a LayersModel",
    choices: ["onnx", "tfjs"],
    default: "onnx",
  },
  dtype: {
    kind: "string",
    help: "write a new version whose weights have fewer bits; i8 with a scale a column",
    choices: ["i8", "f16", "f32"],
    default: "the model's own",
  },
  ...outputFlags,
  ...versionFlags,
};

/** `dbn export`. */
export const command: Command = {
  usage: "deno task dbn export [--model DIR] [--format tfjs | --dtype i8|f16] [--out DIR]",
  about:
    `Writes model.onnx, hidden.onnx, visible.onnx and down.onnx beside a model's weights, and its manifest.
With --dtype, makes a new version of rounded weights, with everything that training leaves: its test
errors, card, pictures and probe are those of the new weights. With --format tfjs, writes the
classifier as a LayersModel: model.json and its weights, for tf.loadLayersModel.`,
  flags: flagTable,
  run,
};

async function run(flags: FlagValues): Promise<void> {
  const path = (flags.model ?? releasedModel) as string;
  checkFlags(flags);
  const model = await loadModel(flags.model as string | undefined);
  if (flags.format === "tfjs") return await writeLayersModel(model, flags);
  if (flags.dtype !== undefined) {
    return await writeVersion(model, path, (flags.dtype as string).toUpperCase() as Dtype, flags);
  }
  await exportOnnx(model);
  await writeModelManifest(model);
  console.log(`wrote the ONNX files of ${model.config.name} to ${model.url.pathname}`);
}

/** @throws {FlagError} if a flag is of something else than what is written. */
function checkFlags(flags: FlagValues): void {
  const given = (table: FlagTable) =>
    Object.keys(table).find((name) => flags[name] !== undefined && flags[name] !== false);
  if (flags.format === "tfjs") {
    const other = given({ dtype: flagTable.dtype, ...versionFlags });
    if (other !== undefined) throw new FlagError(`--format tfjs and --${other} exclude each other`);
  } else if (flags.dtype === undefined) {
    const other = given(versionFlags), out = given(outputFlags);
    if (other !== undefined) throw new FlagError(`--${other} needs --dtype`);
    if (out !== undefined) throw new FlagError(`--${out} needs --dtype or --format tfjs`);
  }
}

async function writeLayersModel(model: StoredModel, flags: FlagValues): Promise<void> {
  const { name, version } = model.config;
  const out = (flags.out ?? join("exports", `${name}-${version}-tfjs`)) as string;
  await checkNewDirectory({ flag: "out", path: out }, flags.force === true);
  const { exportLayersModel, LAYERS_MODEL_FILE } = await import(
    "../artifacts/interchange/layers_model.ts"
  );
  using locks = new DisposableStack();
  const files = await unlessInterrupted(
    { locks, interrupted: `${out} is not written` },
    (signal) => exportLayersModel(model, out, signal),
  );
  console.log(
    `wrote the classifier of ${name} to ${out}: ${files.length} files; ` +
      `in TensorFlow.js: tf.loadLayersModel(URL of ${LAYERS_MODEL_FILE})`,
  );
}

async function writeVersion(
  model: StoredModel,
  path: string,
  dtype: Dtype,
  flags: FlagValues,
): Promise<void> {
  checkNarrower(dtypeOf(model.config), dtype, model);
  const { recipe, dataset, evaluation: { greedy } } = factsOf(model, path);
  const data = await openTrainedDataset(flags, trainedOn(model.config));
  const test = await loadExamples(data, "test", model.config.preprocessing.divisor);
  using locks = new DisposableStack();
  const out = await lockModel(model.config.name, flags, locks);
  const dataDirectory = flags.data as string | undefined;
  console.error(`writing ${out} …`);
  const { evaluation } = await unlessInterrupted(
    { locks, interrupted: `${out} is not written` },
    (signal) =>
      exportVersion(model, {
        ...{ dtype, out, recipe, dataset, dataDirectory, greedy, test, signal },
      }),
  );
  console.log(`${out}: ${dtype} weights of version ${model.config.version}`);
  console.log(errorLine("classifier", evaluation.classifier));
  console.log(errorLine("joint model", evaluation.joint));
  console.log(`serve it: ${taskCommand("start", ["--model", out])}`);
}

/** @throws {FlagError} unless the weights would be stored in fewer bits: rounded ones have no more to give. */
function checkNarrower(from: Dtype, to: Dtype, { config: { name, version, origin } }: StoredModel) {
  if (bytesOfDtype[to] < bytesOfDtype[from]) return;
  const source = origin
    ? `; export from version ${origin.version}, which has them in ${origin.dtype}`
    : "";
  const reason = from === to
    ? `the weights of ${name} version ${version} are ${from} already`
    : `the weights of ${name} version ${version} are ${from}, and ${to} would only be larger${source}`;
  throw new FlagError(`--dtype ${to.toLowerCase()}: ${reason}`);
}
