/** What opening an engine says to callers without types. */
import { assertRejects } from "@std/assert";
import { openEngine } from "../../src/engine/open.ts";
import type { Model } from "../../src/format/weights.ts";
import { tinyModel } from "../model/tiny_model.ts";

Deno.test("an engine over what is no model, or by what are no options, is refused with what was given", async () => {
  const refused = async (model: unknown, options: unknown, message: string) => {
    await assertRejects(
      () => openEngine(model as Model, options as Record<string, never>),
      TypeError,
      message,
    );
  };
  await refused(Promise.resolve(tinyModel()), {}, "model must be awaited, got a promise");
  await refused("models/mnist-dbn/3", {}, "what loadModel or modelFromBytes gives, got string");
  await refused(null, {}, "got null");
  await refused(tinyModel(), "onnx", 'such as { engine: "simd" }, got onnx');
});
