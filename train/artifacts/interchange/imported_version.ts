/**
 * A version whose classifier comes from another program, and whose DBN is that of an existing version.
 * @module
 */
import { type ModelConfig, modelFiles } from "../../../src/format/config.ts";
import { PROBE_FILE, readProbe, writeProbe } from "../../../src/format/probe.ts";
import type { Dtype } from "../../../src/format/safetensors.ts";
import { dtypeOf } from "../../../src/format/weights.ts";
import { type Classifier, expandDbn } from "../../../src/model/dbn.ts";
import {
  directoryUrl,
  readModelFile,
  saveModel,
  type StoredModel,
  writeModelFile,
} from "../../../src/repository/model_directory.ts";
import { versionOf } from "../output.ts";
import { writeStaged } from "../staging.ts";
import { makeProbe, writeModelManifest } from "../version.ts";
import { toDtype } from "../weights/quantize.ts";
import { exportOnnx } from "./export_onnx.ts";
import { importedCard, type ImportedFrom } from "./imported_card.ts";

/** What an imported classifier is saved with. */
export interface ImportedVersionOptions {
  /** Has the DBN, the labels, the preprocessing and the probe's images. */
  base: StoredModel;
  name: string;
  /** Directory to write. */
  out: string;
  source: ImportedFrom;
  /** How both networks' weights are stored. @default "F32" */
  dtype?: Dtype;
  /** Aborted, what was written is removed at once, and nothing is in its place. */
  signal?: AbortSignal;
}

/**
 * Writes a version of the classifier over the base's DBN: weights, ONNX files, card, probe and manifest.
 * @throws {RangeError} naming both sizes where the base takes other images or has other labels.
 * @throws {ModelFileMissingError} if the base has no probe.
 */
export async function saveImportedVersion(
  classifier: Classifier,
  { base, name, out, source, dtype = "F32", signal }: ImportedVersionOptions,
): Promise<StoredModel> {
  checkFits(classifier, base.config);
  const images = await probeImages(base), url = await directoryUrl(out);
  const config = configOf(classifier, { base, name, source, dtype }, versionOf(url));
  const model = toDtype({ config, dbn: expandDbn(base.dbn), classifier }, dtype);
  const write = async (path: string) => {
    const stored = await saveModel(path, model);
    await exportOnnx(stored);
    await writeModelFile(stored.url, modelFiles.card, importedCard(stored.config, { out, source }));
    const probe = writeProbe(await makeProbe(model, images), classifier[0].inputSize);
    await writeModelFile(stored.url, PROBE_FILE, probe);
    await writeModelManifest(stored);
    return { ...stored, url };
  };
  return await writeStaged(out, write, signal);
}

/** @throws {RangeError} unless the classifier takes the base's images and tells its labels. */
export function checkFits(classifier: Classifier, { architecture, ...config }: ModelConfig): void {
  const { height, width, labels } = architecture, base = `${config.name}/${config.version}`;
  const { inputSize } = classifier[0], { outputSize } = classifier[classifier.length - 1];
  if (inputSize !== height * width) {
    throw new RangeError(
      `Cannot import: the classifier must take the ${
        height * width
      } pixels (${height}×${width}) of ${base}, got ${inputSize} inputs`,
    );
  }
  if (outputSize !== labels.length) {
    throw new RangeError(
      `Cannot import: the classifier must have the ${labels.length} labels of ${base}, got ${outputSize} outputs`,
    );
  }
}

async function probeImages({ url, config }: StoredModel): Promise<Float32Array> {
  const { height, width, labels } = config.architecture;
  const shape = { imageSize: height * width, labelSize: labels.length };
  return readProbe(await readModelFile(url, PROBE_FILE), shape).images;
}

/**
 * The base's config with the classifier's sizes; what was measured of the base's classifier is left out, and
 * of its DBN where its weights are rounded anew.
 */
function configOf(
  classifier: Classifier,
  { base, name, source, dtype }: Omit<ImportedVersionOptions, "out" | "signal">,
  version: number,
): ModelConfig {
  const { format, architecture, preprocessing, training, evaluation } = base.config;
  const { activation: _, ...kept } = architecture, { activation } = classifier[0];
  const { dataset, testSha256 } = training ?? {}, { split, images, joint } = evaluation ?? {};
  const areKept = dtype === "F32" || dtype === dtypeOf(base.config);
  return {
    format,
    name,
    version,
    architecture: {
      ...kept,
      classifier: classifier.slice(0, -1).map(({ outputSize }) => outputSize),
      ...(activation && { activation }),
    },
    preprocessing,
    training: {
      ...(dataset !== undefined && { dataset }),
      ...(testSha256 !== undefined && { testSha256 }),
      classifier: source,
      dbn: training?.dbn ?? { model: base.config.name, version: base.config.version, training },
    },
    ...(joint !== undefined && areKept && { evaluation: { split, images, joint } }),
  };
}
