import { assert, assertEquals, assertRejects } from "@std/assert";
import { writeModelFile } from "../../src/repository/model_directory.ts";
import { writeWhole } from "../../src/repository/write_file.ts";
import { presets } from "../../train/recipes/presets.ts";
import { writeCheckpoint } from "../../train/run/checkpoint.ts";
import { writeResult } from "../../train/run/result.ts";

const directory = await Deno.makeTempDir();
const names = () => [...Deno.readDirSync(directory)].map(({ name }) => name).sort();

Deno.test("a file is replaced whole, and nothing else is left", async () => {
  await writeWhole(`${directory}/a`, "first, longer");
  await writeWhole(new URL(`file://${directory}/a`), Uint8Array.of(104, 105));
  assertEquals(await Deno.readTextFile(`${directory}/a`), "hi");
  assertEquals(names(), ["a"]);
});

const progress = { stage: 0, step: 0, sums: {}, seconds: 0, history: [] };
const checkpoint = { recipe: presets.quick, progress, tensors: new Map() };
const writers: [string, () => Promise<void>][] = [
  ["a", () => writeWhole(`${directory}/a`, new Uint8Array(5))],
  ["b", () => writeModelFile(new URL(`file://${directory}/`), "b", "12345")],
  ["c", () => writeCheckpoint(`${directory}/c`, checkpoint)],
  [
    "result.json",
    () => writeResult(directory, { recipe: presets.quick, dataset: "mnist", history: [] }),
  ],
];
for (const [name, write] of writers) {
  Deno.test({
    name: `a full disk is told with the file, and the old one stays: ${name}`,
    ignore: Deno.build.os !== "linux", // only Linux has a device that is always full
    async fn() {
      await Deno.writeTextFile(`${directory}/${name}`, "old");
      await Deno.symlink("/dev/full", `${directory}/${name}.partial`);
      const { message } = await assertRejects(write, Error);
      assert(message.startsWith(`Cannot write ${directory}/${name} (`), message);
      assert(message.includes("bytes): ENOSPC: no space left on device"), message);
      assertEquals(await Deno.readTextFile(`${directory}/${name}`), "old");
      assert(!names().includes(`${name}.partial`));
    },
  });
}

Deno.test("a directory that is not there, or a file in its place, is named", async () => {
  for (const path of [`${directory}/none/a`, `${directory}/a/b`]) {
    await Deno.writeTextFile(`${directory}/a`, "old");
    const error = await assertRejects(() => writeWhole(path, "new"), Error);
    assert(error.message.startsWith(`Cannot write ${path} (3 bytes): `), error.message);
  }
});
