import type * as Library from "npm:onnxruntime-web@1.30.0/wasm";
import { createOnnxEngine, type OnnxRuntime } from "../../src/engine/onnx.ts";
import { conformance } from "./conformance.ts";

conformance("onnx", createOnnxEngine);

Deno.test("the library fits the part of it that the engine declares", () => {
  const fits = (library: typeof Library): OnnxRuntime => library; // checked by the compiler
  fits({} as typeof Library);
});
