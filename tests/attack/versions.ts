/**
 * Attacks what loads versions: a repository in a directory whose version 2, of any dtype, or aliases are
 * changed, while version 1 of F32 is production. Each case is refused with its reason or harmless, and production goes on.
 * @module
 */
import { modelFiles } from "../../src/format/config.ts";
import { MANIFEST_FILE } from "../../src/format/manifest.ts";
import { PROBE_FILE } from "../../src/format/probe.ts";
import type { Dtype } from "../../src/format/safetensors.ts";
import { ALIASES_FILE } from "../../src/repository/alias_document.ts";
import { CorruptFileError, NotFoundError } from "../../src/repository/errors.ts";
import { openRepository } from "../../src/repository/open.ts";
import { sha256 } from "../../src/outside/sha256.ts";
import { loadVersion } from "../../src/serving/load_version.ts";
import { ModelPool } from "../../src/serving/pool.ts";
import { VersionRefusedError } from "../../src/serving/served.ts";
import { generateKeys, readTrustedKeys } from "../../src/signing/keys.ts";
import { SIGNATURE_FILE } from "../../src/signing/statement.ts";
import { signatureCheck } from "../../src/signing/version.ts";
import { toDtype } from "../../train/artifacts/weights/quantize.ts";
import { tinyModel } from "../model/tiny_model.ts";
import { writeVersion } from "../serving/checkout.ts";
import { attackReader, type Attempt } from "./files.ts";
import type { Cases } from "./http.ts";
import { mutated, oddDocument } from "./mutate.ts";
import type { CaseRandom } from "./random.ts";
import type { Report } from "./report.ts";
import { oddWeights } from "./weights.ts";

const MODEL = "tiny", [height, width] = [4, 3];
const images = Float32Array.from({ length: 2 * height * width }, (_, i) => (i % 7) / 7);
const weightFiles = [modelFiles.dbn, modelFiles.classifier, PROBE_FILE];
const paths = [...weightFiles, modelFiles.config, modelFiles.card, MANIFEST_FILE];

/** The bytes of a version's files, where something else lies in their place its kind. */
type Files = Map<string, Uint8Array | "link" | "directory">;
type Sound = ReadonlyMap<string, Uint8Array>;

/** Loads mutated versions into a pool; what is accepted classifies. */
export async function attackVersions(report: Report, cases: Cases): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "attack-versions-" });
  const model = `${directory}/${MODEL}`, workers = countWorkers();
  const first = await makeVersion(model, 1, "F32"), seconds: Sound[] = [];
  for (const dtype of ["F32", "F16", "I8"] as const) {
    seconds.push(await makeVersion(model, 2, dtype));
  }
  const repository = await openRepository(directory);
  await repository.moveAlias(MODEL, "production", { version: 1, by: "attack" });
  const aliases = await Deno.readFile(`${model}/${ALIASES_FILE}`);
  const signed = signatureCheck(await readTrustedKeys((await generateKeys()).publicKey, "key.pem"));
  let checkSignature: typeof signed | undefined;
  const load = (version: number) =>
    loadVersion(repository, { model: MODEL, version }, { engine: "reference", checkSignature });
  const pool = new ModelPool({
    repository: () => Promise.resolve(repository),
    bundled: await load(1),
    load: ({ version }) => load(version),
  });
  const attempt: Attempt = async (random) => {
    const isOfAliases = random.chance(0.1), second = random.pick(seconds);
    const { files, isSealed } = isOfAliases
      ? { files: new Map(second), isSealed: true }
      : await brokenVersion(second, first, random);
    checkSignature = files.has(SIGNATURE_FILE) ? signed : undefined;
    await writeFiles(`${model}/2`, files);
    try {
      if (!isOfAliases) {
        const before = workers.count;
        await pool.control.load(2).catch((error) => {
          if (isSealed || workers.count === before) throw error;
          throw new Error(`a worker was opened for: ${error}`);
        });
        if (!isSealed) checkUnchanged(files, second);
        return await useVersion(pool);
      }
      await Deno.writeFile(`${model}/${ALIASES_FILE}`, oddAliases(aliases, random));
      await pool.control.sync();
      await checkAnswers(pool);
      await repository.aliases(MODEL);
    } finally {
      checkSignature = undefined;
      await Deno.writeFile(`${model}/${ALIASES_FILE}`, aliases);
      await pool.control.sync();
      if (pool.states().some(({ version, status }) => version === 2 && status === "ready")) {
        await pool.control.unload(2);
      }
      await checkAnswers(pool, 1);
    }
  };
  try {
    await attackReader(report, "versions", cases, {
      attempt,
      isRefusal: (error) =>
        [VersionRefusedError, CorruptFileError, NotFoundError]
          .some((kind) => error instanceof kind) && / /.test(error.message),
    });
  } finally {
    pool.dispose();
    repository.close();
    workers.restore();
    await Deno.remove(directory, { recursive: true });
  }
}

/** @throws {Error} if a version was accepted whose files are not those of its manifest. */
function checkUnchanged(files: Files, sound: Sound): void {
  for (const name of [...weightFiles, modelFiles.config]) {
    const bytes = files.get(name),
      isSame = bytes instanceof Uint8Array && equals(bytes, sound.get(name)!);
    if (!isSame) throw new Error(`a changed ${name} was accepted`);
  }
}

function equals(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Classifies by version 2 and reads its card. */
async function useVersion(pool: ModelPool): Promise<void> {
  const { served, release } = pool.lease({ pinned: 2, key: "" });
  try {
    const { height, width } = served.config.architecture;
    await served.compute.classify(new Float32Array(height * width));
    await served.readCard();
  } finally {
    release();
  }
}

/** @throws {Error} if production does not answer, or is another version than it should be. */
async function checkAnswers(pool: ModelPool, wanted?: number): Promise<void> {
  const { served, release } = pool.lease({ key: "" });
  await served.compute.classify(images);
  release();
  if (wanted !== undefined && served.version !== wanted) {
    throw new Error(`version ${served.version} answers, and not ${wanted}`);
  }
}

async function makeVersion(model: string, version: number, dtype: Dtype): Promise<Sound> {
  const sizes = { height, width, hidden: [6, 5], top: 7, labels: 3 };
  const { config, ...weights } = toDtype(tinyModel({ ...sizes, seed: version }), dtype);
  const path = `${model}/${version}`;
  await writeVersion(path, { ...weights, config: { ...config, version } }, images);
  const files = new Map<string, Uint8Array>();
  for (const name of paths) files.set(name, await Deno.readFile(`${path}/${name}`));
  return files;
}

async function writeFiles(directory: string, files: Files): Promise<void> {
  await Deno.remove(directory, { recursive: true });
  await Deno.mkdir(directory);
  for (const [name, bytes] of files) {
    const path = `${directory}/${name}`;
    if (bytes === "link") await Deno.symlink("/etc/hostname", path);
    else if (bytes === "directory") await Deno.mkdir(path);
    else await Deno.writeFile(path, bytes);
  }
}

/** A version with something broken, and whether its manifest says so too, so that other checks must find it. */
async function brokenVersion(
  sound: Sound,
  other: Sound,
  random: CaseRandom,
): Promise<{ files: Files; isSealed: boolean }> {
  const files: Files = new Map(sound), name = random.pick(paths), bytes = sound.get(name)!;
  const way = random.below(10);
  if (way < 3) files.set(name, mutated(bytes, random));
  else if (way === 3) files.set(name, other.get(name)!);
  else if (way === 4) files.set(name, random.pick(["link", "directory"]));
  else if (way === 5) files.delete(name);
  else if (way < 8) files.set(MANIFEST_FILE, lyingManifest(sound.get(MANIFEST_FILE)!, random));
  else {
    const kind = random.below(10);
    if (kind === 0) files.set(SIGNATURE_FILE, random.bytes(random.below(3000)));
    else if (kind < 3) { for (const name of weightFiles) swap(files, name, other, random); }
    else if (kind < 6) {
      files.set(modelFiles.config, oddDocument(decode(sound.get(modelFiles.config)!), random));
    } else {
      const name = random.pick(weightFiles);
      files.set(name, oddWeights(sound.get(name)!, random));
    }
    files.set(MANIFEST_FILE, await sealed(files));
    return { files, isSealed: true };
  }
  return { files, isSealed: false };
}

function swap(files: Files, name: string, other: Sound, random: CaseRandom): void {
  if (random.chance(0.5)) files.set(name, other.get(name)!);
}

/** The manifest that fits the files. */
async function sealed(files: Files): Promise<Uint8Array> {
  const listed = [...files].filter(([path]) => path !== MANIFEST_FILE) as [string, Uint8Array][];
  const entries = listed.map(async ([path, bytes]) => ({
    ...{ path, size: bytes.length, sha256: await sha256(bytes) },
  }));
  const { format, model, version } = decode(files.get(MANIFEST_FILE) as Uint8Array);
  return encode({ format, model, version, files: await Promise.all(entries) });
}

const trickyPaths = [
  ...["../1/config.json", "/etc/hostname", "images/../config.json", "./config.json", "a//b", ""],
  ...["config.json/", "CONFIG.JSON", "..%2f1%2fconfig.json", "c:\\config.json", "a\u0000b", "a\nb"],
  ...[".repository/x", "manifest.json", "MANIFEST.json", "x".repeat(5000), "a/b/c/d/e/f"],
  ...["file:///etc/hostname", "\u202egnp.exe", "config.json/x"],
];

/** A manifest of other names, sizes and hashes than those of the files. */
function lyingManifest(bytes: Uint8Array, random: CaseRandom): Uint8Array {
  const manifest = decode(bytes), file = random.pick(manifest.files as Record<string, unknown>[]);
  switch (random.below(6)) {
    case 0:
      file.path = random.pick(trickyPaths);
      break;
    case 1:
      file.size = random.pick([0, 1, 2 ** 28, 2 ** 28 + 1, 2 ** 31, 2 ** 53, -1, 0.5, 1e300, "9"]);
      break;
    case 2:
      file.sha256 = random.pick(["", "0".repeat(64), "F".repeat(64), "../x", null]);
      break;
    case 3:
      manifest.version = random.pick([1, 3, 0, -1, 2 ** 31, "2", null]);
      break;
    case 4:
      manifest.files = Array.from({ length: random.below(3000) }, (_, i) => ({
        ...file,
        path: random.chance(0.5) ? `x${i}` : file.path,
      }));
      break;
    default:
      return oddDocument(manifest, random);
  }
  return encode(manifest);
}

function oddAliases(bytes: Uint8Array, random: CaseRandom): Uint8Array {
  return random.chance(0.3) ? mutated(bytes, random) : oddDocument(decode(bytes), random);
}

const decode = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** Counts the workers that are made from now on: none is for what its manifest alone shows to be broken. */
function countWorkers() {
  const Native = globalThis.Worker, counted = { count: 0, restore: () => {} };
  globalThis.Worker = class extends Native {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      counted.count++;
    }
  };
  counted.restore = () => void (globalThis.Worker = Native);
  return counted;
}
