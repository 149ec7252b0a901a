/** Which model a server begins with, by what its flags and the directory's aliases say. */
import { assertEquals, assertRejects } from "@std/assert";
import { describeVersion } from "../../src/repository/describe_version.ts";
import { DirectoryRepository } from "../../src/repository/directory/directory_repository.ts";
import { saveModel } from "../../src/repository/model_directory.ts";
import { chooseSource } from "../../src/serving/source.ts";
import { tinyModel } from "../model/tiny_model.ts";

/** A directory of models with versions 1 and 2 of `tiny`. */
async function twoVersions(): Promise<{ path: string; repository: DirectoryRepository }> {
  const path = await Deno.makeTempDir(), model = tinyModel();
  for (const version of [1, 2]) {
    const directory = `${path}/tiny/${version}`;
    await saveModel(directory, { ...model, config: { ...model.config, version } });
    const { bytes } = await describeVersion(directory);
    await Deno.writeFile(`${directory}/manifest.json`, bytes);
  }
  return { path, repository: new DirectoryRepository(new URL(`file://${path}/`), path) };
}

Deno.test("without flags the released model is served at once, and its aliases are followed", async () => {
  const { model, repository, isPromoted } = await chooseSource({});
  assertEquals([model, await isPromoted()], [undefined, false]);
  const [production] = await (await repository!()).aliases("mnist-dbn");
  assertEquals([production.alias, production.version], ["production", 3]);
});

Deno.test("models/NAME is its newest version until production names another", async () => {
  const { path, repository } = await twoVersions();
  const newest = await chooseSource({ model: `${path}/tiny` });
  assertEquals(newest.model, `file://${path}/tiny/2/`);
  await repository.moveAlias("tiny", "production", { version: 1, by: "test" });
  const named = await chooseSource({ model: `${path}/tiny` });
  assertEquals(named.model, `file://${path}/tiny/1/`);
  assertEquals((await (await named.repository!()).versions("tiny")).length, 2);
});

Deno.test("a version's directory is served for good, unless a repository is named too", async () => {
  const { path } = await twoVersions();
  const alone = await chooseSource({ model: `${path}/tiny/1` });
  assertEquals([alone.repository, await alone.isPromoted()], [undefined, false]);
  const followed = await chooseSource({ model: `${path}/tiny/1`, repository: path });
  assertEquals([followed.repository === undefined, await followed.isPromoted()], [false, true]);
});

Deno.test("a directory of no version is refused with what is missing", async () => {
  const path = await Deno.makeTempDir();
  await Deno.mkdir(`${path}/empty`);
  await assertRejects(
    () => chooseSource({ model: `${path}/empty` }),
    RangeError,
    "it has no version with a manifest.json",
  );
});
