/**
 * Pushes a version to a running service: what it lacks is sent, then the manifest that makes a version of it,
 * then an alias is moved there. Nothing of it is served before its last step, and the same push again does
 * nothing new.
 * @module
 */
import {
  checkVersion,
  isModelName,
  MANIFEST_FILE,
  ManifestError,
  readManifest,
} from "../format/manifest.ts";
import { directoryUrl, readOptionalModelFile } from "../repository/model_directory.ts";
import {
  describeVersion,
  type LocalVersion,
  renameVersion,
} from "../repository/describe_version.ts";
import type { Alias, AliasSettings, BlobRef, VersionRef } from "../repository/repository.ts";
import { cut, shown } from "../outside/shown.ts";
import { SIGNATURE_FILE } from "../signing/statement.ts";
import type { ServiceOptions } from "./connection.ts";
import { PushError } from "./errors.ts";
import { isSame, type ListedVersion, RepositoryClient } from "./repository_client.ts";
import { uploadBlob } from "./upload.ts";

/** How far a push is, in bytes of the blobs that the service lacks. */
export interface PushProgress {
  /** Sent, or there already. */
  sentBytes: number;
  /** All of them. */
  totalBytes: number;
}

/** Where a version is pushed, and as what. */
export interface PlanOptions extends ServiceOptions {
  /**
   * What it is called there: `NAME/VERSION`, or `NAME` with a free number.
   * @default the name of the model that the service serves, and the directory's number if that is free
   */
  as?: string;
}

/** What {@linkcode pushModel} does. */
export interface PushOptions extends PlanOptions {
  /** Alias that names the version in the end; none if left out. */
  alias?: string;
  /** Settings of the alias. */
  settings?: AliasSettings;
  /** Hears how far it is. */
  onProgress?(progress: PushProgress): void;
}

/** A version on its way. */
export interface PushPlan {
  /** Calls of the service. */
  client: RepositoryClient;
  /** As the directory has it. */
  local: LocalVersion;
  /** As it will be called there. */
  version: LocalVersion;
  /** Whether the number may be another when somebody takes it meanwhile. */
  isNumberFree: boolean;
  /** Whether the service has just this version. */
  isThere: boolean;
  /** The model's versions that the service has. */
  versions: ListedVersion[];
}

/** What a push came to. */
export interface PushResult extends VersionRef {
  /** SHA-256 of its manifest, in hex. */
  digest: string;
  /** Whether the service did not have it before. */
  outcome: "created" | "unchanged";
  /** Blobs that the service lacked. */
  blobs: number;
  /** Bytes of these. */
  bytes: number;
  /** The alias as it is now. */
  alias?: Alias;
}

/** Blobs that are sent at the same time. */
const UPLOADS = 3;
/** Numbers that are tried when others push at the same time, and manifests when blobs were removed. */
const ATTEMPTS = 20;

/**
 * Pushes a model directory.
 *
 * @example
 * ```ts
 * const { version } = await pushModel("models/mnist-dbn-quick/1", {
 *   to: "https://digits.example",
 *   token: Deno.env.get("DBN_TOKEN"),
 *   alias: "production",
 * });
 * ```
 * @throws {PushError} if it cannot be pushed as asked
 * @throws {ServiceError} if the service refuses it, saying why
 */
export async function pushModel(
  directory: string | URL,
  options: PushOptions,
): Promise<PushResult> {
  return await sendPlan(await planPush(directory, options), options);
}

/** Looks what pushing a directory would do; changes nothing. */
export async function planPush(directory: string | URL, options: PlanOptions): Promise<PushPlan> {
  const client = new RepositoryClient(options);
  const asked = readAs(options.as), local = await readWhole(directory);
  const model = asked.model ?? await client.servedModel();
  const plan = { client, local, isNumberFree: asked.version === undefined };
  return await choose(plan, model, asked.version);
}

/** Sends what a plan says. */
export async function sendPlan(
  plan: PushPlan,
  { alias, settings, onProgress = () => {} }: Pick<
    PushOptions,
    "alias" | "settings" | "onProgress"
  >,
): Promise<PushResult> {
  const sent = { blobs: 0, bytes: 0 };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const { client, version } = plan, { model } = version.manifest;
    const ref = { model, version: version.manifest.version };
    const creation = await client.createVersion(ref, version.bytes);
    switch (creation.outcome) {
      case "missing": {
        const { blobs, bytes } = await sendBlobs(client, version, creation.missing, onProgress);
        sent.blobs += blobs;
        sent.bytes += bytes;
        break;
      }
      case "conflict":
        if (!plan.isNumberFree) throw new PushError(creation.detail);
        plan = await choose(plan, model, undefined);
        break;
      default: {
        const { outcome } = creation, named = { alias: alias!, settings };
        const moved = alias === undefined ? {} : { alias: await nameVersion(client, ref, named) };
        return { ...ref, digest: version.digest, outcome, ...sent, ...moved };
      }
    }
  }
  throw new PushError(
    `Cannot push: others still take the number or remove the files after ${ATTEMPTS} attempts`,
  );
}

/** Gives a version an alias, unless it has it. */
export async function nameVersion(
  client: RepositoryClient,
  { model, version }: VersionRef,
  { alias, settings = {} }: { alias: string; settings?: AliasSettings },
): Promise<Alias> {
  const seen = (await client.aliases(model)).get(alias);
  if (seen?.version === version && isSame(seen.settings, settings)) return seen;
  return await client.moveAlias(model, alias, { seen, version, settings });
}

/**
 * The version that a directory is.
 * @throws {PushError} if it has a manifest.json that lists other files: it may be half copied, or changed
 */
async function readWhole(directory: string | URL): Promise<LocalVersion> {
  const local = await describeVersion(directory);
  const bytes = await readOptionalModelFile(await directoryUrl(directory), MANIFEST_FILE);
  if (!bytes) return local;
  const listed = new Map(readManifest(bytes).files.map((file) => [file.path, file.sha256]));
  const here = new Map(local.files.map((file) => [file.path, file.sha256]));
  const other = [...new Set([...listed.keys(), ...here.keys()])]
    .filter((path) => listed.get(path) !== here.get(path));
  if (other.length === 0) return local;
  throw new PushError(
    `Cannot push ${cut(String(directory))}: ${
      other.map(cut).join(", ")
    } must be as ${MANIFEST_FILE} says; it is half copied or changed`,
  );
}

function readAs(as: string | undefined): Partial<VersionRef> {
  if (as === undefined) return {};
  const [model, number, ...rest] = as.split("/");
  if (/^\d+$/.test(as)) {
    throw new PushError(`A version's name must be NAME or NAME/VERSION, got the number ${cut(as)}`);
  }
  if (!isModelName(model) || rest.length > 0) {
    throw new PushError(`A version's name must be NAME or NAME/VERSION, got ${shown(as)}`);
  }
  if (number === undefined) return { model };
  try {
    return { model, version: checkVersion(/^\d{1,10}$/.test(number) ? Number(number) : number) };
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw new PushError(`A version's name must be NAME or NAME/VERSION, got ${shown(as)}`);
  }
}

/**
 * Chooses the number: the one asked for; or that of the same content, if the service has it; or the
 * directory's own, if that is free and the name is its own too; or the next.
 */
async function choose(
  plan: Pick<PushPlan, "client" | "local" | "isNumberFree">,
  model: string,
  asked: number | undefined,
): Promise<PushPlan> {
  const { client, local } = plan, versions = await client.versions(model);
  const as = (version: number) => renameVersion(local, { model, version });
  if (asked !== undefined) {
    const version = await as(asked);
    const isThere = versions.some(({ digest }) => digest === version.digest);
    return checkSigned({ ...plan, version, versions, isThere });
  }
  for (const { version: number, digest } of versions.toReversed()) {
    const version = await as(number);
    if (version.digest === digest) return { ...plan, version, versions, isThere: true };
  }
  const own = local.manifest.version, isTaken = versions.some(({ version }) => version === own);
  const next = (versions.at(-1)?.version ?? 0) + 1;
  const isOwn = local.manifest.model === model && !isTaken;
  const version = await as(isOwn ? own : next);
  return checkSigned({ ...plan, version, versions, isThere: false });
}

/** @throws {PushError} if the version is signed under another name or number */
function checkSigned(plan: PushPlan): PushPlan {
  const { local: { manifest: from, digest }, version: { manifest: to, ...version } } = plan;
  const isSigned = from.files.some(({ path }) => path === SIGNATURE_FILE);
  if (!isSigned || digest === version.digest) return plan;
  throw new PushError(
    `Cannot push ${from.model}/${from.version} as ${to.model}/${to.version}: its signature is for the first; ` +
      "remove the signature, or write the model under the second name and sign it",
  );
}

/** Sends blobs that the service lacks, some at the same time. */
async function sendBlobs(
  { connection }: RepositoryClient,
  { files }: LocalVersion,
  missing: readonly BlobRef[],
  onProgress: (progress: PushProgress) => void,
): Promise<{ blobs: number; bytes: number }> {
  const lacking = new Set(missing.map(({ sha256 }) => sha256));
  const blobs = [...new Map(files.map((file) => [file.sha256, file])).values()]
    .filter(({ sha256 }) => lacking.has(sha256));
  const totalBytes = blobs.reduce((sum, { size }) => sum + size, 0);
  const sentOf = blobs.map(() => 0);
  const tell = () => onProgress({ sentBytes: sentOf.reduce((a, b) => a + b, 0), totalBytes });
  tell();
  let next = 0, bytes = 0;
  const sendNext = async () => {
    try {
      while (next < blobs.length) {
        const i = next++, blob = blobs[i];
        const onProgress = (sent: number) => {
          sentOf[i] = sent;
          tell();
        };
        const sent = await uploadBlob(connection, blob, await blob.read(), { onProgress });
        bytes += sent; // not before the wait: others add to it meanwhile
      }
    } finally {
      next = blobs.length; // where one cannot be sent no other is begun
    }
  };
  await Promise.all(Array.from({ length: Math.min(UPLOADS, blobs.length) }, sendNext));
  return { blobs: blobs.length, bytes };
}
