/**
 * What users have: a copy of this checkout's server and its model, to start and to change; and versions that
 * need no training.
 * @module
 */
import { dirname } from "@std/path";
import { modelFiles } from "../../src/format/config.ts";
import { PROBE_FILE, readProbe, writeProbe } from "../../src/format/probe.ts";
import type { Model } from "../../src/format/weights.ts";
import { isScaled, type WeightMatrix } from "../../src/math/weight_matrix.ts";
import { loadModel, releasedModel, saveModel } from "../../src/repository/model_directory.ts";
import { makeProbe, writeModelManifest } from "../../train/artifacts/version.ts";

const root = new URL("../../", import.meta.url).pathname;

/** What `deno task start` needs of a checkout. */
const needed = ["src", "deno.json", "deno.lock", releasedModel.replace(/\/\d+$/, "")];

/** A directory that is removed in the end. */
export interface Temporary extends AsyncDisposable {
  path: string;
}

/** An empty directory. */
export async function makeTemporary(): Promise<Temporary> {
  const path = await Deno.makeTempDir({ prefix: "switch " });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A copy of what serves: its `models` may be pushed to. */
export async function copyCheckout(): Promise<Temporary> {
  const copy = await makeTemporary();
  for (const path of needed) await copyTree(root + path, `${copy.path}/${path}`);
  return copy;
}

async function copyTree(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) {
    await Deno.mkdir(dirname(to), { recursive: true });
    return await Deno.copyFile(from, to);
  }
  for await (const { name } of Deno.readDir(from)) {
    await copyTree(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Writes a version of a model: its files, its probe over images and its manifest. */
export async function writeVersion(
  path: string,
  model: Model,
  images: Float32Array,
): Promise<string> {
  const stored = await saveModel(path, model), { height, width } = model.config.architecture;
  const probe = writeProbe(await makeProbe(stored, images), height * width);
  await Deno.writeFile(`${path}/${PROBE_FILE}`, probe);
  await Deno.writeTextFile(`${path}/${modelFiles.card}`, `# ${model.config.name}\n`);
  await writeModelManifest(stored);
  return path;
}

/**
 * Versions of the released model below a directory, numbered from 101: each with all its weights scaled by
 * another number near 1, and a probe of its own.
 */
export async function writeScaledVersions(directory: string, count: number): Promise<string[]> {
  const model = await loadModel(), { height, width, labels } = model.config.architecture;
  const probe = readProbe(await Deno.readFile(new URL(PROBE_FILE, model.url)), {
    imageSize: height * width,
    labelSize: labels.length,
  });
  const paths: string[] = [];
  for (let i = 1; i <= count; i++) {
    const config = { ...model.config, version: 100 + i }, factor = 1 + 0.05 * i;
    const scaled = { ...structuredClone({ dbn: model.dbn, classifier: model.classifier }), config };
    for (const { weights, generativeWeights } of scaled.dbn.stack) {
      scale(weights, factor);
      if (generativeWeights) scale(generativeWeights, factor);
    }
    for (const { kernel } of scaled.classifier) scale(kernel, factor);
    paths.push(await writeVersion(`${directory}/${config.version}`, scaled, probe.images));
  }
  return paths;
}

function scale(matrix: WeightMatrix, factor: number): void {
  const values = isScaled(matrix) ? matrix.scales : matrix;
  for (let i = 0; i < values.length; i++) values[i] *= factor;
}
