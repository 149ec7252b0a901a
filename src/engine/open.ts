/**
 * Opens an engine by name. Each engine's library is loaded only when that engine is chosen.
 * @module
 */
import type { Model } from "../format/weights.ts";
import { importLater } from "../outside/import_later.ts";
import { withPackages } from "../outside/packages.ts";
import { type Engine, type EngineName, engineNames, type EngineOptions } from "./engine.ts";

/** A model, and where it was read from: the engine `onnx` reads more files there. */
export type OpenedModel = Model & { url?: URL };

/** Options of {@linkcode openEngine}. */
export interface OpenEngineOptions extends EngineOptions {
  /** What computes. @default "simd" */
  engine?: EngineName;
}

/**
 * Opens an engine over a loaded model.
 * @throws {RangeError} if there is no engine of that name.
 * @throws {TypeError} if `model` is no model, such as a promise of one, or `options` are no object.
 */
export async function openEngine(
  model: OpenedModel,
  options: OpenEngineOptions = {},
): Promise<Engine> {
  checkArguments(model, options);
  const { engine = "simd", ...engineOptions } = options;
  const create = await loadEngine(engine);
  return await create(model, engineOptions);
}

/** Says what a caller without types has mistaken. */
function checkArguments(model: unknown, options: unknown): void {
  if (model instanceof Promise) {
    throw new TypeError("Cannot open engine: model must be awaited, got a promise");
  }
  if (typeof model !== "object" || model === null || !("config" in model)) {
    throw new TypeError(
      `Cannot open engine: model must be what loadModel or modelFromBytes gives, got ${
        model === null ? "null" : typeof model
      }`,
    );
  }
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `Cannot open engine: options must be an object, such as { engine: "simd" }, got ${options}`,
    );
  }
}

/** What opens an engine over a model. */
export type CreateEngine = (
  model: OpenedModel,
  options?: EngineOptions,
) => Engine | Promise<Engine>;

/**
 * Loads an engine's library, and returns what opens it over a model.
 * @throws {RangeError} if there is no engine of that name.
 */
export async function loadEngine(
  engine: EngineName,
): Promise<CreateEngine> {
  switch (engine) {
    case "simd":
      return (await import("./simd/simd.ts")).createSimdEngine;
    case "tfjs":
      return (await withPackages(
        "open engine tfjs",
        ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"],
        () => importLater<{ createTfjsEngine: CreateEngine }>("./tfjs.ts", import.meta.url),
      )).createTfjsEngine;
    case "onnx":
      return (await importLater<typeof import("./onnx.ts")>("./onnx.ts", import.meta.url))
        .createOnnxEngine;
    case "reference":
      return (await import("./reference.ts")).createReferenceEngine;
    default:
      throw new RangeError(
        `Cannot open engine: it must be one of ${engineNames.join(", ")}, got ${engine}`,
      );
  }
}
