/**
 * Loads a version of a repository: signature, manifest, hashes, engine, and the answers of its probe. A
 * version that fails a step never answers a request.
 * @module
 */
import type { Compute } from "../compute/compute.ts";
import { openInline, startWorker } from "../compute/open.ts";
import { answerArrays } from "../engine/classify.ts";
import type { EngineName, EngineOptions } from "../engine/engine.ts";
import { checkConfig, type ModelConfig, modelFiles } from "../format/config.ts";
import { type Manifest, ManifestError, type ManifestFile } from "../format/manifest.ts";
import {
  checkAnswers,
  maxProbeBytes,
  type Probe,
  PROBE_FILE,
  ProbeError,
  readProbe,
} from "../format/probe.ts";
import { WeightsFormatError } from "../format/safetensors.ts";
import { maxWeightBytes } from "../format/weights.ts";
import { CorruptFileError, NotFoundError } from "../repository/errors.ts";
import { checkHash } from "../repository/model_bytes.ts";
import { MAX_TEXT_BYTES } from "../repository/model_directory.ts";
import type { ModelRepository, VersionRef } from "../repository/repository.ts";
import { SignatureError } from "../signing/errors.ts";
import { type ServedVersion, VersionRefusedError } from "./served.ts";

/** How versions are loaded. */
export interface LoadOptions {
  /** What computes. */
  engine: EngineName;
  /** Throws a `SignatureError` for a version that nobody trusted has signed: see `signatureCheck`. */
  checkSignature?: (version: VersionFiles) => Promise<void>;
  /** Hears why an engine computes on fewer threads than it asked for. */
  onProblem?: EngineOptions["onProblem"];
}

/** A version's manifest and how to read its files. */
export interface VersionFiles {
  /** What it lists. */
  manifest: Manifest;
  /** The bytes of a file, checked; undefined if the manifest does not list it. */
  read(path: string, maxBytes?: number): Promise<Uint8Array | undefined>;
}

/**
 * Loads a version; it has answered its probe rightly, and has so compiled and placed what it needs.
 * @throws {NotFoundError} if there is no such version
 * @throws {VersionRefusedError} saying which check it failed, with the error as its cause
 * @throws {RepositoryUnreachableError} if the repository does not answer
 */
export async function loadVersion(
  repository: ModelRepository,
  ref: VersionRef,
  options: LoadOptions,
): Promise<ServedVersion> {
  try {
    return await load(repository, ref, options);
  } catch (cause) {
    if (!(cause instanceof Error) || !isFault(cause)) throw cause;
    throw new VersionRefusedError(
      `Version ${ref.version} of ${ref.model} is refused: ${cause.message}`,
      { cause },
    );
  }
}

/** Whether an error is the version's own fault, for which it is refused. */
function isFault(error: Error): boolean {
  return [ManifestError, WeightsFormatError, ProbeError, CorruptFileError, SignatureError]
    .some((kind) => error instanceof kind) || error instanceof RangeError;
}

async function load(
  repository: ModelRepository,
  ref: VersionRef,
  options: LoadOptions,
): Promise<ServedVersion> {
  const stored = await repository.readManifest(ref);
  if (!stored) {
    throw new NotFoundError(
      `There is no version ${ref.version} of ${ref.model} in ${repository.address}`,
    );
  }
  const files = filesOf(repository, ref, stored.manifest);
  await options.checkSignature?.(files);
  const config = await readConfig(files, ref);
  checkListed(config, stored.manifest);
  const [dbn, classifier, probe, card] = await Promise.all([
    needed(files, modelFiles.dbn, maxWeightBytes(config, modelFiles.dbn)),
    needed(files, modelFiles.classifier, maxWeightBytes(config, modelFiles.classifier)),
    readProbeOf(files, config),
    files.read(modelFiles.card), // now: the store may not have it, or not answer, when it is asked for
  ]);
  const location = repository.urlOf?.(ref);
  if (options.engine === "onnx" && !location) {
    throw new VersionRefusedError(
      `Version ${ref.version} of ${ref.model} is refused: the engine onnx reads its graphs from a directory or an https address, not from ${repository.address}`,
    );
  }
  const url = location?.href ?? `repository:/${ref.model}/${ref.version}/`; // for messages alone
  const compute = await open(options, { config, files: { dbn, classifier }, url });
  try {
    await reproduce(probe, compute);
  } catch (error) {
    compute.dispose();
    throw error;
  }
  return {
    ...ref,
    digest: stored.digest,
    config,
    compute,
    readCard: () => Promise.resolve(card && new TextDecoder().decode(card)),
  };
}

/**
 * Compares the manifest's hashes with those that config.json has since the weights were made: a manifest is made
 * when a version is pushed, of files that may have changed before.
 * @throws {WeightsFormatError} naming the file and both hashes
 */
function checkListed(config: ModelConfig, { files }: Manifest): void {
  for (const { path, sha256 } of files) {
    if (path === modelFiles.dbn || path === modelFiles.classifier) checkHash(config, path, sha256);
  }
}

function filesOf(repository: ModelRepository, ref: VersionRef, manifest: Manifest): VersionFiles {
  const listed = new Map<string, ManifestFile>(manifest.files.map((file) => [file.path, file]));
  return {
    manifest,
    read: async (path, maxBytes = MAX_TEXT_BYTES) => {
      const file = listed.get(path);
      if (file && file.size > maxBytes) {
        throw new CorruptFileError(`${path} must hold at most ${maxBytes} bytes, got ${file.size}`);
      }
      return file && await repository.readFile(ref, file);
    },
  };
}

async function needed(files: VersionFiles, path: string, maxBytes?: number): Promise<Uint8Array> {
  const bytes = await files.read(path, maxBytes);
  if (bytes) return bytes;
  throw new ManifestError(`it has no ${path}`);
}

/** config.json, of the version that it stands in. */
async function readConfig(files: VersionFiles, ref: VersionRef): Promise<ModelConfig> {
  const bytes = await needed(files, modelFiles.config);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new WeightsFormatError(`${modelFiles.config} is not JSON`, { cause });
  }
  const config = checkConfig(parsed);
  if (config.name !== ref.model || config.version !== ref.version) {
    throw new WeightsFormatError(
      `${modelFiles.config} must be of ${ref.model} ${ref.version}, it is of ${config.name} ${config.version}`,
    );
  }
  return config;
}

async function readProbeOf(files: VersionFiles, { architecture }: ModelConfig): Promise<Probe> {
  const { height, width, labels } = architecture;
  const shape = { imageSize: height * width, labelSize: labels.length };
  return readProbe(await needed(files, PROBE_FILE, maxProbeBytes(shape)), shape);
}

/**
 * In a worker of its own; on this thread, in pieces, where there are none, and with ONNX Runtime, whose
 * library does not load in Deno's workers.
 */
async function open(
  { engine, onProblem }: LoadOptions,
  model: Parameters<typeof openInline>[1],
): Promise<Compute> {
  const starting = engine === "onnx" ? undefined : await startWorker();
  if (!starting) return await openInline(engine, model, { onProblem });
  return await starting.open(engine, model, { onProblem });
}

/** @throws {ProbeError} unless the answers are the probe's. */
export async function reproduce(probe: Probe, compute: Compute): Promise<void> {
  checkAnswers(probe, answerArrays(await compute.classify(probe.images)));
}
