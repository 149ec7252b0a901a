import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManifestError, readManifest } from "../../src/format/manifest.ts";
import { ModelFileMissingError } from "../../src/repository/bounded_read.ts";
import { describeVersion } from "../../src/repository/describe_version.ts";
import { saveModel } from "../../src/repository/model_directory.ts";
import { sha256 } from "../../src/outside/sha256.ts";
import { tinyModel } from "../model/tiny_model.ts";

/** A model directory that is removed in the end. */
async function makeModel(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "a model " });
  await saveModel(path, tinyModel());
  await Deno.mkdir(`${path}/images`);
  await Deno.writeTextFile(`${path}/images/samples.png`, "png");
  const dispose = () => Deno.remove(path, { recursive: true });
  return { path, [Symbol.asyncDispose]: dispose };
}

Deno.test("a model directory's version lists all its files and is the same again", async () => {
  await using model = await makeModel();
  await Deno.writeTextFile(`${model.path}/.hidden`, "hidden");
  const { manifest, bytes, digest, files } = await describeVersion(model.path);
  const { config } = tinyModel();
  assertEquals([manifest.model, manifest.version], [config.name, config.version]);
  assertEquals(files.map(({ path }) => path), [
    ...["classifier.safetensors", "config.json", "images/samples.png", "model.safetensors"],
  ]);
  for (const { path, size, sha256: expected, read } of files) {
    const content = await Deno.readFile(`${model.path}/${path}`);
    assertEquals(await read(), content);
    assertEquals([size, expected], [content.length, await sha256(content)]);
  }
  assertEquals(readManifest(bytes), manifest);
  await Deno.writeFile(`${model.path}/manifest.json`, bytes);
  assertEquals((await describeVersion(model.path)).digest, digest);
});

Deno.test("another name or version changes these two of config.json and nothing else", async () => {
  await using model = await makeModel();
  const plain = await describeVersion(model.path);
  const renamed = await describeVersion(model.path, { model: "other", version: 12 });
  assertEquals([renamed.manifest.model, renamed.manifest.version], ["other", 12]);
  const differing = renamed.files.filter(({ sha256 }, i) => sha256 !== plain.files[i].sha256);
  assertEquals(differing.map(({ path }) => path), ["config.json"]);
  const [before, after] = await Promise.all(
    [plain, renamed].map(async ({ files }) => {
      const bytes = await files.find(({ path }) => path === "config.json")!.read();
      return JSON.parse(new TextDecoder().decode(bytes));
    }),
  );
  assertEquals(after, { ...before, name: "other", version: 12 });
  assertEquals(Object.keys(after), Object.keys(before));
});

Deno.test("a model directory that can be no version is refused and named", async () => {
  const make: Record<string, (path: string) => Promise<unknown>> = {
    link: (path) => Deno.symlink("/etc/hostname", path),
    "folder that is a link": (path) => Deno.symlink("/etc", path),
    "named pipe": (path) => new Deno.Command("mkfifo", { args: [path] }).output(),
    "name with a space": (path) => Deno.writeTextFile(`${path} `, ""),
    "folder too deep": (path) => Deno.mkdir(`${path}/b/c/d/e`, { recursive: true }),
    "file too large": async (path) => {
      using file = await Deno.create(path);
      await file.truncate(3e9);
    },
    "files too many": async (path) => {
      await Deno.mkdir(path);
      for (let i = 0; i < 101; i++) await Deno.writeTextFile(`${path}/${i}`, "");
    },
  };
  for (const [what, spoil] of Object.entries(make)) {
    await using model = await makeModel();
    await spoil(`${model.path}/a`);
    const error = await assertRejects(() => describeVersion(model.path), Error, "", what);
    assert(error.message.includes(model.path), `${what}: ${error.message}`);
    assert(error.message.length < 600, error.message);
  }
  await using model = await makeModel();
  for (const name of [{ model: "../x" }, { model: ".x" }, { version: 0 }, { version: 2 ** 31 }]) {
    await assertRejects(() => describeVersion(model.path, name), ManifestError);
  }
  await Deno.remove(`${model.path}/config.json`);
  await assertRejects(() => describeVersion(model.path), ModelFileMissingError);
});
