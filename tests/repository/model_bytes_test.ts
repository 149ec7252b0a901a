/** A model from bytes that the caller has. */
import { assertEquals, assertRejects } from "@std/assert";
import { classify, generate, loadModel, modelFromBytes, openEngine } from "../../mod.ts";
import { decodeBase64 } from "../../src/outside/encoding.ts";
import { WeightsFormatError } from "../../src/format/safetensors.ts";
import { program } from "../../src/kernels/generated/serving.ts";
import { createApp } from "../../src/http/app.ts";
import { releasedUrl } from "../../src/repository/model_directory.ts";

const read = (file: string) => Deno.readFile(new URL(file, releasedUrl()));

async function readBytes() {
  return {
    config: JSON.parse(new TextDecoder().decode(await read("config.json"))),
    dbn: await read("model.safetensors"),
    classifier: await read("classifier.safetensors"),
  };
}

Deno.test("a model from bytes on compiled kernels gives what a loaded one gives, on one thread", async () => {
  const kernels = new WebAssembly.Module(decodeBase64(program.plain));
  const model = await modelFromBytes(await readBytes());
  const own = await openEngine(model, { kernels }), loaded = await openEngine(await loadModel());
  const options = { label: 5, n: 3, steps: 30, seed: 9 };
  const { images } = await generate(own, options);
  assertEquals(images, (await generate(loaded, options)).images);
  assertEquals(await classify(own, images), await classify(loaded, images));
  const { running, wanted, reason } = own.threads!();
  assertEquals([running, wanted > 1], [1, reason !== undefined]);
  const app = createApp({ model, engine: own });
  assertEquals((await (await app.request("/model")).json()).card, null);
  for (const engine of [own, loaded]) engine.dispose();
});

Deno.test("bytes may be an ArrayBuffer, as bundlers hand them in", async () => {
  const { config, dbn, classifier } = await readBytes();
  const model = await modelFromBytes({
    config,
    dbn: dbn.buffer,
    classifier: classifier.buffer,
  });
  assertEquals(model.config.name, "mnist-dbn");
});

Deno.test("bytes of another hash than config.json names are refused", async () => {
  const bytes = await readBytes();
  bytes.dbn[bytes.dbn.length - 1] ^= 1;
  await assertRejects(
    () => modelFromBytes(bytes),
    WeightsFormatError,
    "Cannot read model.safetensors: SHA-256 must be ",
  );
});

Deno.test("the engine onnx needs a model's directory, and says so", async () => {
  const model = await modelFromBytes(await readBytes());
  await assertRejects(
    () => openEngine(model, { engine: "onnx" }),
    RangeError,
    "Cannot open onnx: the model must be of a directory, got one from bytes",
  );
});
