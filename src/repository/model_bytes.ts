/**
 * A model from bytes that the caller has: of a bundle, a store, or any place that is no directory.
 * @module
 */
import { checkConfig, type ModelConfig, modelFiles } from "../format/config.ts";
import { isObject, WeightsFormatError } from "../format/safetensors.ts";
import { type Model, readModel } from "../format/weights.ts";
import { shown, shownUrl } from "../outside/shown.ts";
import { sha256 } from "../outside/sha256.ts";

/** What a model's files hold. */
export interface ModelBytes {
  /** Of `config.json`, parsed. */
  config: unknown;
  /** Of `model.safetensors`. */
  dbn: Uint8Array | ArrayBuffer;
  /** Of `classifier.safetensors`. */
  classifier: Uint8Array | ArrayBuffer;
}

/**
 * A model from the bytes of its files, with the checks of `loadModel`. Its weights may be views of the bytes.
 * @throws {WeightsFormatError} if a file is broken, does not match config.json or its SHA-256.
 */
export async function modelFromBytes(bytes: ModelBytes): Promise<Model> {
  const config = checkConfig(bytes.config);
  const dbn = viewOf(bytes.dbn), classifier = viewOf(bytes.classifier);
  checkHash(config, modelFiles.dbn, await sha256(dbn));
  checkHash(config, modelFiles.classifier, await sha256(classifier));
  return readModel(config, { dbn, classifier });
}

function viewOf(bytes: Uint8Array | ArrayBuffer): Uint8Array {
  return bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
}

/**
 * Compares a file's SHA-256 with that of config.json, if it has one.
 * @param url the directory of the file, for errors
 * @throws {WeightsFormatError} if it is another.
 */
export function checkHash({ sha256 }: ModelConfig, name: string, actual: string, url?: URL): void {
  const nameOf = (file: string) => url ? shownUrl(new URL(file, url)) : file;
  if (sha256 === undefined) return;
  if (!isObject(sha256)) {
    throw new WeightsFormatError(
      `Cannot read ${nameOf(modelFiles.config)}: sha256 must be a JSON object, got ${
        shown(sha256)
      }`,
    );
  }
  const expected = sha256[name];
  if (expected !== undefined && actual !== expected) {
    throw new WeightsFormatError(
      `Cannot read ${nameOf(name)}: SHA-256 must be ${
        shown(expected)
      } (config.json), got ${actual}`,
    );
  }
}
