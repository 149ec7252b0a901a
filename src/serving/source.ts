/**
 * Which model a server begins with, and which repository it follows.
 * @module
 */
import { modelFiles } from "../format/config.ts";
import {
  directoryUrl,
  readOptionalModelFile,
  releasedModel,
} from "../repository/model_directory.ts";
import { isThere } from "../outside/files.ts";
import { isInstalled } from "../outside/installed.ts";
import { importLater } from "../outside/import_later.ts";
import { kept } from "../outside/kept.ts";
import type { ModelRepository } from "../repository/repository.ts";
import { PRODUCTION } from "./routing.ts";

/** See alias_document.ts, whose code a first answer need not wait for. */
const ALIASES_FILE = "aliases.json";

/** What a user asked for. */
export interface SourceFlags {
  /** `models/NAME`, or a version's directory or URL; the released model if left out. */
  model?: string;
  /** Address of a repository. */
  repository?: string;
}

/** Where a server's versions come from. */
export interface Source {
  /** Directory or URL of the bundled model; the released one if left out. */
  model?: string;
  /** Opens the repository that is followed, once; the bundled model is served for good if left out. */
  repository?: () => Promise<ModelRepository>;
  /** Whether the repository may name another version than the bundled one, so that a start asks it first. */
  isPromoted: () => Promise<boolean>;
}

const [MODELS, RELEASED_NAME, RELEASED_VERSION] = releasedModel.split("/");

const yes = () => Promise.resolve(true), no = () => Promise.resolve(false);

/**
 * What to serve: a version's directory alone for good, else what a repository's aliases say.
 * @throws {RangeError} if `models/NAME` has no version, or the address is none of a repository
 */
export async function chooseSource({ model, repository }: SourceFlags): Promise<Source> {
  if (model !== undefined && await holdsVersions(model)) {
    return await chooseVersion(model, repository);
  }
  if (repository !== undefined) {
    return { model, repository: opener(repository), isPromoted: yes };
  }
  if (model !== undefined) return { model, isPromoted: no };
  // An installation of the package is replaced by the next: versions live in the working directory.
  const models = isInstalled
    ? await directoryUrl(MODELS)
    : new URL(`../../${MODELS}/`, import.meta.url);
  if (models.protocol !== "file:") return { isPromoted: no };
  const isPromoted = async () => {
    const directory = new URL(`${RELEASED_NAME}/`, models);
    const document = await readOptionalModelFile(directory, ALIASES_FILE);
    return isInstalled ? document !== undefined : !namesReleased(document);
  };
  return { repository: opener(models), isPromoted };
}

/**
 * Whether production is the released version, or nobody has said. Anything but a plain yes is looked at by
 * the repository itself, whose code a first answer need not wait for.
 */
function namesReleased(document: Uint8Array | undefined): boolean {
  if (document === undefined) return true;
  const production = `{"alias":"${PRODUCTION}","version":${RELEASED_VERSION},`;
  return new TextDecoder().decode(document).includes(production);
}

/** The production version of `models/NAME`, or its newest. */
async function chooseVersion(path: string, address: string | undefined): Promise<Source> {
  const url = await directoryUrl(path), name = decodeURIComponent(url.pathname.split("/").at(-2)!);
  const own = opener(new URL("../", url));
  const directory = await own();
  const versions = await directory.versions(name);
  if (versions.length === 0) {
    throw new RangeError(
      `Cannot serve ${path}: it has no version with a manifest.json, such as ${path}/1; write one with \`deno task card --model ${path}/1\``,
    );
  }
  const production = (await directory.aliases(name)).find(({ alias }) => alias === PRODUCTION);
  const { version } = production ?? versions[versions.length - 1];
  return {
    model: new URL(`${version}/`, url).href,
    repository: address === undefined ? own : opener(address),
    isPromoted: address === undefined ? no : yes,
  };
}

/** Whether a path is a directory of versions, and not of one model. */
async function holdsVersions(model: string): Promise<boolean> {
  const url = await directoryUrl(model);
  if (url.protocol !== "file:") return false;
  return await isThere(url) && !await isThere(new URL(modelFiles.config, url));
}

/** Opens a repository once; a failure is not kept. */
function opener(address: string | URL): () => Promise<ModelRepository> {
  return kept(async () => {
    const { openRepository } = await importLater<typeof import("../repository/open.ts")>(
      "../repository/open.ts",
      import.meta.url,
    );
    return await openRepository(address);
  });
}
