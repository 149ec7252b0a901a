import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import onnxProto from "onnx-proto";
import type * as Library from "npm:onnxruntime-web@1.30.0/wasm";
import { createOnnxEngine, type OnnxRuntime } from "../../src/engine/onnx.ts";
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { modelFiles } from "../../src/format/config.ts";
import { digestKey, graphWeights, readOnnxMetadata } from "../../src/format/onnx_metadata.ts";
import { WeightsFormatError } from "../../src/format/safetensors.ts";
import { loadModel, saveModel, sha256 } from "../../src/repository/model_directory.ts";
import { command } from "../../train/cli/export.ts";
import { tinyModel } from "../model/tiny_model.ts";
import { conformance, largestDifference, storeTinyModel, TOLERANCE } from "./conformance.ts";

const { ModelProto } = onnxProto.onnx;

conformance("onnx", createOnnxEngine);

Deno.test("the library fits the part of it that the engine declares", () => {
  const fits = (library: typeof Library): OnnxRuntime => library; // checked by the compiler
  fits({} as typeof Library);
});

const sizes = { height: 6, width: 5, hidden: [33, 31], top: 40 };

Deno.test("graphs of other weights are refused with the command that mends them", async () => {
  const { url } = await storeTinyModel(sizes), path = url.pathname;
  const other = await saveModel(url, tinyModel({ ...sizes, seed: 2 }));
  const error = await assertRejects(() => createOnnxEngine(other), WeightsFormatError);
  const mend = `write it anew: deno task export --model ${path}`;
  assert(error.message.startsWith(`Cannot run ${path}model.onnx: SHA-256 of `), error.message);
  assert(error.message.endsWith(mend), error.message);
  await command.run({ model: path });
  const engine = await createOnnxEngine(await loadModel(path)), twin = createReferenceEngine(other);
  const images = new Float32Array(30).fill(0.5);
  const answers = [engine, twin].map(async (e) => await e.classifierProbabilities(images));
  const [ours, theirs] = await Promise.all(answers);
  assert(largestDifference(ours, theirs) <= TOLERANCE);
  engine.dispose();
});

Deno.test("each graph is checked, with either weight file, when it is first needed", async () => {
  const changed = tinyModel({ ...sizes, seed: 2 });
  for (const part of ["dbn", "classifier"] as const) {
    const { url } = await storeTinyModel(sizes);
    const model = await saveModel(url, { ...tinyModel(sizes), [part]: changed[part] });
    const message = `SHA-256 of ${modelFiles[part]} is `;
    await assertRejects(() => createOnnxEngine(model), WeightsFormatError, message);
  }
  for (const file of [modelFiles.onnxHidden, modelFiles.onnxVisible, modelFiles.onnxDown]) {
    const model = await storeTinyModel(sizes), stale = await storeTinyModel({ ...sizes, seed: 2 });
    await Deno.copyFile(new URL(file, stale.url), new URL(file, model.url));
    const engine = await createOnnxEngine(model), { visibleSize, hiddenSize } = engine;
    const visible = new Float32Array(visibleSize), hidden = new Float32Array(hiddenSize);
    const calls = {
      [modelFiles.onnxHidden]: () => engine.hiddenGivenVisible(visible, new Float32Array(10), 1),
      [modelFiles.onnxVisible]: () => engine.visibleGivenHidden(hidden, 1),
      [modelFiles.onnxDown]: () => engine.downPass(visible),
    };
    for (const [name, call] of Object.entries(calls)) {
      const answer = (async () => await call())();
      if (name !== file) await answer;
      else {await assertRejects(
          () => answer,
          WeightsFormatError,
          `${model.url.pathname}${file}: SHA-256`,
        );}
    }
    engine.dispose();
  }
});

Deno.test("a graph that does not say for which weights it is, or is broken, is refused", async () => {
  const model = await storeTinyModel(sizes), path = new URL(modelFiles.onnx, model.url);
  const graph = await Deno.readFile(path), decoded = ModelProto.decode(graph);
  const bare = ModelProto.encode({ ...decoded, metadataProps: [] }).finish();
  const noGraph = ModelProto.encode({ ...decoded, graph: undefined }).finish();
  const files: [Uint8Array, string][] = [
    [bare, "model.onnx does not say for which; write it anew: deno task export --model "],
    [new Uint8Array(0), "model.onnx does not say for which"],
    [graph.slice(0, -1), "Cannot read model.onnx: it is not ONNX"],
    [noGraph, "write it anew: deno task export --model "],
  ];
  for (const [bytes, message] of files) {
    await Deno.writeFile(path, bytes);
    await assertRejects(() => createOnnxEngine(model), Error, message);
  }
});

Deno.test("the released graphs say for which weights they are, as another reader sees it", async () => {
  const { url } = await loadModel();
  for (const [file, weights] of Object.entries(graphWeights)) {
    const bytes = await Deno.readFile(new URL(file, url)), metadata = readOnnxMetadata(bytes, file);
    const { metadataProps } = ModelProto.decode(bytes);
    assertEquals([...metadata], metadataProps.map(({ key, value }) => [key, value]));
    for (const path of weights) {
      const actual = await sha256(await Deno.readFile(new URL(path, url)));
      assertEquals(metadata.get(digestKey(path)), actual);
    }
  }
});

Deno.test("metadata is read or refused, whatever the bytes are", async () => {
  const graph = await Deno.readFile(new URL(modelFiles.onnx, (await loadModel()).url));
  const change = fc.record({ at: fc.nat(graph.length - 1), byte: fc.nat(255) });
  const refuse = (bytes: Uint8Array) => {
    try {
      readOnnxMetadata(bytes);
    } catch (error) {
      if (!(error instanceof WeightsFormatError)) throw error;
    }
  };
  fc.assert(fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
    const bytes = graph.slice();
    for (const { at, byte } of changes) bytes[at] = byte;
    refuse(bytes);
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), refuse));
  assertThrows(() => readOnnxMetadata(new Uint8Array(20).fill(255)), WeightsFormatError);
});
