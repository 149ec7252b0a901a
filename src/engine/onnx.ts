/**
 * ONNX Runtime Web over the exported graphs. The library is fetched only when this engine is opened.
 * @module
 */
import { imageSize } from "../model/dbn.ts";
import { countRows } from "../math/matrix.ts";
import { shellCommand } from "../cli/shell.ts";
import { modelFiles } from "../format/config.ts";
import {
  digestKey,
  type GraphFile,
  graphWeights,
  readOnnxMetadata,
} from "../format/onnx_metadata.ts";
import { WeightsFormatError } from "../format/safetensors.ts";
import type { Model } from "../format/weights.ts";
import { packageSpecifier, withPackages } from "../outside/packages.ts";
import { cut, shownUrl } from "../outside/shown.ts";
import {
  readModelFile,
  readWeightFile,
  sha256,
  type StoredModel,
} from "../repository/model_directory.ts";
import type { Engine } from "./engine.ts";

// B batch, V image pixels, P penultimate units, H top hidden units, L labels

/**
 * The part of `onnxruntime-web/wasm` that is used here. Even a type import would put the package into
 * serving's lock file and so into every download; a test checks that the library fits this.
 */
export interface OnnxRuntime {
  env: { wasm: { numThreads?: number; proxy?: boolean } };
  Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => OnnxTensor;
  InferenceSession: {
    create(graph: Uint8Array, options: {
      executionProviders: string[];
      externalData: { path: string; data: Uint8Array }[];
    }): Promise<Session>;
  };
}

interface OnnxTensor {
  // deno-lint-ignore no-explicit-any
  readonly data: any;
}

interface Session {
  // deno-lint-ignore no-explicit-any
  run(feeds: any, fetches: readonly string[]): Promise<Record<string, OnnxTensor>>;
  release(): Promise<void>;
}

type Feeds = Record<string, OnnxTensor>;

/** Images whose label free energies are computed at once; bounds memory to 4·64·L·H bytes. */
const POSTERIOR_ROWS = 64;

/**
 * An engine over the ONNX files in the model's directory. Each graph's session is made when it is
 * first needed.
 * @throws {RangeError} if the model has no directory.
 * @throws {WeightsFormatError} if they were written for other weights than the directory holds.
 * @throws {Error} if the directory has no ONNX files.
 */
export async function createOnnxEngine(opened: Model & { url?: URL }): Promise<Engine> {
  const { url } = opened;
  if (!url) {
    throw new RangeError("Cannot open onnx: the model must be of a directory, got one from bytes");
  }
  const model: StoredModel = { ...opened, url };
  const { top } = model.dbn;
  const size = imageSize(model.dbn), labelSize = top.labelSize;
  const runtime = await loadRuntime();
  const sessions = new Map<GraphFile, Promise<Session>>();
  const session = (file: GraphFile) => {
    const opening = sessions.get(file) ?? openSession(runtime, model, file);
    sessions.set(file, opening);
    // Whoever awaits it sees the error; the next call tries again.
    Promise.allSettled([opening]).then(([{ status }]) => {
      if (status === "rejected") sessions.delete(file);
    });
    return opening;
  };
  const run = async (file: GraphFile, feeds: Feeds, outputs: string[]) => {
    const results = await (await session(file)).run(feeds, outputs);
    return outputs.map((name) => results[name].data as Float32Array);
  };
  const rows = (data: Float32Array, width: number) => {
    const batch = countRows("batch", data, width);
    return new runtime.Tensor("float32", data, [batch, width]);
  };
  const scalar = (x: number) => new runtime.Tensor("float32", Float32Array.of(x), []);
  await session(modelFiles.onnx);

  return {
    name: "onnx",
    imageSize: size,
    visibleSize: top.visibleSize,
    labelSize,
    hiddenSize: top.hiddenSize,
    visibleMean: model.dbn.penultimateMean,
    hiddenGivenVisible: async (visible, labels, temperature) => {
      const feeds = {
        visible: rows(visible, top.visibleSize),
        labels: rows(labels, labelSize),
        temperature: scalar(temperature),
      };
      return (await run(modelFiles.onnxHidden, feeds, ["hidden"]))[0];
    },
    visibleGivenHidden: async (hidden, temperature) => {
      const feeds = { hidden: rows(hidden, top.hiddenSize), temperature: scalar(temperature) };
      const [visible, labels] = await run(modelFiles.onnxVisible, feeds, ["visible", "labels"]);
      return { visible, labels };
    },
    upPass: async (images) => {
      if (model.dbn.stack.length === 0) return images.slice();
      return (await run(modelFiles.onnx, { images: rows(images, size) }, ["penultimate"]))[0];
    },
    downPass: async (visible) => {
      const feeds = { penultimate: rows(visible, top.visibleSize) };
      return (await run(modelFiles.onnxDown, feeds, ["images"]))[0];
    },
    classifierProbabilities: async (images) =>
      (await run(modelFiles.onnx, { images: rows(images, size) }, ["probabilities"]))[0],
    jointPosterior: async (images) => {
      const batch = images.length / size;
      const probabilities = new Float32Array(batch * labelSize);
      const freeEnergies = new Float32Array(batch * labelSize);
      for (let row = 0; row < batch; row += POSTERIOR_ROWS) {
        const slice = images.slice(row * size, (row + POSTERIOR_ROWS) * size);
        const feeds = { images: rows(slice, size) };
        const [p, f] = await run(modelFiles.onnx, feeds, ["joint_probabilities", "free_energies"]);
        probabilities.set(p, row * labelSize);
        freeEnergies.set(f, row * labelSize);
      }
      return { probabilities, freeEnergies };
    },
    dispose: () => {
      // A session that never opened has nothing to free; whoever asked for it saw the error.
      Promise.allSettled(sessions.values()).then((openings) => {
        for (const opening of openings) {
          if (opening.status === "fulfilled") opening.value.release();
        }
      });
      sessions.clear();
    },
  };
}

/** Loads the library, which nothing but this call makes Deno fetch (docs/decisions/0003-lazy-packages.md). */
async function loadRuntime(): Promise<OnnxRuntime> {
  const specifier = packageSpecifier("onnxruntime-web", "/wasm");
  const runtime = await withPackages<OnnxRuntime>(
    "open engine onnx",
    ["onnxruntime-web"],
    () => import(specifier),
  );
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.proxy = false;
  return runtime;
}

async function openSession(
  runtime: OnnxRuntime,
  model: StoredModel,
  file: GraphFile,
): Promise<Session> {
  const graph = await readModelFile(model.url, file);
  const externalData = await Promise.all(
    graphWeights[file].map(async (path) => ({ path, data: await readWeightFile(model, path) })),
  );
  const metadata = readOnnxMetadata(graph, file);
  for (const { path, data } of externalData) {
    const expected = metadata.get(digestKey(path)), actual = await sha256(data);
    if (expected !== actual) throw otherWeights(model.url, { file, path, expected, actual });
  }
  try {
    return await runtime.InferenceSession.create(graph, {
      executionProviders: ["wasm"],
      externalData,
    });
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const reason = `${shownUrl(new URL(file, model.url))}: ${cut(cause.message)}`;
    throw new Error(`Cannot open ${reason}; ${exportHint(model.url)}`, { cause });
  }
}

/** The error of a graph whose offsets point into other weights than there are. */
function otherWeights(
  directory: URL,
  { file, path, expected, actual }: Record<"file" | "path" | "actual", string> & {
    expected?: string;
  },
): WeightsFormatError {
  const was = expected === undefined ? "does not say for which" : `was for ${cut(expected)}`;
  return new WeightsFormatError(
    `Cannot run ${shownUrl(new URL(file, directory))}: ` +
      `SHA-256 of ${path} is ${actual}, and ${file} ${was}; ${exportHint(directory)}`,
  );
}

/** The command that writes the ONNX files anew. */
function exportHint(directory: URL): string {
  const isLocal = directory.protocol === "file:";
  const path = isLocal ? shownUrl(directory) : "DIR";
  const command = shellCommand(["deno", "task", "export", "--model", path]);
  return `write it anew${isLocal ? "" : " where the model is kept"}: ${command}`;
}
