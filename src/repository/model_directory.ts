/**
 * Reads and writes model directories. The only part of the model that touches files. Node's modules are
 * imported where they are needed, because Deno takes 40 ms to start them and a server's first answer
 * would wait.
 * @module
 */
import { checkConfig, type ModelConfig, modelFiles } from "../format/config.ts";
import { WeightsFormatError } from "../format/safetensors.ts";
import { makeDirectory } from "../outside/files.ts";
import { pathUrl } from "../outside/platform.ts";
import { shownUrl } from "../outside/shown.ts";
import {
  maxWeightBytes,
  type Model,
  readModel,
  type WeightFile,
  writeWeights,
} from "../format/weights.ts";
import { ModelFileMissingError, readBounded } from "./bounded_read.ts";
import { checkHash } from "./model_bytes.ts";
import { sha256 } from "../outside/sha256.ts";
import { writeWhole } from "./write_file.ts";

export { sha256 };

/** Directory of the released model in this repository: what serving loads by default. */
export const releasedModel = "models/mnist-dbn/3";

/** The released model, beside this module: in a bundle beside the bundle. */
export function releasedUrl(): URL {
  return new URL(`../../${releasedModel}/`, import.meta.url);
}

/** A model and where it was read from. */
export interface StoredModel extends Model {
  /** Directory of the model, with a closing slash. */
  url: URL;
}

/**
 * Loads a model from a directory: a path, a `file:` URL or an `https:` URL.
 *
 * @throws {WeightsFormatError} if a file is broken, does not match config.json or its SHA-256.
 * @throws {Error} naming the missing file and how to make a model.
 */
export async function loadModel(directory?: string | URL): Promise<StoredModel> {
  const { config, files, url, verified } = await readModelFiles(directory);
  const model = readModel(config, files, url);
  await verified;
  return { ...model, url };
}

/** The files of a model as they are, before tensors are read. */
export interface ModelFiles {
  /** What config.json says. */
  config: ModelConfig;
  /** Bytes of the weight files. */
  files: { dbn: Uint8Array; classifier: Uint8Array };
  /** Directory of the model, with a closing slash. */
  url: URL;
  /** Rejects where a file's SHA-256 is not that of config.json. */
  verified: Promise<void>;
}

/**
 * Reads a model's files; what a server does with them before its first answer goes on beside their
 * hashing.
 * @throws {WeightsFormatError} if config.json is broken.
 * @throws {Error} naming the missing file and how to make a model.
 */
export async function readModelFiles(
  directory: string | URL = releasedUrl(),
): Promise<ModelFiles> {
  const url = await directoryUrl(directory);
  const configName = shownUrl(new URL(modelFiles.config, url));
  const bytes = await readModelFile(url, modelFiles.config);
  const config = checkConfig(parseConfig(bytes, configName), configName);
  const names: WeightFile[] = [modelFiles.dbn, modelFiles.classifier];
  const files = await Promise.all(names.map((name) => readHashed({ url, config }, name)));
  const [dbn, classifier] = files;
  const verified = Promise.all(files.map(async ({ name, hash }) => {
    checkHash(config, name, await hash, url);
  })).then(() => {});
  Promise.allSettled([verified]); // its error is thrown where it is awaited
  return { config, files: { dbn: dbn.bytes, classifier: classifier.bytes }, url, verified };
}

/** The bytes of a file, and their hash, which other threads make while this one goes on. */
async function readHashed(model: { url: URL; config: ModelConfig }, name: WeightFile) {
  const bytes = await readWeightFile(model, name), hash = sha256(bytes);
  Promise.allSettled([hash]); // its error is thrown where it is awaited
  return { name, bytes, hash };
}

/** Writes config.json and the two weight files; each file replaces the old one whole. */
export async function saveModel(directory: string | URL, model: Model): Promise<StoredModel> {
  const url = await directoryUrl(directory);
  checkConfig(model.config);
  const weights = writeWeights(model);
  const config = {
    ...model.config,
    sha256: {
      [modelFiles.dbn]: await sha256(weights.dbn),
      [modelFiles.classifier]: await sha256(weights.classifier),
    },
  };
  await makeDirectory(url);
  await writeModelFile(url, modelFiles.dbn, weights.dbn);
  await writeModelFile(url, modelFiles.classifier, weights.classifier);
  await writeModelFile(url, modelFiles.config, `${JSON.stringify(config, null, 2)}\n`);
  return { ...model, config, url };
}

/** The most that a file without weights may hold, in bytes: the released model's largest holds 69 KB. */
export const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/**
 * The bytes of one file of a model directory that holds no weights.
 * @throws {ModelFileMissingError} saying what is missing.
 * @throws {WeightsFormatError} if it is no regular file, or holds more than 16 MiB.
 */
export function readModelFile(directory: URL, name: string): Promise<Uint8Array> {
  return readBounded(new URL(name, directory), { maxBytes: MAX_TEXT_BYTES });
}

/**
 * The bytes of a weight file, of no more than its model's shapes allow.
 * @throws {ModelFileMissingError} saying what is missing.
 * @throws {WeightsFormatError} if it is no regular file, or holds more.
 */
export function readWeightFile(
  { url, config }: { url: URL; config: ModelConfig },
  name: WeightFile,
): Promise<Uint8Array> {
  const bound = {
    maxBytes: maxWeightBytes(config, name),
    from: "the shapes of config.json and 4 GiB",
  };
  return readBounded(new URL(name, url), bound);
}

/** The same of a file that a model need not have: undefined where it has none. */
export async function readOptionalModelFile(
  directory: URL,
  name: string,
): Promise<Uint8Array | undefined> {
  try {
    return await readModelFile(directory, name);
  } catch (error) {
    if (!(error instanceof ModelFileMissingError)) throw error;
    return undefined;
  }
}

/** Reads a model's card, once; undefined where it has none. */
export function cardReader(directory?: URL): () => Promise<string | undefined> {
  if (!directory) return () => Promise.resolve(undefined);
  let card: Promise<string | undefined> | undefined;
  return () =>
    card ??= readOptionalModelFile(directory, modelFiles.card)
      .then((bytes) => bytes && new TextDecoder().decode(bytes));
}

/** Writes a file of a model directory whole. @throws {Error} naming the file. */
export async function writeModelFile(
  directory: URL,
  name: string,
  content: Uint8Array | string,
): Promise<void> {
  await writeWhole(new URL(name, directory), content);
}

/** A directory's URL, with the closing slash that relative URLs need. */
export async function directoryUrl(directory: string | URL): Promise<URL> {
  const url = directory instanceof URL || /^(https?|file):/.test(directory)
    ? new URL(directory)
    : await pathUrl(directory);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

function parseConfig(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new WeightsFormatError(`Cannot read ${file}: it is not JSON`, { cause });
  }
}
