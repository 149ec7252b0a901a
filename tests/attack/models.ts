/**
 * Attacks the reader of model directories: files cut, changed, missing, or with a header that lies. What is
 * accepted must be finite, and the engine that serves must agree with the reference on it.
 * @module
 */
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { createSimdEngine } from "../../src/engine/simd/simd.ts";
import { modelFiles } from "../../src/format/config.ts";
import { WeightsFormatError } from "../../src/format/safetensors.ts";
import {
  classifierTensors,
  dbnTensors,
  expandModel,
  type Model,
} from "../../src/format/weights.ts";
import { ModelFileMissingError } from "../../src/repository/bounded_read.ts";
import { loadModel, saveModel } from "../../src/repository/model_directory.ts";
import { toDtype } from "../../train/artifacts/weights/quantize.ts";
import { tinyModel } from "../model/tiny_model.ts";
import { attackReader, type Attempt } from "./files.ts";
import type { Cases } from "./http.ts";
import { mutated, oddDocument } from "./mutate.ts";
import type { CaseRandom } from "./random.ts";
import type { Report } from "./report.ts";
import { oddWeights } from "./weights.ts";

/** The largest difference of two engines' probabilities. */
const TOLERANCE = 1e-4;

const names = [modelFiles.config, modelFiles.dbn, modelFiles.classifier];
const [height, width] = [4, 3];

/** Reads mutated copies of a tiny model of every dtype; what is accepted must also classify. */
export async function attackModels(report: Report, cases: Cases): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "attack-models-" });
  const model = tinyModel({ height, width, hidden: [6, 5], top: 7, labels: 3 });
  const ofDtypes: Map<string, Uint8Array>[] = [];
  for (const dtype of ["F32", "F16", "I8"] as const) {
    await saveModel(directory, toDtype(model, dtype));
    const files = new Map<string, Uint8Array>();
    for (const name of names) files.set(name, await Deno.readFile(`${directory}/${name}`));
    ofDtypes.push(files);
  }
  const attempt: Attempt = async (random) => {
    const files = random.pick(ofDtypes), broken = brokenFiles(files, random);
    for (const [name, bytes] of files) {
      await Deno.writeFile(`${directory}/${name}`, broken.get(name) ?? bytes);
      if (!broken.has(name)) await Deno.remove(`${directory}/${name}`);
    }
    await useModel(await loadModel(directory));
  };
  try {
    await attackReader(report, "models", cases, {
      attempt,
      isRefusal: (error) =>
        (error instanceof WeightsFormatError || error instanceof ModelFileMissingError) &&
        names.some((name) => error.message.includes(name)),
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Weights up to which sums in float32 and in double precision agree. */
const MODERATE = 1000;

/** @throws {Error} if a weight is not finite, or the engines disagree on weights that are moderate. */
async function useModel(model: Model): Promise<void> {
  const { dbn, classifier, config: { architecture } } = expandModel(model);
  const tensors = [...dbnTensors(dbn).values(), ...classifierTensors(classifier).values()];
  const largest = tensors.flatMap(({ data }) => [...data])
    .reduce((most, weight) => Math.max(most, Math.abs(weight)), 0); // NaN once it is met
  if (!Number.isFinite(largest)) throw new Error("accepted weights that are not finite");
  const images = new Float32Array(architecture.height * architecture.width).fill(0.5);
  const engines = [createReferenceEngine(model), await createSimdEngine(model)];
  try {
    const [right, got] = await Promise.all(engines.map(async (engine) => [
      ...await engine.classifierProbabilities(images),
      ...(await engine.jointPosterior(images)).probabilities,
    ]));
    if (largest > MODERATE) return;
    const far = right.findIndex((p, i) => !(Math.abs(p - got[i]) <= TOLERANCE));
    if (far >= 0) throw new Error(`engines disagree: ${right[far]} and ${got[far]} at ${far}`);
  } finally {
    for (const engine of engines) engine.dispose();
  }
}

/** The files of a case by name; one that is left out is missing. */
function brokenFiles(
  files: ReadonlyMap<string, Uint8Array>,
  random: CaseRandom,
): Map<string, Uint8Array> {
  const out = new Map(files), name = random.pick(names), bytes = files.get(name)!;
  if (name === modelFiles.config) out.set(name, oddConfig(bytes, random));
  else {
    // Without hashes in config.json the readers must find the fault by themselves.
    if (random.chance(0.9)) {
      out.set(modelFiles.config, withoutHashes(files.get(modelFiles.config)!));
    }
    out.set(name, oddWeights(bytes, random));
  }
  if (random.chance(0.02)) out.delete(random.pick(names));
  return out;
}

const decode = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

function oddConfig(bytes: Uint8Array, random: CaseRandom): Uint8Array {
  if (random.chance(0.2)) return mutated(bytes, random);
  const config = decode(bytes), keys = Object.keys(config);
  if (random.chance(0.1)) delete config[random.pick(keys)];
  return oddDocument(config, random);
}

function withoutHashes(bytes: Uint8Array): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ ...decode(bytes), sha256: undefined }));
}
