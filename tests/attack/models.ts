/**
 * Attacks the reader of model directories: files cut, changed, missing, or with a header that lies.
 * @module
 */
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { modelFiles } from "../../src/format/config.ts";
import { WeightsFormatError } from "../../src/format/safetensors.ts";
import { ModelFileMissingError } from "../../src/repository/bounded_read.ts";
import { loadModel, saveModel } from "../../src/repository/model_directory.ts";
import { toDtype } from "../../train/artifacts/weights/quantize.ts";
import { tinyModel } from "../model/tiny_model.ts";
import { attackReader, type Attempt } from "./files.ts";
import type { Cases } from "./http.ts";
import { join, mutated, oddDocument } from "./mutate.ts";
import type { CaseRandom } from "./random.ts";
import type { Report } from "./report.ts";

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
    const loaded = await loadModel(directory);
    const { architecture } = loaded.config;
    const images = new Float32Array(architecture.height * architecture.width).fill(0.5);
    await createReferenceEngine(loaded).classifierProbabilities(images);
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

/** A safetensors file whose header, numbers or bytes were changed. */
export function oddWeights(bytes: Uint8Array, random: CaseRandom): Uint8Array {
  const way = random.below(10);
  if (way < 5) return oddHeader(bytes, random);
  return way < 6 ? oddNumbers(bytes, random) : mutated(bytes, random);
}

/** Numbers with some bits flipped: harmless unless one is no longer finite. */
function oddNumbers(bytes: Uint8Array, random: CaseRandom): Uint8Array {
  const out = bytes.slice(), start = headerEnd(out);
  for (let i = 1 + random.below(8); i > 0; i--) {
    out[start + random.below(out.length - start)] ^= 1 << random.below(8);
  }
  return out;
}

function headerEnd(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return 8 + Number(view.getBigUint64(0, true));
}

/** The file with one value of its safetensors header replaced, and a length that fits or does not. */
function oddHeader(bytes: Uint8Array, random: CaseRandom): Uint8Array {
  const end = headerEnd(bytes);
  const header = oddDocument(decode(bytes.subarray(8, end)), random), length = new Uint8Array(8);
  const lies = random.chance(0.1) ? random.pick([2 ** 32, 2 ** 53, 100_000_001, 0, 1]) : 0;
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length + lies), true);
  return join(length, header, bytes.subarray(end));
}
