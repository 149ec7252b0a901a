/** `dbn export --dtype`: a version of rounded weights, with everything that a version has. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { answerArrays, classify } from "../../../src/engine/classify.ts";
import { engineNames } from "../../../src/engine/engine.ts";
import { openEngine } from "../../../src/engine/open.ts";
import { createSimdEngine } from "../../../src/engine/simd/simd.ts";
import { readManifest } from "../../../src/format/manifest.ts";
import { checkAnswers, PROBE_FILE, ProbeError, readProbe } from "../../../src/format/probe.ts";
import { loadModel, saveModel, type StoredModel } from "../../../src/repository/model_directory.ts";
import { makeProbe } from "../../../train/artifacts/version.ts";
import { toDtype } from "../../../train/artifacts/weights/quantize.ts";
import { tinyModel } from "../../model/tiny_model.ts";
import { run, tiny } from "./program.ts";

async function ok(...args: string[]): Promise<string> {
  const { code, out, err } = await run(...args);
  assertEquals(code, 0, err);
  return out;
}

async function filesOf({ url }: StoredModel): Promise<string[]> {
  const bytes = await Deno.readFile(new URL("manifest.json", url));
  return readManifest(bytes).files.map(({ path }) => path);
}

Deno.test("export --dtype writes a whole version of rounded weights, and refuses to widen them", async (t) => {
  const directory = await Deno.makeTempDir({ prefix: "export " });
  const at = (version: number) => `${directory}/m/${version}`;
  await ok("train", ...tiny, "--quiet", "--run", `${directory}/run`, "--out", at(1));
  const trained = await loadModel(at(1));

  for (const [version, dtype] of [[2, "F16"], [3, "I8"]] as const) {
    await t.step(
      `its figures, card, probe and files are those of its ${dtype} weights`,
      async () => {
        const flags = ["--model", at(1), "--dtype", dtype.toLowerCase(), "--out", at(version)];
        const said = await ok("export", ...flags);
        assert(said.startsWith(`${at(version)}: ${dtype} weights of version 1\nclassifier `), said);
        const model = await loadModel(at(version)), { config } = model;
        assertEquals([config.version, config.dtype], [version, dtype]);
        assertEquals(config.origin, { version: 1, dtype: "F32" });
        assertEquals(config.training, trained.config.training);
        const measured = JSON.parse(await ok("evaluate", "--model", at(version), "--json"));
        const { classifier, joint } = config.evaluation as Record<string, unknown>;
        assertEquals([classifier, joint], [measured.classifier, measured.joint]);
        const card = await Deno.readTextFile(new URL("README.md", model.url));
        assert(card.includes("those of version 1 (float32), rounded to "), card);
        assertEquals(await filesOf(model), await filesOf(trained));
        const shape = { imageSize: 784, labelSize: 10 };
        const probe = readProbe(await Deno.readFile(new URL(PROBE_FILE, model.url)), shape);
        for (const name of engineNames) {
          const engine = await openEngine(model, { engine: name });
          checkAnswers(probe, answerArrays(await classify(engine, probe.images)));
          engine.dispose();
        }
      },
    );
  }

  await t.step("each is smaller than the one before", () => {
    const sizes = [1, 2, 3].map((v) => Deno.statSync(`${at(v)}/model.safetensors`).size);
    assert(sizes[1] < 0.55 * sizes[0] && sizes[2] < 0.4 * sizes[0], `${sizes}`);
  });

  const plain = `${directory}/plain`;
  await saveModel(plain, tinyModel());
  const refused: [string[], string][] = [
    [["--model", at(3), "--dtype", "f32"], "and F32 would only be larger; export from version 1"],
    [["--model", at(3), "--dtype", "f16"], "are I8, and F16 would only be larger"],
    [["--model", at(2), "--dtype", "f16"], "version 2 are F16 already"],
    [["--model", at(1), "--dtype", "f32"], "are F32 already"],
    [["--model", at(1), "--dtype", "i8", "--out", at(2)], "the directory must be new or empty"],
    [["--model", at(1), "--dtype", "i4"], 'one of i8, f16, f32, got "i4"'],
    [["--model", at(1), "--out", at(4)], "--out needs --dtype"],
    [["--model", plain, "--dtype", "i8", "--out", at(4)], "must have training.recipe"],
  ];
  for (const [args, message] of refused) {
    await t.step(`it refuses in one line: ${message}`, async () => {
      const { code, err } = await run("export", ...args);
      assert(code === 1 || code === 2, err);
      assert(err.includes(message), `${err} lacks ${message}`);
      assertEquals(err.trim().split("\n").length, 1, err);
    });
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a probe of rounded weights finds the weights before they were rounded", async () => {
  const model = tinyModel({ scale: 2 }), images = new Float32Array(784).fill(0.5);
  const probe = await makeProbe(toDtype(model, "I8"), images), engine = createSimdEngine(model);
  const answers = answerArrays(await classify(engine, images));
  assertThrows(() => checkAnswers(probe, answers), ProbeError, "does not answer as");
  engine.dispose();
});
