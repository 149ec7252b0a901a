import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { presets } from "../../../train/recipes/presets.ts";
import { saveRun } from "../../../train/artifacts/output.ts";
import { Staging } from "../../../train/artifacts/staging.ts";
import { floatExamples } from "../../../train/data/examples.ts";
import { tinyModel } from "../../model/tiny_model.ts";

/** Every file under a directory, with its text. */
async function contents(path: string, under = ""): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    if (isDirectory) Object.assign(found, await contents(join(path, name), `${under}${name}/`));
    else found[under + name] = await Deno.readTextFile(join(path, name));
  }
  return found;
}

async function write(directory: string, text: string): Promise<void> {
  await Deno.mkdir(join(directory, "images"), { recursive: true });
  for (const name of ["config.json", "images/a.svg"]) {
    await Deno.writeTextFile(join(directory, name), text);
  }
}

Deno.test("a new directory is there when it is whole, and nothing else is", async () => {
  const parent = await Deno.makeTempDir(), target = join(parent, "m", "1");
  const left = new Staging(target);
  await write(left.path, "of a process that was killed");
  const staging = new Staging(target);
  await Deno.mkdir(join(staging.path, "images"));
  await Deno.writeTextFile(join(staging.path, "config.json"), "new");
  assertEquals(await contents(parent), { "m/.1.partial/config.json": "new" });
  staging.publish();
  assertEquals(await contents(parent), { "m/1/config.json": "new" });
});

Deno.test("in a directory that is there, what was written replaces files of its names", async () => {
  const target = await Deno.makeTempDir();
  await write(target, "old");
  await Deno.writeTextFile(join(target, "kept"), "old");
  const staging = new Staging(target);
  await write(staging.path, "new");
  assertEquals((await contents(target))["config.json"], "old");
  staging.publish();
  staging.discard();
  assertEquals(await contents(target), {
    "config.json": "new",
    "images/a.svg": "new",
    kept: "old",
  });
  assertEquals([...Deno.readDirSync(target)].length, 3);
});

Deno.test("a run whose saving is aborted at any of its steps leaves nothing", async () => {
  const parent = await Deno.makeTempDir(), out = join(parent, "1");
  const { dbn, classifier, config: { architecture } } = tinyModel({ hidden: [9] });
  const { height, width, labels } = architecture, size = height * width;
  const pixels = Float32Array.from({ length: 40 * size }, (_, i) => (i * 31 % 97) / 97);
  const test = floatExamples(pixels, Uint8Array.from({ length: 40 }, (_, i) => i % 10), size);
  const parts = { stack: dbn.stack, dbn, classifier, history: [], warnings: [] };
  const options = {
    ...{ name: "tiny", out, recipe: presets.quick, dataset: "idx" },
    ...{ test, height, width, labels },
  };
  const steps = ["", "model.safetensors", "config.json", "model.onnx", "images/samples.png"];
  for (const step of steps) {
    const stop = new AbortController();
    const watch = setInterval(() => {
      const at = join(parent, ".1.partial", step);
      try {
        if (Deno.statSync(at)) stop.abort(new Error("stopped"));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }, 0);
    const saving = saveRun(parts, { ...options, signal: stop.signal });
    await assertRejects(() => saving, Error, "stopped", step);
    clearInterval(watch);
    assertEquals([...Deno.readDirSync(parent)], [], step);
  }
  await saveRun(parts, options);
  assertEquals([...Deno.readDirSync(parent)].map(({ name }) => name), ["1"]);
});
