/**
 * Reads and writes model directories. The only part of the model that touches files.
 * @module
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { encodeHex } from "@std/encoding/hex";
import {
  checkConfig,
  type Model,
  type ModelConfig,
  modelFiles,
  readModel,
  WeightsFormatError,
  writeWeights,
} from "./weights.ts";

/** Directory of the released model in this repository: what serving loads by default. */
export const releasedModel = "models/mnist-dbn/2";

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
export async function loadModel(
  directory: string | URL = new URL(`../../${releasedModel}/`, import.meta.url),
): Promise<StoredModel> {
  const url = directoryUrl(directory);
  const config = checkConfig(parseConfig(await readModelFile(url, modelFiles.config)));
  const [dbn, classifier] = await Promise.all([
    readModelFile(url, modelFiles.dbn),
    readModelFile(url, modelFiles.classifier),
  ]);
  const hashes = [
    checkHash(config, modelFiles.dbn, dbn), // on other threads, while this one reads
    checkHash(config, modelFiles.classifier, classifier),
  ];
  Promise.allSettled(hashes); // a file that cannot be read fails before its hash does
  const model = readModel(config, { dbn, classifier });
  await Promise.all(hashes);
  return { ...model, url };
}

/** Writes config.json and the two weight files; each file replaces the old one whole. */
export async function saveModel(directory: string | URL, model: Model): Promise<StoredModel> {
  const url = directoryUrl(directory);
  checkConfig(model.config);
  const weights = writeWeights(model);
  const config = {
    ...model.config,
    sha256: {
      [modelFiles.dbn]: await sha256(weights.dbn),
      [modelFiles.classifier]: await sha256(weights.classifier),
    },
  };
  await mkdir(fileURLToPath(url), { recursive: true });
  await writeModelFile(url, modelFiles.dbn, weights.dbn);
  await writeModelFile(url, modelFiles.classifier, weights.classifier);
  await writeModelFile(url, modelFiles.config, `${JSON.stringify(config, null, 2)}\n`);
  return { ...model, config, url };
}

/** The bytes of one file of a model directory. @throws {Error} saying what is missing. */
export async function readModelFile(directory: URL, name: string): Promise<Uint8Array> {
  const url = new URL(name, directory);
  if (url.protocol !== "file:") {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`Cannot read ${url}: HTTP status ${response.status}`);
    return response.bytes();
  }
  try {
    return await readFile(fileURLToPath(url));
  } catch (cause) {
    if ((cause as { code?: string }).code !== "ENOENT") throw cause;
    throw new Error(
      `Cannot load model: ${fileURLToPath(url)} does not exist. ` +
        "Train one with `deno task train --preset quick`, or name a model directory with --model",
      { cause },
    );
  }
}

/** Writes a file beside its target and renames it, so that a crash leaves the old one whole. */
export async function writeModelFile(
  directory: URL,
  name: string,
  content: Uint8Array | string,
): Promise<void> {
  const path = fileURLToPath(new URL(name, directory));
  await writeFile(`${path}.partial`, content);
  await rename(`${path}.partial`, path);
}

/** A directory's URL, with the closing slash that relative URLs need. */
export function directoryUrl(directory: string | URL): URL {
  const url = directory instanceof URL
    ? new URL(directory)
    : /^(https?|file):/.test(directory)
    ? new URL(directory)
    : pathToFileURL(directory);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** SHA-256 in hex. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource)));
}

function parseConfig(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new WeightsFormatError(`Cannot read ${modelFiles.config}: it is not JSON`, { cause });
  }
}

async function checkHash(config: ModelConfig, name: string, bytes: Uint8Array): Promise<void> {
  const expected = config.sha256?.[name];
  if (expected === undefined) return;
  const actual = await sha256(bytes);
  if (actual !== expected) {
    throw new WeightsFormatError(
      `Cannot read ${name}: SHA-256 must be ${expected} (config.json), got ${actual}`,
    );
  }
}
